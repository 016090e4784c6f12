"""What the API refuses in a registration's fields without a fetch, said before anything is changed. Pure.

The portal decides; these are its rules as far as they need neither its database nor its list of shared servers. A test
compares both.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from watchword.client.registration import EXPECTED

if TYPE_CHECKING:
    from collections.abc import Collection

    from watchword.client.registration import Registration

_NAME: Final = re.compile(r"[A-Za-z0-9]{1,64}")
_ROLE: Final = re.compile(r"[A-Za-z0-9]{1,16}")
_DESCRIPTION_MAX: Final = 256
_VALUE_MAX: Final = 2048
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"})


def faults_of(registration: Registration, confirmations: Collection[str]) -> dict[str, str]:
    """A sentence for each member that the API would refuse."""
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
