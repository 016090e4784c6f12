"""Before an administrator's or an operator's second factors are reset: what happens, and what to make sure of first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword.control.identity.factor_rules import Factor

if TYPE_CHECKING:
    from watchword.control.identity.queries import PersonRow


def can_be_reset(person: PersonRow) -> bool:
    """Whether the person has a second factor here; the identity provider keeps its own."""
    return not {Factor.PASSKEY, Factor.AUTHENTICATOR_APP}.isdisjoint(person.factors)


def about_reset(person: PersonRow, *, required: bool) -> list[str]:
    """What the person who resets it should know; `required` if the other one must have a second factor."""
    called = person.called
    afterwards = (
        f"With the next password sign-in, {called} must set up a second factor before anything else opens."
        if required
        else f"{called} can then sign in with the password alone, and set up a second factor again."
    )
    return [
        f"Make sure first that {called} asked for it, for example by a call to a number that you know.",
        f"All passkeys, the authenticator app and the recovery codes of {called} are removed, and all sessions end.",
        afterwards,
    ]


def reset_done(person: PersonRow) -> str:
    return f"The second factor of {person.called} is reset. All sessions have ended."
