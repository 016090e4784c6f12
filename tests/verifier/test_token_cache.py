"""Remembered tokens: every answer is the one that a new decision would give (C-04, C-13, M-01 to M-04).

Every attack starts with a warm cache: the token was allowed once, and then something changed.
"""

from __future__ import annotations

import sys
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from kit import acme, forge
from watchword.core.decision import Reason
from watchword.core.trust import ANY, SubscriptionPeriod
from watchword.feed import Snapshot
from watchword.verifier import http_contract as wire
from watchword.verifier import token_cache as module
from watchword.verifier.app import Verifier
from watchword.verifier.snapshot import CurrentSnapshot
from watchword.verifier.token_cache import ENTRY_BYTES, TokenCache, size_of
from watchword.verifier.unknown_keys import UnknownKeys
from watchword.verifier.usage.counting import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from watchword.core.trust import Trust

KEY = forge.ec_key("alice")
OTHER_KEY = forge.ec_key("alice", "P-384")
NOW = forge.NOW
HARD_LIMIT = 3600


class CachingVerifier:
    """A verifier that remembers, with a clock that the test sets."""

    def __init__(self, *trusts: Trust, max_bytes: int = 2**20) -> None:
        self.now: float = NOW
        self.tokens = TokenCache(max_bytes)
        self.current = CurrentSnapshot(hard_limit=HARD_LIMIT)
        self.usage = Usage()
        self.verifier = Verifier(
            current=self.current,
            usage=self.usage,
            unknown_keys=UnknownKeys(),
            token_cache=self.tokens,
            clock=lambda: self.now,
        )
        self.know(*trusts)

    def know(self, *trusts: Trust) -> None:
        known = {trust.organization: trust for trust in trusts}
        self.current.swap(Snapshot("first", 1, known), heard_at=NOW)

    def ask(self, *tokens: str, organization: str = "acme") -> Reason | None:
        """The reason that was counted; None if it was allowed."""
        before = self.usage.denied
        answer = self.verifier.respond(f"/verify/plain/{organization}", [f"Bearer {token}" for token in tokens])
        assert answer is not None
        if answer.status == 200:
            assert (b"x-auth-organization", organization.encode("ascii")) in answer.headers
            return None
        counted = [reason for reason, calls in self.usage.denied.items() if calls > before[reason]]
        assert [wire.PROFILES["plain"].denials[reason] for reason in counted] == [answer]
        return counted[0]

    @property
    def organizations(self) -> Mapping[str, Trust]:
        assert self.current.view is not None
        return self.current.view.snapshot.organizations

    @property
    def found(self) -> int:
        return self.tokens.hits


def good(**changes: Any) -> str:
    return forge.token(KEY, "ES256", **changes)


def test_a_token_that_comes_again_is_answered_without_deciding_and_counted() -> None:
    verifier = CachingVerifier(acme.trust(KEY))
    token = good()
    assert [verifier.ask(token) for _ in range(3)] == [None] * 3
    assert (verifier.found, verifier.usage.allowed) == (2, 3)


def test_it_says_the_same_as_the_first_time() -> None:
    verifier = CachingVerifier(acme.trust(KEY))
    header = [f"Bearer {good(sub='bob', scope='a b')}"]
    first = verifier.verifier.respond("/verify/plain/acme", header)
    assert first == verifier.verifier.respond("/verify/nginx/acme/orders?x", list(header))
    assert verifier.found == 1


def test_without_memory_nothing_is_remembered() -> None:
    verifier = CachingVerifier(acme.trust(KEY), max_bytes=0)
    token = good()
    assert [verifier.ask(token), verifier.ask(token)] == [None, None]
    assert (verifier.found, verifier.tokens.size) == (0, 0)


def test_a_refused_token_is_never_remembered() -> None:
    verifier = CachingVerifier(acme.trust(KEY))
    for bad in (good(exp=1), good(client_id="other"), good()[:-4] + "AAAA", forge.token(OTHER_KEY, "ES384")):
        assert verifier.ask(bad) is not None
    # Too long to be passed on is refused although the kernel allows it.
    assert verifier.ask(good(sub="x" * 2000)) is Reason.CLAIM_TOO_LONG
    assert verifier.ask(good(scope="read " * 900)) is Reason.SCOPE_TOO_LONG
    assert verifier.tokens.size == 0


