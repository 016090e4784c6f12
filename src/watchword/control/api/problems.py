"""Problem documents (RFC 9457): every error of the API, with a stable reason code.

A refusal of a command keeps the code that it has in the portal, and a refused token keeps the kernel's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from django.http import HttpResponse

from watchword.control.base.refusals import RefusalReason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watchword.control.base.refusals import Refusal

CONTENT_TYPE: Final = "application/problem+json"
MOST_ERRORS: Final = 50
"""A body can have tens of thousands of invalid members."""


class Fault(Enum):
    """What is wrong with a request before a command sees it: code, HTTP status and sentence."""

    CREDENTIALS_MISSING = (
        "credentials_missing", 401, "Send an API key or an access token in the header Authorization: Bearer.",
    )  # fmt: skip
    TOKEN_WITHOUT_ORGANIZATION = (
        "organization_not_named", 401,
        "Access tokens are accepted only at addresses of an organization. Use an API key of an operator.",
    )  # fmt: skip
    METHOD_NOT_ALLOWED = ("method_not_allowed", 405, "This address does not support the method.")
    UNREADABLE = ("request_unreadable", 400, "The request cannot be read.")
    BODY_MALFORMED = ("body_malformed", 400, "The body must be one JSON object. {why}")
    BODY_UNEXPECTED = ("body_unexpected", 400, "This operation takes no body.")
    QUERY_INVALID = ("query_invalid", 400, "The query of the address is invalid.")
    CURSOR_INVALID = (
        "cursor_invalid", 400, "The cursor belongs to another query or is damaged. Begin without a cursor.",
    )  # fmt: skip
    IF_MATCH_MALFORMED = ("if_match_malformed", 400, "The header If-Match must hold the one ETag of the last response.")
    VERSION_DIFFERS = (
        "version_stale", 412, "The ETag in If-Match is not that of the present version. Nothing was changed.",
    )  # fmt: skip
    REFERENCE_DIFFERS = ("version_stale", 412, "The suspension has another reference. Nothing was changed.")
    TOO_SLOW = ("too_slow", 408, "The request did not arrive in time.")
    TOO_LARGE = ("too_large", 413, "The request is too large.")
    TYPE_UNSUPPORTED = (
        "media_type_unsupported", 415,
        "Send the body as Content-Type: application/json in UTF-8 and without Content-Encoding.",
    )  # fmt: skip
    IF_MATCH_MISSING = (
        "if_match_missing", 428, "Send the ETag of what you read in the header If-Match, so that no change is lost.",
    )  # fmt: skip
    FAILED = ("failed", 500, "The request failed because of a fault of this service.")
    UNAVAILABLE = ("unavailable", 503, "The service cannot be used right now. Try again.")

    def __init__(self, code: str, status: int, sentence: str) -> None:
        self.code = code
        self.status = status
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Invalid:
    """One invalid part of a request.

    Attributes:
        pointer: a JSON pointer (RFC 6901) into the body; for a query parameter or a header `/` and its name.
        detail: the sentence.
        place: body, query or header.
    """

    pointer: str
    detail: str
    place: str = "body"


_PLACES: Final = {
    Fault.IF_MATCH_MISSING: ("/If-Match", "header"),
    Fault.IF_MATCH_MALFORMED: ("/If-Match", "header"),
    Fault.VERSION_DIFFERS: ("/If-Match", "header"),
    Fault.REFERENCE_DIFFERS: ("/reference", "query"),
    Fault.TYPE_UNSUPPORTED: ("/Content-Type", "header"),
}
"""What a fault is about that is always about the same part of a request: pointer and place."""


class Problem(Exception):
    """A request that gets a problem document.

    Attributes:
        reason: the stable code.
        detail: the sentence.
        errors: the invalid parts, if the problem is about parts.
        headers: further headers, such as the challenge of a 401.
        more: further members, such as what a validation found.
    """

    def __init__(
        self,
        *,
        status: int,
        reason: str,
        detail: str,
        errors: Sequence[Invalid] = (),
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        self.status = status
        self.reason = reason
        self.detail = detail
        self.errors = tuple(errors[:MOST_ERRORS])
        self.headers = dict(headers or {})
        self.more = dict(more or {})
        super().__init__(reason)


def fault(
    which: Fault, *, errors: Sequence[Invalid] = (), headers: Mapping[str, str] | None = None, **details: str
) -> Problem:
    """Return the problem of a fault; `details` fill its sentence."""
    detail = which.sentence.format(**details).strip()
    if which in _PLACES:
        pointer, place = _PLACES[which]
        errors = [Invalid(pointer, detail, place)]
    return Problem(
        status=which.status,
        reason=which.code,
        detail=detail,
        errors=errors,
        headers=headers,
    )


def fields_invalid(errors: Sequence[Invalid]) -> Problem:
    """Return the problem of invalid members, with the code of a command that refuses fields."""
    reason = RefusalReason.FIELDS_INVALID
    return Problem(status=reason.status, reason=reason.code, detail=reason.template, errors=errors)


def refused(refusal: Refusal, members: Mapping[str, str]) -> Problem:
    """Return the problem of a command's refusal.

    Args:
        refusal: the command's.
        members: the member of the body for each field of the command that has another name there.
    """
    invalid = refusal.field_errors
    if refusal.reason is RefusalReason.NAME_TAKEN and not invalid:
        # Of an organization it is the ID; these commands leave it to their form which field that is.
        invalid = {"organization_id" if "organization_id" in members else "name": refusal.sentence}
    errors = tuple(Invalid(f"/{members.get(name, name)}", detail) for name, detail in invalid.items())
    seconds = refusal.details.get("seconds")
    return Problem(
        status=refusal.status,
        reason=refusal.code,
        detail=refusal.above_fields,
        errors=errors,
        headers=None if seconds is None else {"Retry-After": str(seconds)},
    )


def document(problem: Problem, request_id: str) -> bytes:
    """Return the problem document."""
    members: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "reason": problem.reason,
        "errors": [
            {"in": invalid.place, "pointer": invalid.pointer, "detail": invalid.detail} for invalid in problem.errors
        ],
        "request_id": request_id,
        **problem.more,
    }
    return json.dumps(members).encode()


def response(problem: Problem, request_id: str) -> HttpResponse:
    """Return the problem as Django's response."""
    return HttpResponse(
        document(problem, request_id),
        status=problem.status,
        content_type=CONTENT_TYPE,
        headers=problem.headers,
    )
