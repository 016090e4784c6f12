"""Choosing a password: typed twice, and hard to guess for this very account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.hashers import make_password

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.identity.hashing import TURNS
from watchword.control.identity.password_rules import context_words, password_fault

if TYPE_CHECKING:
    from watchword.control.identity.models import Person


def hashed_password(password: str, person: Person) -> str:
    """The hash to store. Call it before the transaction, which would hold its locks while this waits.

    Raises:
        Refusal: fields_invalid, passwords_busy.
    """
    with TURNS.taken():
        # Scoring a long password takes seconds, so it waits for its turn as well.
        _refuse_weak(password, person)
        return make_password(password)


def _refuse_weak(password: str, person: Person) -> None:
    """Raises fields_invalid for a password that is easily guessed, or too long ever to sign in with."""
    surroundings = [person.email, person.name]
    if person.organization is not None:
        surroundings += [person.organization.pk, person.organization.name]
    fault = password_fault(password, context_words(surroundings))
    if fault is not None:
        raise Refusal(RefusalReason.FIELDS_INVALID, field_errors={"password": fault})