def test_two_authorization_headers_are_refused_though_the_first_is_remembered() -> None:
    verifier = CachingVerifier(acme.trust(KEY))
    token = good()
    verifier.ask(token)
    assert verifier.ask(token, token) is Reason.AUTHORIZATION_REPEATED
    assert verifier.ask() is Reason.TOKEN_MISSING


# ------------------------------------------------------------------------------------------------ time


@pytest.mark.parametrize(
    ("token", "trust", "last", "reason"),
    [
        (good(exp=NOW + 3), acme.trust(KEY), NOW + 63, Reason.TOKEN_EXPIRED),
        (good(exp=NOW + 3.25), acme.trust(KEY), NOW + 63.25, Reason.TOKEN_EXPIRED),
        (
            good(),
            acme.trust(KEY, subscription=SubscriptionPeriod(NOW - 9, NOW + 9)),
            NOW + 9,
            Reason.SUBSCRIPTION_INACTIVE,
        ),
        (good(), acme.trust(server=acme.server(KEY, keys_good_until=NOW + 5)), NOW + 5, Reason.KEYS_STALE),
        (good(exp=NOW + 9999), acme.trust(KEY), NOW + HARD_LIMIT, Reason.TRUST_STALE),
    ],
    ids=["exp", "a fraction of exp", "the subscription", "the keys", "the snapshot"],
)
def test_c04_what_is_remembered_ends_with(token: str, trust: Trust, last: float, reason: Reason) -> None:
    verifier = CachingVerifier(trust)
    while verifier.now < last:
        assert verifier.ask(token) is None, verifier.now - last
        verifier.now += 0.25 if last - verifier.now <= 3 else (last - verifier.now) / 2
    assert verifier.found > 0
    verifier.now = last
    assert verifier.ask(token) is reason


@pytest.mark.parametrize(
    ("token", "trust", "first", "reason"),
    [
        (good(nbf=NOW + 30), acme.trust(KEY), NOW - 30, Reason.TOKEN_NOT_YET_VALID),
        (good(iat=NOW + 30), acme.trust(KEY), NOW - 30, Reason.TOKEN_FROM_FUTURE),
        (good(nbf=NOW - 90, iat=NOW + 30), acme.trust(KEY), NOW - 30, Reason.TOKEN_FROM_FUTURE),
        (
            good(),
            acme.trust(KEY, subscription=SubscriptionPeriod(NOW - 9, NOW + 9)),
            NOW - 9,
            Reason.SUBSCRIPTION_INACTIVE,
        ),
    ],
    ids=["nbf", "iat", "the later one", "the subscription"],
)
def test_a_clock_that_was_set_back_makes_nothing_good_before(
    token: str, trust: Trust, first: float, reason: Reason
) -> None:
    verifier = CachingVerifier(trust)
    assert verifier.ask(token) is None
    verifier.now = first
    assert verifier.ask(token) is None
    assert verifier.found == 1
    verifier.now = first - 0.5
    assert verifier.ask(token) is reason


def test_a_clock_that_is_no_number_finds_nothing() -> None:
    verifier = CachingVerifier(acme.trust(KEY))
    token = good()
    verifier.ask(token)
    verifier.now = float("nan")
    assert verifier.ask(token) is not None
    assert verifier.tokens.get("acme", token, verifier.organizations, verifier.now) is None


