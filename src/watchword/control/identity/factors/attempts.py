"""Slows down guesses at second factors, per person and kind of factor.

Six digits are guessed by trying, and only after a correct password. So the delay grows up to an hour, which leaves 24
guesses a day. It locks nobody out: a person whose app's codes are delayed signs in with a passkey or a recovery code.
Those cannot be guessed. They are counted separately, for each address alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from watchword.control.base.audit_log import REFUSED, Entry, append
from watchword.control.identity.throttle import factor_key, note_failure

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.base.actor import Actor
    from watchword.control.identity.factor_rules import Factor
    from watchword.control.identity.models import Person
    from watchword.control.identity.throttle import ThrottleKey


def attempt_key(factor: Factor, person: Person, address: str | None) -> ThrottleKey:
    """What a guess from this address is counted under.

    `throttle.admit_attempt` comes before the factor is checked, and afterwards `throttle.note_success` in the
    transaction that uses it, or `record_wrong`.
    """
    return factor_key(factor, person.pk, address)


def record_wrong(actor: Actor, factor: Factor, person: Person, *, action: str, now: datetime) -> None:
    """End an attempt that failed, and record it: the organization should see guesses in its audit log.

    Args:
        actor: the person, in the portal.
        factor: what was tried; never what was typed.
        person: whose account.
        action: what it was for, such as `signed_in`.
        now: the clock's time.
    """
    with transaction.atomic(durable=True):
        note_failure(attempt_key(factor, person, actor.address), now)
        append(
            Entry(
                at=now,
                organization=person.organization_id,
                actor=actor.name,
                interface=actor.interface.value,
                address=actor.address,
                action=action,
                target=person.email,
                result=REFUSED,
                changes={"factor": [None, factor.value]},
            )
        )
