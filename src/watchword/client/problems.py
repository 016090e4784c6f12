"""Why a request to the management API failed, in sentences for a terminal. None contains the credential."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from watchword.client.yaml_writing import printable
from watchword.core.strict_json import JsonRefused, parse_object

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_CHARACTERS = 1000
_MAX_ERRORS = 50
_UNAUTHORIZED = 401


class ApiFailed(Exception):
    """The request did not do what was wanted; its text is for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class InvalidPart:
    """One invalid part of a request; `pointer` is a JSON pointer into its body, such as `/issuer`."""

    pointer: str
    detail: str


class ApiRefused(ApiFailed):
    """The portal answered with a problem document (RFC 9457), or with an error status and none.

    Attributes:
        reason: the stable code; "" without a document.
        errors: the invalid parts, if the problem names any.
    """

    def __init__(
        self, *, status: int, reason: str, sentence: str, errors: tuple[InvalidPart, ...], request_id: str
    ) -> None:
        self.status = status
        self.reason = reason
        self.sentence = sentence
        self.errors = errors
        self.request_id = request_id
        super().__init__(self.described())

    def described(self, places: dict[str, str] | None = None) -> str:
        """The whole text; `places` says where in a file the value of a pointer stands."""
        lines = [self.sentence]
        for error in self.errors:
            where = (places or {}).get(error.pointer, error.pointer.removeprefix("/"))
            lines.append(f"  {where}: {error.detail}")
        lines.append(f"  Status {self.status}. Request id: {self.request_id}")
        return "\n".join(lines)


def refused(status: int, content_type: str, body: bytes, request_id: str) -> ApiRefused:
    """What a response with an error status says."""
    document = _document(body) if content_type.partition(";")[0].strip() == "application/problem+json" else None
    if document is None:
        sentence = f"The portal answered with status {status} and without an explanation. Is its URL right?"
        return ApiRefused(status=status, reason="", sentence=sentence, errors=(), request_id=request_id)
    title, detail = _text(document.get("title")), _text(document.get("detail"))
    sentence = detail or f"{title or 'Refused'} ({status})."
    if status == _UNAUTHORIZED:
        sentence += " Run `watchword login` with a valid API key."
    return ApiRefused(
        status=status,
        reason=_text(document.get("reason")),
        sentence=sentence,
        errors=tuple(_errors(document.get("errors"))),
        request_id=_text(document.get("request_id")) or request_id,
    )


def _document(body: bytes) -> dict[str, Any] | None:
    try:
        return dict(parse_object(body))
    except JsonRefused:
        return None


def _errors(listed: object) -> Iterator[InvalidPart]:
    for entry in listed[:_MAX_ERRORS] if isinstance(listed, list) else []:
        if isinstance(entry, dict):
            yield InvalidPart(_text(entry.get("pointer")), _text(entry.get("detail")))


def _text(value: object) -> str:
    return printable(value[:_MAX_CHARACTERS]) if isinstance(value, str) else ""
