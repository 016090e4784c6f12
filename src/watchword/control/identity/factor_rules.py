"""Factors: what a person has proven in a session, and which of them together are strong. Pure."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

PENDING_LIFETIME: Final = timedelta(minutes=10)
"""How long an accepted password waits for the second factor."""

CEREMONY_LIFETIME: Final = timedelta(minutes=5)
"""How long an authenticator or an identity provider may take to respond."""

PROOF_LIFETIME: Final = timedelta(minutes=15)
"""How long a change that needs proof accepts the last one."""

PROOF_FOR_A_DIALOG: Final = timedelta(minutes=10)
"""How old proof may be when the dialog of such a change opens, so that at least five minutes remain to fill it in."""


class Factor(Enum):
    """A way in which a person proves who they are. The values are stored in sessions and in the audit log.

    Attributes:
        PASSKEY: with user verification, so it is both possession and knowledge or biometrics.
        SINGLE_SIGN_ON: the identity provider decides which factors it asks for.
    """

    PASSWORD = "password"  # noqa: S105 - the name of the factor.
    PASSKEY = "passkey"
    AUTHENTICATOR_APP = "authenticator app"
    RECOVERY_CODE = "recovery code"
    SINGLE_SIGN_ON = "single sign-on"


_STRONG_ALONE: Final = frozenset({Factor.PASSKEY, Factor.SINGLE_SIGN_ON})
_SECOND: Final = frozenset({Factor.AUTHENTICATOR_APP, Factor.RECOVERY_CODE})


def is_strong(factors: Collection[Factor]) -> bool:
    """Whether they are at least two factors, or one that stands for two."""
    held = frozenset(factors)
    return not held.isdisjoint(_STRONG_ALONE) or (Factor.PASSWORD in held and not held.isdisjoint(_SECOND))


def stored(factors: Collection[Factor]) -> list[str]:
    """The values for the database, in the order of `Factor`."""
    return [factor.value for factor in Factor if factor in factors]


def read(values: Collection[str]) -> frozenset[Factor]:
    """The factors of stored values; values that no longer exist prove nothing."""
    return frozenset(factor for factor in Factor if factor.value in values)
