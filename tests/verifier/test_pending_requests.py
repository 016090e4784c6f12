"""Requests that wait for a key: who is parked, who is woken, who is denied at once."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from kit import acme, forge
from watchword.core.decision import Deny, Reason
from watchword.feed import Snapshot
from watchword.verifier import app
from watchword.verifier import http_contract as wire
from watchword.verifier.app import Verifier
from watchword.verifier.pending_requests import (
    MAX_FIRST_PER_ORGANIZATION,
    MAX_PER_ORGANIZATION,
    MAX_TOTAL,
    MAX_WAIT_SECONDS,
    PendingRequest,
    PendingRequests,
)
from watchword.verifier.snapshot import CurrentSnapshot
from watchword.verifier.unknown_keys import Occurrence, UnknownKeys
from watchword.verifier.usage.counting import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from watchword.core.decision import Decision
    from watchword.core.trust import Trust
    from watchword.verifier.snapshot import View

OLD, NEW, ODD = forge.rsa_key("old"), forge.ec_key("new"), forge.ec_key("made-up")
UNKNOWN = wire.PROFILES["nginx"].denials[Reason.NO_MATCHING_KEY]


class Gate:
    """A verifier that knows Acme's old key, with somebody who runs its parking."""

    def __init__(self) -> None:
        self.current = CurrentSnapshot(hard_limit=3600)
        self.usage, self.late_usage = Usage(), Usage()
        self.unknown_keys = UnknownKeys()
        self.verifier = Verifier(
            current=self.current,
            usage=self.usage,
            late_usage=self.late_usage,
            unknown_keys=self.unknown_keys,
            clock=lambda: forge.NOW,
        )
        self.current.on_swap.append(self.verifier.pending_requests.wake)
        self.revision = 0
        self.publish(acme.trust(OLD))

    def publish(self, *trusts: Trust) -> None:
        self.revision += 1
        self.current.swap(
            Snapshot("first", self.revision, {trust.organization: trust for trust in trusts}), heard_at=forge.NOW
        )

    def ask(self, key: forge.Key, answers: list[wire.Response] | None = None, **changes: Any) -> wire.Response | None:
        token = forge.token(key, "RS256" if key is OLD else "ES256", **changes)
        return self.verifier.respond(
            "/verify/nginx/acme", [f"Bearer {token}"], None if answers is None else answers.append
        )

    @contextmanager
    def attended(self) -> Iterator[None]:
        stop = threading.Event()
        thread = threading.Thread(target=self.verifier.pending_requests.run, args=[stop])
        thread.start()
        try:
            yield
        finally:
            stop.set()
            self.verifier.pending_requests.wake()
            thread.join(timeout=5)
            assert not thread.is_alive()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """Requests wait for long, so that a busy machine does not deny them before the key comes."""
    monkeypatch.setattr(app, "MAX_WAIT_SECONDS", 60.0)
    return Gate()


def until(answers: list[wire.Response], count: int, seconds: float = 30) -> float:
    """Wait for so many answers; returns the seconds that it took."""
    began = time.monotonic()
    while len(answers) < count:
        assert time.monotonic() - began < seconds
        time.sleep(0.005)
    return time.monotonic() - began


def test_a_good_token_of_a_key_that_comes_in_time_is_allowed(gate: Gate) -> None:
    answers: list[wire.Response] = []
    with gate.attended():
        assert gate.ask(NEW, answers) is None
        assert gate.ask(NEW, answers) is None
        time.sleep(0.1)
        assert answers == []
        gate.publish(acme.trust(NEW))
        until(answers, 2)
    assert [answer.status for answer in answers] == [200, 200]
    assert (gate.usage.allowed, gate.late_usage.allowed) == (0, 2)
    assert gate.verifier.pending_requests._counts == {}


def test_it_is_denied_with_the_ordinary_reason_when_the_key_does_not_come_within_its_time() -> None:
    gate, answers = Gate(), list[wire.Response]()
    with gate.attended():
        assert gate.ask(NEW, answers) is None
        assert until(answers, 1) > MAX_WAIT_SECONDS - 0.1
    assert answers == [UNKNOWN]
    assert gate.late_usage.denied[Reason.NO_MATCHING_KEY] == 1
    assert gate.usage.denied[Reason.NO_MATCHING_KEY] == 0


def test_a_request_waits_less_than_a_try_of_a_gateway() -> None:
    """Each shipped configuration gives a verifier 0.7 s for an answer."""
    assert MAX_WAIT_SECONDS < 0.7


def test_news_of_others_do_not_end_the_wait_and_the_key_may_still_come(gate: Gate) -> None:
    answers: list[wire.Response] = []
    with gate.attended():
        gate.ask(NEW, answers)
        gate.publish(acme.trust(OLD))
        time.sleep(0.1)
        assert answers == []
        gate.publish(acme.trust(NEW))
        until(answers, 1)
    assert answers[0].status == 200


