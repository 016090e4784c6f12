"""Ceremonies: exchanges with an authenticator or an identity provider that begin and end in the same browser.

What must be remembered in between lies encrypted in a cookie of the browser, so that visitors who begin many of them
fill no table. Only a ceremony that has succeeded is stored, so that it cannot succeed again.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.identity.factor_models import UsedCeremony
from watchword.control.identity.factor_rules import CEREMONY_LIFETIME
from watchword.control.identity.sealing import seal, unseal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Ceremony:
    """A ceremony that this browser has begun within the last five minutes.

    Attributes:
        kind: what it is for; a ceremony of one kind never ends another one.
        ceremony_id: random.
        values: what its end needs.
    """

    kind: str
    ceremony_id: uuid.UUID
    values: Mapping[str, str]


def begun(kind: str, values: Mapping[str, str]) -> str:
    """Return the value of the cookie of a new ceremony."""
    return seal(_purpose(kind), json.dumps({"id": str(uuid.uuid4()), "values": dict(values)}))


def opened(kind: str, sealed: str) -> Ceremony:
    """Return the ceremony of the cookie.

    Raises:
        Refusal: ceremony_expired, also for a cookie that is missing, forged or of another kind.
    """
    content = unseal(_purpose(kind), sealed, max_age=CEREMONY_LIFETIME)
    if content is None:
        raise Refusal(RefusalReason.CEREMONY_EXPIRED)
    read = json.loads(content)
    return Ceremony(kind, uuid.UUID(read["id"]), read["values"])


def spend(ceremony: Ceremony, now: datetime) -> None:
    """Note within the caller's transaction that the ceremony has succeeded.

    Raises:
        Refusal: ceremony_expired, for one that has succeeded before.
    """
    try:
        with transaction.atomic():
            # Twice its lifetime, because two portals' clocks may differ.
            UsedCeremony.objects.create(ceremony_id=ceremony.ceremony_id, expires_at=now + 2 * CEREMONY_LIFETIME)
    except IntegrityError:
        raise Refusal(RefusalReason.CEREMONY_EXPIRED) from None


def purge(now: datetime) -> None:
    """Delete what can no longer be replayed."""
    UsedCeremony.objects.filter(expires_at__lt=now).delete()


def _purpose(kind: str) -> str:
    return f"ceremony.{kind}"
