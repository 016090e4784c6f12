"""Cursors: where the next page of a list begins. Clients get them signed and cannot use them for another list."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Annotated, Any, Final

from django.core.signing import BadSignature, Signer
from pydantic import BeforeValidator, Field

from watchword.control.api.problems import Fault, Invalid, fault

if TYPE_CHECKING:
    from collections.abc import Mapping

_SALT: Final = "watchword.api.cursor.1"
_MOST: Final = 1000


def _digits(value: Any) -> Any:
    """Refuse the other spellings of an integer that the library takes, such as ` 5 `, `+5`, `1_0` and `5.0`."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value) is None:
        raise ValueError("This must be an integer.")
    return value


Limit = Annotated[int, Field(ge=1, le=500, description="How many items a page has at most."), BeforeValidator(_digits)]
Cursor = Annotated[str | None, Field(max_length=_MOST, description="`next_cursor` of the page before.")]


def cursor_of(listing: str, query: Mapping[str, object], position: str | None) -> str | None:
    """Return the cursor for a position; None at the end of the list.

    Args:
        listing: the operation and its organization.
        query: all parameters that decide what is in the list; not the length of a page.
        position: of the first item that is missing on this page.
    """
    return None if position is None else _signer().sign_object([_digest(listing, query), position])


def position_of(listing: str, query: Mapping[str, object], cursor: str | None) -> str | None:
    """Return the position in a cursor that this list has given; None without a cursor.

    Raises:
        Problem: cursor_invalid: a damaged cursor, or one of another list, query or organization.
    """
    if cursor is None:
        return None
    try:
        digest, position = _signer().unsign_object(cursor) if cursor.isascii() else ("", "")
    except (BadSignature, ValueError):
        digest, position = "", ""
    if digest != _digest(listing, query):
        raise fault(Fault.CURSOR_INVALID, errors=[Invalid("/cursor", Fault.CURSOR_INVALID.sentence, "query")])
    return str(position)


def _digest(listing: str, query: Mapping[str, object]) -> str:
    text = json.dumps([listing, {name: str(value) for name, value in query.items()}], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _signer() -> Signer:
    return Signer(salt=_SALT)
