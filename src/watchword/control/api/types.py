"""What the types of all bodies and parameters share."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

_TIME: Final = re.compile(
    # Not 24:00, which only some versions of Python read.
    r"\d{4}-\d{2}-\d{2}T(?:[01]\d|2[0-3]):\d{2}:\d{2}(?:\.\d{1,6})?(?:Z|[+-]\d{2}:\d{2})",
    re.ASCII | re.IGNORECASE,
)
_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_EARLIEST: Final = 1970
_LATEST: Final = 9998


class Body(BaseModel):
    """The body of a request: no unknown members, and no value of another type is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)


def _without_defaults(schema: dict[str, Any]) -> None:
    for member in schema["properties"].values():
        member.pop("default", None)


class Change(Body):
    """The body of a PATCH. Its defaults have no meaning, because an absent member stays as it is."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)


class Resource(BaseModel):
    """The body of a response. Every member is always present; null says that there is no value."""

    model_config = ConfigDict(use_attribute_docstrings=True)


def _time(value: Any) -> datetime:
    """Read a time of RFC 3339. One without a zone could mean several instants."""
    if not isinstance(value, str) or _TIME.fullmatch(value) is None:
        raise ValueError("This must be a time with a zone, such as 2026-11-24T09:30:00Z.")
    try:
        read = datetime.fromisoformat(value.upper())
    except ValueError:
        raise ValueError("This time does not exist.") from None
    # The database and conversions to another zone have no room beyond these years.
    if not _EARLIEST <= read.year <= _LATEST:
        raise ValueError(f"The year must be between {_EARLIEST} and {_LATEST}.")
    return read


def _id(value: Any) -> Any:
    """Refuse the other spellings of a UUID that the library takes: with braces, without hyphens, as a URN."""
    if not isinstance(value, str) or _ID.fullmatch(value) is None:
        raise ValueError("This must be a UUID.")
    return value


def _not_blank(value: str) -> str:
    if value == "":
        raise ValueError("This cannot be an empty text.")
    return value


GivenTime = Annotated[
    datetime, BeforeValidator(_time), Field(strict=False), WithJsonSchema({"type": "string", "format": "date-time"})
]
"""A time that a client sends."""

GivenId = Annotated[UUID, Field(strict=False), BeforeValidator(_id)]

Text = Annotated[str, AfterValidator(_not_blank), Field(json_schema_extra={"minLength": 1})]
"""A text with at least one character. To accept any value, clients send null: "" could be a lost value."""
