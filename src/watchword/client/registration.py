"""Authorization servers as the management API describes them, and which of their fields it refuses. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final, Self

from watchword.client.problems import ApiFailed

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

MAX_SERVERS: Final = 2

_NAME: Final = re.compile(r"[A-Za-z0-9]{1,64}")
_ROLE: Final = re.compile(r"[A-Za-z0-9]{1,16}")
_DESCRIPTION_MAX: Final = 256
_VALUE_MAX: Final = 2048
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"})
"""Per organization."""


class UnexpectedResponse(ApiFailed):
    """The response is not what the management API sends."""

    def __init__(self) -> None:
        super().__init__(
            "The portal's response has another form than expected. Does it run another version of Watchword?"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What administrators set, with the API's own names and in its order. None means any, or none.

    Attributes:
        ca_bundle: certificates in canonical PEM, so that equal ones are equal texts.
    """

    name: str
    description: str
    jwks_location: str
    verify_certificate: bool
    ca_bundle: str | None
    issuer: str | None
    audience: str | None
    client_id: str | None
    accepts_bound_tokens: bool
    required_role: str | None

    def as_json(self) -> dict[str, str | bool | None]:
        return {name: getattr(self, name) for name in FIELDS}


FIELDS: Final = tuple(field.name for field in fields(Registration))
CONFIRMATIONS: Final = ("confirm_any_token", "confirm_any_user")
"""What the API wants to have confirmed before it saves a registration that accepts tokens of others."""

EXPECTED: Final = ("issuer", "audience", "client_id")
"""What tokens must have; with none of them, every token of the server is accepted."""

_FLAGS: Final = frozenset({"verify_certificate", "accepts_bound_tokens"})
_TEXTS: Final = frozenset({"name", "description", "jwks_location"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentServer:
    """A registered server.

    Attributes:
        version: for If-Match.
        confirmation: the one of `CONFIRMATIONS` without which the API would not save it again; None if none is needed.
    """

    id: str
    version: int
    enabled: bool
    registration: Registration
    confirmation: str | None = None

    @property
    def name(self) -> str:
        return self.registration.name

    @property
    def is_masked(self) -> bool:
        """Whether the API hid values of the location's query, because the client may only read."""
        return "…" in self.registration.jwks_location

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what the API sends. Members that this version does not know are ignored.

        Raises:
            UnexpectedResponse: a member is missing or has another type.
        """
        values: dict[str, Any] = {name: document.get(name) for name in FIELDS}
        good = (
            all(isinstance(values[name], bool) for name in _FLAGS)
            and all(isinstance(values[name], str) for name in _TEXTS)
            and all(values[name] is None or isinstance(values[name], str) for name in set(FIELDS) - _FLAGS - _TEXTS)
            and isinstance(document.get("id"), str)
            and type(document.get("version")) is int
            and isinstance(document.get("enabled"), bool)
        )
        if not good:
            raise UnexpectedResponse
        required = document.get("required_confirmation")
        return cls(
            id=document["id"],
            version=document["version"],
            enabled=document["enabled"],
            registration=Registration(**values),
            confirmation=required if required in CONFIRMATIONS else None,
        )


def faults_of(registration: Registration, confirmations: Collection[str]) -> dict[str, str]:
    """A sentence for each member that the API would refuse without a fetch, to say it before anything is changed.

    The portal decides; these are its rules as far as they need neither its database nor its list of shared servers. A
    test compares both.
    """
    faults: dict[str, str | None] = {
        "name": None if _NAME.fullmatch(registration.name) else "must be 1 to 64 of the letters A to Z and digits.",
        "description": _fault_of(registration.description.replace("\n", ""), len(registration.description)),
        "required_role": None
        if registration.required_role is None or _ROLE.fullmatch(registration.required_role)
        else "must be 1 to 16 of the letters A to Z and digits.",
    }
    for member in EXPECTED:
        faults[member] = _fault_of_value(getattr(registration, member) or "")
    accepts_any = not any(getattr(registration, member) for member in EXPECTED)
    if accepts_any and "confirm_any_token" not in confirmations:
        faults["audience"] = (
            "is null, as issuer and client_id are: every token that this server signs would be accepted. Set one of "
            "the three, or add “confirm_any_token: true”."
        )
    return {member: sentence for member, sentence in faults.items() if sentence is not None}


def _fault_of(text: str, length: int, most: int = _DESCRIPTION_MAX) -> str | None:
    if length > most:
        return f"cannot exceed {most} characters; this one has {length}."
    if any(unicodedata.category(character) in _INVISIBLE for character in text):
        return "contains a control character or another invisible character."
    return None


def _fault_of_value(value: str) -> str | None:
    if value != value.strip():
        return "begins or ends with a space."
    return _fault_of(value, len(value), _VALUE_MAX)
