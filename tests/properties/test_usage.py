"""Counts arrive exactly once, although batches are lost, repeated or reordered and processes killed."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from django.db import DatabaseError
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit import acme
from kit.people import NOW
from kit.usage import KEPT_DAYS
from watchword.control.activity import commands
from watchword.control.activity.batches import decode_batch
from watchword.control.activity.commands import apply_batch
from watchword.control.activity.models import DailyCalls, UsageLine
from watchword.control.fleet.models import VerifierCredential
from watchword.control.organizations.models import Organization
from watchword.core.decision import Allow, TokenProfile, VerifiedClaims
from watchword.verifier.feed_client.failures import FeedUnavailable
from watchword.verifier.usage import backlog as usage_backlog
from watchword.verifier.usage.backlog import Backlog
from watchword.verifier.usage.counting import Usage
from watchword.verifier.usage.journal import Journal
from watchword.verifier.usage.sender import UsageSender

if TYPE_CHECKING:
    from pathlib import Path

ADD_LINES = commands._add_lines
NUMBERS = itertools.count()
FATES = ("arrives", "is lost", "its answer is lost", "the portal is killed")
STEPS = st.one_of(
    st.tuples(st.just("count"), st.integers(1, 9)),
    st.tuples(st.just("send"), st.sampled_from(FATES)),
    st.tuples(st.just("repeat"), st.integers(0, 99)),
    st.tuples(st.just("restart"), st.booleans()),
)


class Killed(DatabaseError):
    """The portal was killed before it committed."""


@dataclass
class World:
    """One verifier node, and the real ledger behind a network that loses and repeats.

    Attributes:
        counted: calls decided.
        untaken: calls decided since the sender last took them; a kill loses only these.
        gone: calls that were lost in this way.
        delivered: every batch that has arrived at least once.
        sent: every batch that was sent.
    """

    number: int
    verifier_id: int
    folder: Path
    counted: int = 0
    untaken: int = 0
    gone: int = 0
    now: float = field(default_factory=NOW.timestamp)
    fate: str = "arrives"
    delivered: set[bytes] = field(default_factory=set)
    sent: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.boot()

    @property
    def organization(self) -> str:
        return f"acme-{self.number}"

    def boot(self) -> None:
        self.usage = Usage()
        self.backlog = Backlog(node="edge-1", boot=f"{next(NUMBERS):032x}")
        self.sender = UsageSender(
            intake=self,
            usages=[self.usage],
            backlog=self.backlog,
            journal=Journal(self.folder / f"{self.number}.json"),
            clock=lambda: self.now,
            monotonic=lambda: self.now,
        )
        self.sender._restore_journal()

    origin = "https://portal.example"

    def report_usage(self, batch: bytes) -> None:
        self.sent.append(batch)
        if self.fate == "is lost":
            raise FeedUnavailable("connection_failed")
        self.arrive(batch)
        if self.fate == "its answer is lost":
            raise FeedUnavailable("timed_out")

    def arrive(self, batch: bytes) -> None:
        try:
            apply_batch(self.verifier_id, decode_batch(batch), NOW, kept_days=KEPT_DAYS, known_since=NOW)
        except Killed:
            raise FeedUnavailable("connection_failed") from None
        self.delivered.add(batch)

    def add_lines(self, *arguments: Any) -> None:
        """The last effect of a batch before its transaction ends."""
        ADD_LINES(*arguments)
        if self.fate == "the portal is killed":
            raise Killed

    def count(self, calls: int) -> None:
        said = TokenProfile("https://login.acme.example/", None, None, None, None, "RS256", str(calls))
        claims = VerifiedClaims(None, None, None, "", (), 0, None)
        trust = acme.trust(organization=self.organization)
        self.usage.counter(
            self.organization, trust, Allow(self.organization, "ProdOkta", claims, 0, 1, said)
        ).calls += calls
        self.counted += calls
        self.untaken += calls

    def send(self, fate: str) -> None:
        self.fate = fate
        # After every pause that follows a failure.
        self.now += 60
        self.sender.step()
        self.fate, self.untaken = "arrives", 0

    def repeat(self, which: int) -> None:
        """A delayed copy arrives."""
        if self.sent:
            self.arrive(self.sent[which % len(self.sent)])

    def restart(self, gracefully: bool) -> None:  # noqa: FBT001 - what hypothesis has drawn.
        if gracefully:
            # The control plane may be down then.
            self.send("is lost")
        self.gone += self.untaken
        self.untaken = 0
        self.boot()

    def sum_of_delivered(self) -> int:
        return sum(line.calls for batch in self.delivered for line in decode_batch(batch).lines)


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=30), entries=st.sampled_from([1, 3, 50_000]), seed=st.integers(0, 2**16))
def test_every_call_is_counted_once_except_the_last_second_before_a_kill(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, steps: list[tuple[str, int | str | bool]], entries: int, seed: int
) -> None:
    monkeypatch.setattr(usage_backlog, "MAX_ENTRIES", entries)
    monkeypatch.setattr(usage_backlog, "MAX_BATCH_LINES", 2)
    number = next(NUMBERS)
    credential = VerifierCredential.objects.create(name=f"v-{number}", secret_hash=f"{number}", created_at=NOW)
    world = World(number, credential.pk, tmp_path)
    monkeypatch.setattr(commands, "_add_lines", world.add_lines)
    Organization.objects.create(id=world.organization, name="Acme", created_at=NOW)

    for name, argument in steps:
        getattr(world, name)(argument)
    world.send("arrives")
    # At the end every copy of every batch arrives again, in any order.
    copies = world.sent.copy()
    random.Random(seed).shuffle(copies)  # noqa: S311 - an order, no secret.
    for batch in copies:
        world.arrive(batch)

    rows = DailyCalls.objects.filter(organization=world.organization)
    stored = rows.aggregate(calls=Sum("allowed"))["calls"] or 0
    lines = UsageLine.objects.filter(organization=world.organization).aggregate(calls=Sum("calls"))["calls"] or 0
    assert stored == lines == world.sum_of_delivered()
    assert stored == world.counted - world.gone