# ------------------------------------------------------------------------------------------------ trust


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda trust: replace(trust, suspended=True), Reason.ORGANIZATION_SUSPENDED),
        (lambda trust: replace(trust, subscription=None), Reason.SUBSCRIPTION_INACTIVE),
        (lambda trust: replace(trust, server=None), Reason.NO_ENABLED_SERVER),
        (lambda trust: replace(trust, server=acme.server()), Reason.KEYS_MISSING),
        (lambda trust: replace(trust, server=acme.server(OTHER_KEY)), Reason.KEY_ALGORITHM_MISMATCH),
        (lambda trust: replace(trust, server=acme.server(forge.ec_key("bob"))), Reason.NO_MATCHING_KEY),
        (lambda trust: replace(trust, server=acme.server(KEY, issuer="https://b.example/")), Reason.ISSUER_MISMATCH),
        (lambda trust: replace(trust, server=acme.server(KEY, audience="https://b/")), Reason.AUDIENCE_MISMATCH),
        (lambda trust: replace(trust, server=acme.server(KEY, client_id="b")), Reason.CLIENT_MISMATCH),
        (lambda trust: replace(trust, server=acme.server(KEY, required_role="Orders")), Reason.CLOUD_NAME_MISSING),
    ],
    ids=[
        "suspension", "the end of the subscription", "disabling", "lost keys", "another key under the kid",
        "a withdrawn key", "another issuer", "another audience", "another client", "a required role",
    ],
)  # fmt: skip
def test_m04_m07_after_a_change_of_trust_the_new_trust_decides(
    change: Callable[[Trust], Trust], reason: Reason
) -> None:
    trust = acme.trust(KEY)
    verifier = CachingVerifier(trust)
    token = good()
    assert [verifier.ask(token), verifier.ask(token)] == [None, None]
    verifier.know(change(trust))
    assert [verifier.ask(token), verifier.ask(token)] == [reason, reason]
    verifier.know(trust)
    assert verifier.ask(token) is None


def test_m07_a_deleted_organization_is_unknown() -> None:
    verifier = CachingVerifier(acme.trust(KEY))
    token = good()
    verifier.ask(token)
    verifier.know()
    assert verifier.ask(token) is Reason.ORGANIZATION_UNKNOWN


def test_what_is_passed_on_comes_from_the_new_trust() -> None:
    verifier = CachingVerifier(acme.trust(KEY))
    token = good()
    verifier.ask(token)
    verifier.know(acme.trust(server=acme.server(KEY, name="Renamed")))
    answer = verifier.verifier.respond("/verify/plain/acme", [f"Bearer {token}"])
    assert answer is not None
    assert (b"x-auth-server", b"Renamed") in answer.headers


# ------------------------------------------------------------------------------------------------ organizations


@pytest.mark.parametrize("first", ["acme", "globex"])
def test_m01_m05_the_same_kid_with_different_keys_in_both_orders(first: str) -> None:
    keys = {"acme": KEY, "globex": forge.ec_key("other").named("alice")}
    verifier = CachingVerifier(*(acme.trust(key, organization=name) for name, key in keys.items()))
    tokens = {name: forge.token(key, "ES256") for name, key in keys.items()}
    assert verifier.ask(tokens[first], organization=first) is None
    for _ in range(2):
        for signer, token in tokens.items():
            for name in keys:
                expected = None if signer == name else Reason.SIGNATURE_INVALID
                assert verifier.ask(token, organization=name) is expected


def test_m04_one_token_at_two_organizations_that_demand_different_audiences() -> None:
    other = acme.trust(organization="globex", server=acme.server(KEY, audience="https://other.example/"))
    verifier = CachingVerifier(acme.trust(KEY), other)
    token = good()
    for _ in range(2):
        assert verifier.ask(token) is None
        assert verifier.ask(token, organization="globex") is Reason.AUDIENCE_MISMATCH


def test_m02_no_organization_can_be_spelled_into_anothers_entry() -> None:
    open_server = acme.server(KEY, issuer=ANY, audience=ANY, client_id=ANY)
    verifier = CachingVerifier(acme.trust(server=open_server))
    token = good()
    assert verifier.ask(token) is None
    for organization, other in [
        (None, token),
        ("acm", f"e{token}"),
        (f"acme{token}", ""),
        ("acme", f" {token}"),
        ("acme\0", token),
        ("", f"acme{token}"),
        ("acme", f"{token}\0"),
    ]:
        assert verifier.tokens.get(organization, other, verifier.organizations, NOW) is None
    assert verifier.tokens.get("acme", token, verifier.organizations, NOW) is not None


