"""Many portals and workers at once: a batch is applied once, a threshold suspends once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from django.db import connections

from kit.people import NOW
from kit.usage import BOOT, CountingVerifier, batch, line
from watchword.control.activity.commands import ReviewThreshold
from watchword.control.activity.models import UsageStream
from watchword.control.activity.queries import allowed_on
from watchword.control.activity.rules import today
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import SYSTEM
from watchword.control.organizations.models import Suspension

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword.control.organizations.models import Organization

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committing")]

AT_ONCE = 6


def at_once(*acts: Callable[[], object]) -> list[object]:
    def act(what: Callable[[], object]) -> object:
        try:
            return what()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(act, acts))


def test_a_batch_that_reaches_many_portals_at_once_is_applied_once(acme: Organization) -> None:
    verifier = CountingVerifier()
    body = batch(1, line(NOW, 7), line(NOW, 2, outcome="token_expired"))

    answers = at_once(*[lambda: verifier.apply(NOW, body)] * AT_ONCE)

    assert sum(not applied.again for applied in answers) == 1  # type: ignore[attr-defined]
    assert allowed_on("acme", today(NOW)) == 7
    assert UsageStream.objects.get().boot == BOOT


def test_verifiers_that_count_for_one_organization_at_once_lose_nothing(acme: Organization) -> None:
    verifiers = [CountingVerifier(f"edge-{number}") for number in range(AT_ONCE)]

    def send(verifier: CountingVerifier) -> Callable[[], object]:
        return lambda: [
            verifier.apply(NOW, batch(sequence, line(NOW), line(NOW, profile="other"), boot=verifier.boot))
            for sequence in range(1, 6)
        ]

    at_once(*[send(verifier) for verifier in verifiers])

    assert allowed_on("acme", today(NOW)) == AT_ONCE * 5 * 2


def test_concurrent_reviews_suspend_once(acme: Organization) -> None:
    CountingVerifier().apply(NOW, batch(1, line(NOW, 1001)))

    told = at_once(*[lambda: ReviewThreshold(organization_id="acme").run(SYSTEM, now=NOW)] * AT_ONCE)

    assert sorted(told) == [0] * (AT_ONCE - 1) + [100]  # type: ignore[type-var]
    assert Suspension.objects.count() == 1
    assert AuditEvent.objects.filter(action="threshold_reached").count() == 3
