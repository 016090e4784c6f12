"""A verifier that remembers tokens gives the same answers as one that does not."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from kit import acme, forge
from watchword.core.decision import Allow
from watchword.core.trust import SubscriptionPeriod, Trust
from watchword.feed import Snapshot
from watchword.verifier.app import Verifier
from watchword.verifier.snapshot import CurrentSnapshot
from watchword.verifier.token_cache import ENTRY_BYTES, TokenCache
from watchword.verifier.unknown_keys import UnknownKeys
from watchword.verifier.usage.counting import Usage

KEYS = (forge.ec_key("one"), forge.ec_key("two"))
NOW = forge.NOW
ORGANIZATIONS = ("acme", "globex")

TOKENS = [
    forge.token(key, "ES256", **times)
    for key in KEYS
    for times in (
        {},
        {"exp": NOW + 2},
        {"nbf": NOW + 62, "scope": "c::globex::x"},
        {"iat": NOW + 58.5},
        {"client_id": "other", "scope": "c::acme::x"},
        {"aud": "b", "scope": "c::acme::x c::globex::x"},
        {"scope": "c::acme::x"},
        {"scope": "c::globex::x"},
    )
]
"""Each good at some moments for some of the trusts below, or never."""

SERVERS = [
    None,
    acme.server(*KEYS),
    acme.server(KEYS[0]),
    acme.server(KEYS[1], audience="b"),
    acme.server(*KEYS, client_id="other"),
    acme.server(*KEYS, required_role="x"),
    acme.server(*KEYS, keys_good_until=NOW + 61),
]
SUBSCRIPTIONS = [None, SubscriptionPeriod(NOW - 9, NOW + 9), SubscriptionPeriod(NOW - 99, NOW + 999)]

trusts = st.builds(
    acme.trust,
    organization=st.sampled_from(ORGANIZATIONS),
    server=st.sampled_from(SERVERS),
    subscription=st.sampled_from(SUBSCRIPTIONS),
    suspended=st.sampled_from([False, False, True]),
)
PATHS = (*(f"/verify/plain/{organization}" for organization in (*ORGANIZATIONS, "")), "/verify-by-token/plain")
asks = st.tuples(st.sampled_from(PATHS), st.sampled_from(TOKENS))
clocks = st.floats(NOW - 20, NOW + 80) | st.sampled_from([NOW + 2, NOW + 9, NOW + 61, NOW + 62, NOW - 1.5])
events = st.one_of(asks, asks, asks, trusts, clocks, st.just("turn"))


class Side:
    """One of two verifiers, and its clock."""

    def __init__(self, memory: TokenCache | None) -> None:
        self.now = float(NOW)
        self.current = CurrentSnapshot(hard_limit=75)
        self.verifier = Verifier(
            current=self.current,
            usage=Usage(),
            unknown_keys=UnknownKeys(),
            token_cache=memory,
            cloud_name="c",
            clock=lambda: self.now,
        )
        self.known: dict[str, Trust] = {}

    def learn(self, trust: Trust) -> None:
        self.known = {**self.known, trust.organization: trust}
        self.current.swap(Snapshot("first", 1, self.known), heard_at=NOW)


@settings(max_examples=300)
@given(st.lists(events, max_size=60), st.sampled_from([2**20, 6 * (ENTRY_BYTES + 700)]))
def test_remembered_tokens_get_the_same_answer(happened: list[object], max_bytes: int) -> None:
    memory = TokenCache(max_bytes)
    with_memory, without = Side(memory), Side(None)
    for name in ORGANIZATIONS:
        for side in (with_memory, without):
            side.learn(acme.trust(organization=name, server=SERVERS[1]))
    for event in happened:
        match event:
            case (str(path), str(token)):
                header = [f"Bearer {token}"]
                assert with_memory.verifier.respond(path, header) == without.verifier.respond(path, header)
            case float(now) | int(now):
                with_memory.now = without.now = now
            case "turn":
                memory.rotate()
            case Trust() as trust:
                # Equal, but another object in each, as when two verifiers decode the feed.
                with_memory.learn(replace(trust))
                without.learn(trust)
        assert memory.size <= max_bytes


@given(st.sampled_from(TOKENS), trusts, st.lists(clocks, min_size=1, max_size=8))
def test_answer_holds_until_the_time_the_kernel_gives(token: str, trust: Trust, moments: list[float]) -> None:
    decision = acme.decide(token, trust)
    if isinstance(decision, Allow):
        assert decision.good_from <= NOW < decision.good_until
        for now in (*moments, decision.good_from, decision.good_from - 0.25, decision.good_until - 0.25):
            again = acme.decide(token, trust, now=now)
            assert (again == decision) == (decision.good_from <= now < decision.good_until)
        assert acme.decide(token, trust, now=decision.good_until) != decision
