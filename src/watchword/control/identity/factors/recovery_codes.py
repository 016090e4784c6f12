"""Recovery codes: made as a whole, used once each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword.control.identity.factors import rules
from watchword.control.identity.models import RecoveryCode

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.base.unit_of_work import UnitOfWork
    from watchword.control.identity.models import Person


def replace_codes(work: UnitOfWork, person: Person) -> list[str]:
    """Make new codes within a change; earlier ones stop working. They are not stored and cannot be shown again."""
    earlier = RecoveryCode.objects.filter(person=person)
    left = earlier.filter(used_at__isnull=True).count()
    earlier.delete()
    codes = [rules.new_recovery_code() for _ in range(rules.CODES)]
    RecoveryCode.objects.bulk_create(
        RecoveryCode(person=person, code_hash=rules.recovery_code_hash(code), created_at=work.now) for code in codes
    )
    work.record(target=person.email, action="recovery_codes_replaced", changes={"recovery_codes": [left, len(codes)]})
    return codes


def use_code(person_id: int, typed: str, now: datetime) -> bool:
    """Use a code up within the caller's transaction. Of two attempts at the same time one succeeds."""
    code = rules.typed_recovery_code(typed)
    if code is None:
        return False
    own = RecoveryCode.objects.filter(person_id=person_id, code_hash=rules.recovery_code_hash(code))
    return own.filter(used_at__isnull=True).update(used_at=now) == 1
