"""The API's own way through Django: no session, no cookie, no CSRF token and no page of the portal takes part."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import ninja.errors
from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpResponseNotAllowed
from django.http.request import UnreadablePostError
from django.urls import Resolver404, resolve
from django.utils.log import log_response

from watchword.control.api import problems
from watchword.control.api.addresses import is_of_api
from watchword.control.api.admission import CHALLENGE
from watchword.control.api.declarations import ETag
from watchword.control.api.problems import Fault, Invalid, Problem, fault, fields_invalid
from watchword.control.api.request_ids import HEADER, request_id_of
from watchword.control.api.strict_requests import escaped
from watchword.control.base.refusals import AccessLost, Refusal, RefusalReason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

_NOT_FOUND: Final = Problem(
    status=RefusalReason.NOT_FOUND.status, reason=RefusalReason.NOT_FOUND.code, detail=RefusalReason.NOT_FOUND.template
)
# The first that fits; the first of these is a SuspiciousOperation, too.
_OF_DJANGO: Final = (
    (RequestDataTooBig, Fault.TOO_LARGE),
    ((BadRequest, SuspiciousOperation, UnreadablePostError), Fault.UNREADABLE),
)

_SENTENCES: Final = {
    "missing": "This member is required.",
    "extra_forbidden": "Unknown member.",
    "string_type": "This must be a text.",
    "bool_type": "This must be true or false.",
    "int_type": "This must be an integer.",
    "int_parsing": "This must be an integer.",
    "int_from_float": "This must be an integer.",
    "list_type": "This must be a list.",
    "dict_type": "This must be an object.",
    "model_type": "This must be an object.",
    "model_attributes_type": "This must be an object.",
}
"""By pydantic's type of an error."""


class ApiRequests:
    """Answers requests to the API; passes all others on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not is_of_api(request.path_info):
            return self._get_response(request)
        request_id = request_id_of(request)
        try:
            response = _respond(request)
        except Problem as problem:
            response = problems.response(problem, request_id)
        except Exception as error:  # noqa: BLE001 - every error becomes a problem document.
            response = problems.response(_problem_of(request, error), request_id)
        response[HEADER] = request_id
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            # A credential that was good when the request began, and no longer under the lock, has no challenge yet.
            response.headers.setdefault(CHALLENGE, 'Bearer error="invalid_token"')
        return response


def _respond(request: HttpRequest) -> HttpResponseBase:
    # Raises for a foreign Host, which elsewhere CommonMiddleware does.
    request.get_host()
    try:
        match = resolve(request.path_info)
    except Resolver404:
        raise _NOT_FOUND from None
    request.resolver_match = match
    sent, request.method = request.method, "GET" if request.method == "HEAD" else request.method
    response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
    # From here on the server leaves the body out.
    request.method = sent
    if isinstance(response, HttpResponseNotAllowed):
        allowed = set(response["Allow"].split(", "))
        allowed |= {"HEAD"} if "GET" in allowed else set()
        raise fault(Fault.METHOD_NOT_ALLOWED, headers={"Allow": ", ".join(sorted(allowed))})
    return response


def _problem_of(request: HttpRequest, error: Exception) -> Problem:
    operation = getattr(request, "operation", None)
    members = {} if operation is None else operation.members
    if isinstance(error, AccessLost):
        error = error.refusal
    if isinstance(error, Refusal):
        if error.reason is RefusalReason.VERSION_STALE:
            by_etag = operation is None or operation.etag is ETag.REQUIRED
            return fault(Fault.VERSION_DIFFERS if by_etag else Fault.REFERENCE_DIFFERS)
        return problems.refused(error, members)
    if isinstance(error, ninja.errors.ValidationError):
        return _invalid_parts(error.errors)
    if isinstance(error, Http404):
        return _NOT_FOUND
    which = next((each for kinds, each in _OF_DJANGO if isinstance(error, kinds)), None)
    return _failed(request, error) if which is None else fault(which)


def _failed(request: HttpRequest, error: Exception) -> Problem:
    """Report a fault of ours as Django does for pages: its own function would render one, for which it reads a form."""
    got_request_exception.send(sender=None, request=request)
    which = Fault.UNAVAILABLE if isinstance(error, (OperationalError, InterfaceError)) else Fault.FAILED
    problem = fault(which)
    log_response(
        "%s: %s",
        "Internal Server Error",
        request.path,
        response=problems.response(problem, request_id_of(request)),
        request=request,
        exception=error,
    )
    return problem


def _invalid_parts(errors: Sequence[Mapping[str, Any]]) -> Problem:
    """Return the problem for django-ninja's list of errors: in the query 400, in the body 422."""
    found = [_invalid(error) for error in errors]
    in_query = [invalid for invalid in found if invalid.place == "query"]
    if in_query:
        return fault(Fault.QUERY_INVALID, errors=in_query)
    return fields_invalid(found)


def _invalid(error: Mapping[str, Any]) -> Invalid:
    place, *path = error["loc"]
    # The body's errors begin with the name of the handler's parameter, which the client does not know.
    names = path[1:] if place == "body" else path[-1:]
    return Invalid(_pointer(names), _sentence(error), place)


def _pointer(names: Iterable[object]) -> str:
    return "".join(f"/{escaped(str(name))}" for name in names)


def _sentence(error: Mapping[str, Any]) -> str:
    known = _SENTENCES.get(error["type"])
    if known is not None:
        return known
    # Ours, from a validator, or one of the library about a bound, which quotes no input.
    text = str(error["msg"]).removeprefix("Value error, ")
    return text if text.endswith(".") else f"{text}."
