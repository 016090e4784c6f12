from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING, Any

import pytest

from kit import acme, forge
from watchword.core.decision import Deny, Reason, TokenProfile
from watchword.core.trust import ANY
from watchword.verifier.usage import counting as module
from watchword.verifier.usage.counting import ALLOWED, IDLE_SECONDS, MAX_PROFILES, OTHER, CounterKey, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchword.core.decision import Decision
    from watchword.core.trust import Trust
    from watchword.verifier.usage.counting import UsageDelta

KEY = forge.rsa_key("alice")
TRUST = acme.trust(KEY)
SERVER = acme.server().id
OPEN = acme.trust(server=acme.server(KEY, issuer=ANY, audience=ANY, client_id=ANY))
GLOBEX = acme.trust(KEY, organization="globex")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def usage(clock: Clock) -> Usage:
    return Usage(clock)


def allow(**changes: Any) -> Decision:
    return acme.decide(forge.token(KEY, "RS256", **changes), OPEN)


def profile(issuer: str) -> TokenProfile:
    return TokenProfile(issuer, None, None, None, None, None, None)


def deny(reason: Reason, issuer: str | None = None) -> Deny:
    return Deny(reason, profile=None if issuer is None else profile(issuer))


def count(usage: Usage, decision: Decision, trust: Trust | None = TRUST, times: int = 1) -> None:
    usage.counter("acme" if trust is None else trust.organization, trust, decision).calls += times


def sums(taken: Iterable[UsageDelta]) -> dict[CounterKey, int]:
    found: dict[CounterKey, int] = {}
    for counted, _, calls in taken:
        found[counted] = found.get(counted, 0) + calls
    return found


def test_one_line_for_each_outcome_and_profile(usage: Usage) -> None:
    count(usage, allow())
    count(usage, allow())
    count(usage, allow(iss="https://other.example/"))
    count(usage, acme.decide(forge.token(KEY, "RS256", exp=1), TRUST))
    count(usage, deny(Reason.TOKEN_MISSING))

    found = sums(usage.take())

    assert sorted(found.values()) == [1, 1, 1, 2]
    said = TokenProfile(
        "https://login.acme.example/", "https://api.example/", "client_id", "acme-batch", KEY.kid, "RS256", None
    )
    assert found[CounterKey("acme", SERVER, ALLOWED, said)] == 2
    assert found[CounterKey("acme", SERVER, "token_expired", said)] == 1
    assert found[CounterKey("acme", SERVER, "token_missing", None)] == 1


def test_a_line_that_is_kept_counts_on_and_each_call_is_taken_once(usage: Usage) -> None:
    line = usage.counter("acme", TRUST, allow())
    assert usage.counter("acme", TRUST, allow()) is line

    line.calls += 3
    assert [taken.calls for taken in usage.take()] == [3]
    assert usage.take() == []
    line.calls += 2
    assert [taken.calls for taken in usage.take()] == [2]
    assert line.calls == 5


def test_the_newest_revision_that_decided_is_told(usage: Usage) -> None:
    count(usage, allow())
    count(usage, allow(), acme.trust(KEY, revision=7))

    assert [(taken.revision, taken.calls) for taken in usage.take()] == [(7, 2)]


def test_an_organization_that_is_not_known_is_not_counted_for(usage: Usage) -> None:
    for name in ("made-up", "../../etc", "x" * 9000):
        usage.counter(name, None, deny(Reason.ORGANIZATION_UNKNOWN)).calls += 1

    assert sums(usage.take()) == {CounterKey("", None, "organization_unknown", None): 3}


def test_made_up_tokens_crowd_out_neither_real_ones_nor_another_organizations(usage: Usage) -> None:
    for number in range(MAX_PROFILES + 50):
        count(usage, deny(Reason.NO_MATCHING_KEY, f"https://{number}.example"))
    count(usage, deny(Reason.TOKEN_EXPIRED, "https://expired.example"))
    count(usage, deny(Reason.NO_MATCHING_KEY, "https://globex.example"), GLOBEX)
    count(usage, allow())

    found = sums(usage.take())

    assert found[CounterKey("acme", SERVER, "no_matching_key", OTHER)] == 50
    assert found[CounterKey("acme", SERVER, "token_expired", profile("https://expired.example"))] == 1
    assert found[CounterKey("globex", SERVER, "no_matching_key", profile("https://globex.example"))] == 1
    assert len(found) == MAX_PROFILES + 4