def test_fk_07_one_token_is_one_entry_however_it_is_sent() -> None:
    verifier = CachingVerifier(acme.trust(KEY))
    token = good()
    assert verifier.ask(token) is None
    size = verifier.tokens.size
    for number in range(1, 200):
        for scheme in ("Bearer", "bearer", "bEARER"):
            answer = verifier.verifier.respond("/verify/plain/acme", [scheme + " " * number + token])
            assert answer is not None
            assert answer.status == 200
    assert (verifier.tokens.size, verifier.found) == (size, 597)


def test_m03_the_whole_token_counts_however_little_of_it_differs() -> None:
    verifier = CachingVerifier(acme.trust(KEY))
    token = good()
    assert verifier.ask(token) is None
    for place in (*range(0, len(token), 7), len(token) - 1):
        forged = token[:place] + ("A" if token[place] != "A" else "Q") + token[place + 1 :]
        assert verifier.ask(forged) is not None, place
    assert verifier.found == 0


# ------------------------------------------------------------------------------------------------ memory


def test_c13_the_memory_is_bounded_whatever_the_tokens_say() -> None:
    room = 40 * (ENTRY_BYTES + 700)
    verifier = CachingVerifier(acme.trust(KEY), max_bytes=room)
    for number in range(200):
        assert verifier.ask(good(exp=NOW + 10**9, jti=str(number))) is None
        assert verifier.tokens.size <= room
    # And it is used.
    assert verifier.tokens.size > room / 3


def test_what_an_entry_takes_is_not_more_than_is_counted() -> None:
    verifier = CachingVerifier(acme.trust(KEY))
    for token in (good(), good(sub="é" * 100, scope="s" * 3000)):
        assert verifier.ask(token) is None
    for key, entry in verifier.tokens._generations[0].entries.items():
        headers = entry.response.headers
        values = [value for _, value in headers]
        made = [entry.response, headers, *headers, *values, entry.response.messages, *entry.response.messages]
        parts = [entry, entry.good_from, entry.good_until, *made, key, *key]
        # 100 bytes of the dictionary: a slot of a table that is two thirds full at the most, and its index.
        assert sum(map(sys.getsizeof, parts)) + 100 <= size_of(key, entry)
    assert verifier.tokens.size == sum(size_of(*item) for item in verifier.tokens._generations[0].entries.items())


def test_a_token_too_large_for_the_memory_is_decided_each_time() -> None:
    verifier = CachingVerifier(acme.trust(KEY), max_bytes=2 * ENTRY_BYTES)
    token = good()
    assert [verifier.ask(token), verifier.ask(token), verifier.found, verifier.tokens.size] == [None, None, 0, 0]


def test_m14_a_flood_of_one_organization_does_not_push_out_what_another_uses() -> None:
    verifier = CachingVerifier(
        acme.trust(KEY), acme.trust(KEY, organization="globex"), max_bytes=40 * (ENTRY_BYTES + 700)
    )
    used = good(jti="used")
    verifier.ask(used, organization="globex")
    for number in range(200):
        verifier.ask(good(jti=str(number)))
        if number % 10 == 0:
            before = verifier.found
            verifier.ask(used, organization="globex")
            assert verifier.found == before + 1


def test_what_is_not_asked_for_is_forgotten_with_the_second_turn() -> None:
    verifier = CachingVerifier(acme.trust(KEY))
    used, unused = good(jti="used"), good(jti="unused")
    verifier.ask(used)
    verifier.ask(unused)
    verifier.tokens.rotate()
    verifier.ask(used)
    assert verifier.found == 1
    verifier.tokens.rotate()
    verifier.ask(used)
    assert verifier.found == 2
    remembered = [key for generation in verifier.tokens._generations for key in generation.entries]
    assert ("acme", used) in remembered
    assert ("acme", unused) not in remembered


def test_it_turns_by_itself_until_it_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROTATE_SECONDS", 0.001)
    verifier, stop = CachingVerifier(acme.trust(KEY)), threading.Event()
    verifier.ask(good())
    turning = threading.Thread(target=verifier.tokens.run, args=(stop,))
    turning.start()
    while verifier.tokens.size:
        stop.wait(0.001)
    stop.set()
    turning.join(timeout=30)
    assert not turning.is_alive()
