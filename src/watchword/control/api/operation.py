"""`operation` declares one operation of the API: address, right, refusals and ETag, once and for all uses.

What is declared is enforced here before the handler.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, get_type_hints

from django.http import HttpResponse
from ninja.decorators import decorate_view
from ninja.signature import ViewSignature

from watchword.control.api.admission import admit
from watchword.control.api.declarations import OPERATIONS, ORGANIZATION, ETag, Operation
from watchword.control.api.problems import Fault, fault
from watchword.control.api.strict_requests import (
    check_content_type,
    check_query,
    expected_etag,
    expected_version,
    read_body,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase
    from ninja import Router
    from pydantic import BaseModel

    from watchword.control.base.actor import Actor, Required
    from watchword.control.base.refusals import RefusalReason

    Handler = Callable[..., "Answer | HttpResponseBase"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a handler returns.

    Attributes:
        body: None for an empty response.
        etag: of the version in the body.
        location: the address of what was created.
    """

    body: BaseModel | None = None
    status: int = 200
    etag: str | None = None
    location: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An admitted request.

    Attributes:
        request: as Django has it.
        actor: who asks; holds the operation's right.
        organization: of the address; "" for the provider's own addresses.
        version: what If-Match names, for an operation that requires it; else 0.
        etag: the same as it was sent, for an operation that compares it itself; else "".
    """

    request: HttpRequest
    actor: Actor
    organization: str
    version: int = 0
    etag: str = ""


def operation(
    router: Router,
    method: str,
    path: str,
    *,
    reads: Required | None = None,
    changes: tuple[Required, str] | None = None,
    returns: type[BaseModel] | None = None,
    status: int = 200,
    produces: str = "application/json",
    refusals: Iterable[RefusalReason] = (),
    etag: ETag = ETag.NONE,
    identity: str = "",
    members: Mapping[str, str] | None = None,
) -> Callable[[Handler], Handler]:
    """Declare an operation and add it to the router. All other arguments are those of `Operation`.

    Args:
        router: the resource's.
        method: the HTTP method.
        path: below /api/v1/.
        reads: the right whose subject the operation reads; a role may have it as "view only".
        changes: the right to change, and the audit log's action. Exactly one of the two is given.
        returns: the body of success.
        status: of success.
        produces: the content type of success.
        refusals: the reasons of its command.
        etag: how it uses versions.
        identity: the part of the path whose ETag is required; "" if the operation compares it itself.
        members: the body's member for each field of the command that has another name there.
    """
    right, action = (reads, None) if changes is None else changes
    if right is None:
        raise RuntimeError(f"{method} {path}: declare what it reads or what it changes")

    def declared(handler: Handler) -> Handler:
        view = _view(handler, in_organization=ORGANIZATION in path)
        models = {model.__ninja_param_source__: model for model in ViewSignature(path, view).models}
        query: Any = models.get("query")
        entry = Operation(
            name=handler.__name__,
            method=method,
            path=path,
            right=right,
            action=action,
            status=status,
            returns=returns,
            produces=produces,
            refusals=frozenset(refusals),
            etag=etag,
            identity=identity,
            members=members or {},
            parameters=frozenset() if query is None else frozenset(query.__ninja_flatten_map__),
            takes_body="body" in models,
        )
        if OPERATIONS.setdefault(entry.name, entry) is not entry:
            raise RuntimeError(f"two operations are called {entry.name}")
        router.api_operation([method], path, operation_id=entry.name, url_name=entry.name, response={status: returns})(
            decorate_view(_guard(entry))(view)
        )
        return handler

    return declared


def _view(handler: Handler, *, in_organization: bool) -> Callable[..., HttpResponseBase]:
    """Return the handler as django-ninja calls it: with the request, whose `call` the handler gets instead."""

    @wraps(handler)
    def view(request: HttpRequest, **values: Any) -> HttpResponseBase:
        call: Call = request.call  # type: ignore[attr-defined]  # Set by the guard.
        if in_organization:
            del values["organization"]
        answer = handler(call, **values)
        return _response(answer) if isinstance(answer, Answer) else answer

    # With types instead of their texts: django-ninja would look the names up in this module.
    hints = get_type_hints(handler, include_extras=True)
    _, *parameters = inspect.signature(handler).parameters.values()
    kinds = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    first = [inspect.Parameter("request", kinds[0])]
    if in_organization:
        first.append(inspect.Parameter("organization", kinds[1], annotation=str))
    view.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [*first, *(one.replace(annotation=hints[one.name], kind=kinds[1]) for one in parameters)]
    )
    return view


def _response(answer: Answer) -> HttpResponse:
    body = b"" if answer.body is None else answer.body.model_dump_json(by_alias=True).encode()
    response = HttpResponse(body, status=answer.status, content_type="application/json")
    if answer.body is None:
        del response["Content-Type"]
    if answer.etag is not None:
        response["ETag"] = answer.etag
    if answer.location is not None:
        response["Location"] = answer.location
    return response


def _guard(entry: Operation) -> Callable[[Any], Any]:
    """Return the decorator that admits a request: first the right, then the form of the request."""

    def guard(run: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        def guarded(request: HttpRequest, **parts: Any) -> HttpResponseBase:
            request.operation = entry  # type: ignore[attr-defined]  # For the problem document.
            organization = parts.get("organization", "")
            actor = admit(request, entry, organization)
            if entry.takes_body:
                check_content_type(request)
                request.members = read_body(request.body)  # type: ignore[attr-defined]  # For the parser.
            elif request.body:
                raise fault(Fault.BODY_UNEXPECTED)
            check_query(request, entry.parameters)
            version, named = 0, ""
            if entry.etag is ETag.REQUIRED and entry.identity:
                version = expected_version(request.headers.get("If-Match"), parts[entry.identity])
            elif entry.etag is ETag.REQUIRED:
                named = expected_etag(request.headers.get("If-Match"))
            request.call = Call(  # type: ignore[attr-defined]
                request=request, actor=actor, organization=organization, version=version, etag=named
            )
            return run(request, **parts)

        return guarded

    return guard