def test_unverified_profiles_are_bounded_in_all(usage: Usage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_UNVERIFIED", 3)
    for number in range(5):
        count(usage, deny(Reason.SIGNATURE_INVALID, "https://x.example"), acme.trust(KEY, organization=f"org-{number}"))

    assert sum(counted.profile == OTHER for counted in sums(usage.take())) == 2


def test_lines_are_bounded_in_all_and_allowed_calls_keep_their_organization(
    usage: Usage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_COUNTERS", 2)
    for number in range(4):
        trust = acme.trust(KEY, organization=f"org-{number}")
        count(usage, allow(), trust)
        count(usage, deny(Reason.TOKEN_MISSING), trust)

    found = sums(usage.take())

    assert {counted.organization for counted in found if counted.outcome == ALLOWED} == {f"org-{n}" for n in range(4)}
    assert found[CounterKey("", None, "token_missing", None)] == 3
    assert sum(found.values()) == 8


def test_an_idle_line_makes_room(usage: Usage, clock: Clock) -> None:
    for number in range(MAX_PROFILES):
        count(usage, deny(Reason.NO_MATCHING_KEY, f"https://{number}.example"))
    usage.take()
    clock.now += IDLE_SECONDS
    assert usage.take() == []
    gc.collect()

    count(usage, deny(Reason.NO_MATCHING_KEY, "https://new.example"))

    assert next(iter(sums(usage.take()))).profile == profile("https://new.example")


def test_a_line_that_was_let_go_of_is_still_counted_for_whoever_holds_it(usage: Usage, clock: Clock) -> None:
    held = usage.counter("acme", TRUST, allow())
    clock.now += IDLE_SECONDS
    usage.take()

    held.calls += 4
    assert usage.counter("acme", TRUST, allow()) is not held
    assert sums(usage.take()) == {held.key: 4}


def test_not_even_the_last_calls_of_a_line_that_was_let_go_of_are_lost(usage: Usage, clock: Clock) -> None:
    held = usage.counter("acme", TRUST, allow())
    counted = held.key
    clock.now += IDLE_SECONDS
    usage.take()

    held.calls += 4
    del held
    gc.collect()

    assert sums(usage.take()) == {counted: 4}
    assert usage.take() == []
    assert usage.allowed == 4


def test_outcomes_are_those_since_the_start_whatever_was_taken_meanwhile(usage: Usage) -> None:
    assert (usage.allowed, sum(usage.denied.values()), set(usage.denied)) == (0, 0, set(Reason))
    count(usage, allow(), times=2)
    usage.take()
    count(usage, allow())
    count(usage, deny(Reason.TOKEN_EXPIRED))

    assert (usage.allowed, usage.denied[Reason.TOKEN_EXPIRED]) == (3, 1)
    assert sum(taken.calls for taken in usage.take()) == 2


def test_while_one_thread_counts_and_another_takes_nothing_is_lost_and_nothing_counted_twice(
    usage: Usage, clock: Clock
) -> None:
    decisions = [allow(client_id=f"client-{number}") for number in range(8)]
    done = threading.Event()

    def answer() -> None:
        cache = {}
        for number in range(40_000):
            decision = decisions[number % 8]
            # A cache that forgets now and then, as the one of verified tokens does.
            if number % 7 == 0 or decision not in cache:
                cache[decision] = usage.counter("acme", TRUST, decision)
            cache[decision].calls += 1
            if number % 1000 == 0:
                cache.clear()
        done.set()

    thread = threading.Thread(target=answer)
    thread.start()
    taken = 0
    while not done.is_set():
        # Every line is idle whenever it did not move between two takes.
        clock.now += IDLE_SECONDS
        taken += sum(sums(usage.take()).values())
    thread.join()
    gc.collect()

    assert taken + sum(sums(usage.take()).values()) == 40_000
