"""Rules about factors: names, numbers and the text of codes. Pure."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from watchword.core.characters import is_printable

if TYPE_CHECKING:
    from collections.abc import Collection

PASSKEY_NAME_MAX: Final = 64

PASSKEYS_MAX: Final = 10
"""Passkeys of one person; enough for every device and a spare."""

SETUP_LIFETIME: Final = timedelta(minutes=30)
"""How long a shown secret can be confirmed. Some people install an app first."""

CODES: Final = 10
"""Recovery codes of one person."""

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base32: five bits a character, without I, L, O and U."""

_LOOKALIKES: Final = str.maketrans("ILO", "110")
_GROUPS: Final = 6
_GROUP: Final = 4
CODE_CHARACTERS: Final = _GROUPS * _GROUP
"""Of a recovery code: 120 bits."""

_TYPED_MAX: Final = 100
_SEPARATORS: Final = frozenset("-\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{EN DASH}\N{MINUS SIGN}_.,")


def check_passkey_name(name: str) -> dict[str, str]:
    """Return one sentence for each invalid field, by the field's name."""
    if name == "" or name != name.strip() or len(name) > PASSKEY_NAME_MAX or not is_printable(name):
        return {"name": f"The name has 1 to {PASSKEY_NAME_MAX} characters, no blanks around it, none invisible."}
    return {}


def free_name(name: str, taken: Collection[str]) -> str:
    """Return the name, with a number where one of `taken` is the same, ignoring case."""
    used = {other.casefold() for other in taken}
    numbered = (f"{name[: PASSKEY_NAME_MAX - 3]} {number}" for number in range(2, PASSKEYS_MAX + 2))
    return next(free for free in (name, *numbered) if free.casefold() not in used)


def new_recovery_code() -> str:
    """Return a code in groups, such as `7K2M-…`."""
    characters = "".join(secrets.choice(_ALPHABET) for _ in range(CODE_CHARACTERS))
    return "-".join(characters[at : at + _GROUP] for at in range(0, CODE_CHARACTERS, _GROUP))


def recovery_code_hash(code: str) -> str:
    """Return the SHA-256 of a code of `new_recovery_code`, hexadecimal."""
    # A plain hash is enough: a code has 120 random bits and cannot be guessed.
    return hashlib.sha256(code.replace("-", "").encode("ascii")).hexdigest()


def typed_recovery_code(typed: str) -> str | None:
    """Return the code that a person typed, without separators; None for what cannot be one.

    Blanks, separators, case and characters that look alike do not matter.
    """
    if len(typed) > _TYPED_MAX:
        return None
    kept = "".join(c for c in typed if not c.isspace() and c not in _SEPARATORS)
    code = kept.upper().translate(_LOOKALIKES)
    if len(code) != CODE_CHARACTERS or not set(code) <= set(_ALPHABET):
        return None
    return code