def test_whatever_the_trust_says_when_it_changes_is_what_counts(gate: Gate) -> None:
    answers: list[wire.Response] = []
    with gate.attended():
        gate.ask(NEW, answers)
        gate.publish(acme.trust(NEW, suspended=True))
        until(answers, 1)
    assert answers == [wire.PROFILES["nginx"].denials[Reason.ORGANIZATION_SUSPENDED]]


def test_a_forged_token_that_waited_is_denied_for_its_signature() -> None:
    gate, answers = Gate(), list[wire.Response]()
    with gate.attended():
        gate.ask(ODD.named("new"), answers)
        gate.publish(acme.trust(NEW))
        until(answers, 1)
    assert answers == [wire.PROFILES["nginx"].denials[Reason.SIGNATURE_INVALID]]


def test_an_identity_that_cannot_be_passed_on_whole_is_denied_after_the_wait_too(gate: Gate) -> None:
    answers: list[wire.Response] = []
    with gate.attended():
        gate.ask(NEW, answers, sub="x" * 2000)
        gate.publish(acme.trust(NEW))
        until(answers, 1)
    assert answers == [wire.PROFILES["nginx"].denials[Reason.CLAIM_TOO_LONG]]


def test_who_cannot_be_answered_later_is_denied_at_once_and_the_key_is_asked_for_all_the_same(gate: Gate) -> None:
    assert gate.ask(NEW) == UNKNOWN
    assert [key.kid for key in gate.unknown_keys.take(time.monotonic())] == ["new"]


def test_a_snapshot_replaced_between_decision_and_parking_is_noticed(gate: Gate) -> None:
    answers: list[wire.Response] = []
    before = gate.current.view
    assert before is not None
    gate.publish(acme.trust(NEW))
    token = forge.token(NEW, "ES256")
    waiting = PendingRequest(
        "acme", [f"Bearer {token}"], Occurrence.FIRST, before.snapshot, time.monotonic() + 60,
        lambda decision: answers.append(wire.NOT_FOUND if isinstance(decision, Deny) else wire.UNDECIDABLE),
    )  # fmt: skip
    assert gate.verifier.pending_requests.add(waiting)
    with gate.attended():
        until(answers, 1, seconds=1)
    assert answers == [wire.UNDECIDABLE]


def test_a_fault_while_delivering_reaches_nobody_else(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_: wire.Response) -> None:
        raise OSError

    answers: list[wire.Response] = []
    with gate.attended():
        gate.verifier.respond("/verify/nginx/acme", [f"Bearer {forge.token(NEW, 'ES256')}"], gone)
        gate.ask(NEW, answers)
        gate.publish(acme.trust(NEW))
        until(answers, 1)
        monkeypatch.setattr(wire, "allowed", lambda _: 1 / 0)
        gate.publish(acme.trust(OLD))
        gate.ask(ODD, answers)
        gate.publish(acme.trust(ODD))
        until(answers, 2)
    assert answers[0].status == 200
    assert answers[1] is wire.UNDECIDABLE
    assert gate.late_usage.denied[Reason.UNDECIDABLE] == 1


# ------------------------------------------------------------------------------------------------ bounds


class Places:
    """A parking that nobody empties."""

    def __init__(self) -> None:
        self.current = CurrentSnapshot(hard_limit=3600)
        self.snapshot = Snapshot("first", 1, {})
        self.current.swap(self.snapshot, heard_at=forge.NOW)
        self.pending_requests = PendingRequests(current=self.current, decide=self.decide)

    def decide(self, _view: View, _organization: str, _authorization: Sequence[str]) -> Decision:
        raise NotImplementedError

    def fill(self, organization: str, sight: Occurrence, wanted: int) -> int:
        """How many of so many requests find a place."""
        return sum(
            self.pending_requests.add(PendingRequest(organization, (), sight, self.snapshot, 0.0, lambda _: None))
            for _ in range(wanted)
        )


def test_64_requests_of_an_organization_wait_at_most() -> None:
    assert Places().fill("acme", Occurrence.REPEATED, 100) == MAX_PER_ORGANIZATION == 64


def test_kids_that_come_once_leave_places_for_those_that_come_again() -> None:
    places = Places()
    assert places.fill("acme", Occurrence.FIRST, 100) == MAX_FIRST_PER_ORGANIZATION == 16
    assert places.fill("acme", Occurrence.REPEATED, 100) == 48
    assert places.fill("globex", Occurrence.FIRST, 1) == 1


def test_all_organizations_together_leave_the_server_its_connections() -> None:
    places = Places()
    assert (
        sum(places.fill(f"organization-{number}", Occurrence.REPEATED, 64) for number in range(10)) == MAX_TOTAL == 256
    )


def test_what_finds_no_place_is_denied_at_once(gate: Gate) -> None:
    answers: list[wire.Response] = []
    outcomes = [gate.ask(NEW, answers) for _ in range(MAX_PER_ORGANIZATION + 3)]
    assert outcomes == [None] * MAX_PER_ORGANIZATION + [UNKNOWN] * 3
