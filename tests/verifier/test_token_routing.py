"""Requests whose organization the token names: /verify-by-token/{gateway}."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import pytest

from kit import acme, forge
from kit.processes import wait_until
from watchword.core.decision import Reason
from watchword.core.trust import SubscriptionPeriod, Trust
from watchword.feed import Snapshot
from watchword.verifier import http_contract as wire
from watchword.verifier.app import Verifier
from watchword.verifier.snapshot import CurrentSnapshot
from watchword.verifier.token_cache import TokenCache
from watchword.verifier.unknown_keys import UnknownKey, UnknownKeys
from watchword.verifier.usage.counting import Usage

if TYPE_CHECKING:
    from collections.abc import Callable

CLOUD = "api.example"
KEY = forge.ec_key("alice")
OTHER = forge.ec_key("bob")
MADE_UP = forge.ec_key("made up")
BY_TOKEN = "/verify-by-token/plain"
ACME: Final = acme.trust(KEY)
GLOBEX: Final = acme.trust(OTHER, organization="globex")


class Gate:
    """A verifier that remembers tokens."""

    def __init__(self, *trusts: Trust, cloud: str = CLOUD, max_bytes: int = 2**20) -> None:
        self.now: float = forge.NOW
        self.current = CurrentSnapshot(hard_limit=3600)
        self.usage, self.unknown_keys, self.tokens = Usage(), UnknownKeys(), TokenCache(max_bytes)
        self.verifier = Verifier(
            current=self.current,
            usage=self.usage,
            unknown_keys=self.unknown_keys,
            token_cache=self.tokens,
            cloud_name=cloud,
            clock=lambda: self.now,
        )
        self.know(*trusts)

    def know(self, *trusts: Trust) -> None:
        known = MappingProxyType({trust.organization: trust for trust in trusts})
        self.current.swap(Snapshot("first", 1, known), heard_at=forge.NOW)

    def answer(
        self, token: str, path: str = BY_TOKEN, later: Callable[[wire.Response], None] | None = None
    ) -> wire.Response | None:
        return self.verifier.respond(path, [f"Bearer {token}"], later)

    def ask(self, token: str, path: str = BY_TOKEN) -> str | Reason:
        """The organization that the API is told, or the reason that the client is told."""
        answer = self.answer(token, path)
        assert answer is not None
        if answer.status == 200:
            return dict(answer.headers)[b"x-auth-organization"].decode("ascii")
        return next(reason for reason, denied in wire.PROFILES["plain"].denials.items() if denied == answer)

    def counted(self) -> list[tuple[str, str]]:
        return [(taken.key.organization, taken.key.outcome) for taken in self.usage.take()]


@pytest.fixture
def gate() -> Gate:
    return Gate(ACME, GLOBEX)


def naming(organization: str, key: forge.Key = KEY, **changes: Any) -> str:
    return forge.token(key, "ES256", **{"scope": f"read {CLOUD}::{organization}::Orders", **changes})


def test_each_token_is_decided_by_the_keys_of_the_organization_that_it_names(gate: Gate) -> None:
    assert gate.ask(naming("acme")) == "acme"
    assert gate.ask(naming("globex", OTHER)) == "globex"
    for forged in (naming("globex"), naming("acme", OTHER), naming("globex", KEY.named("bob"))):
        assert gate.ask(forged) is Reason.NO_MATCHING_KEY


@pytest.mark.parametrize("gateway", wire.PROFILES)
def test_it_is_answered_for_every_gateway_with_any_suffix(gate: Gate, gateway: str) -> None:
    for suffix in ("", "/", "/globex", "/orders/1"):
        assert gate.ask(naming("acme"), f"/verify-by-token/{gateway}{suffix}") == "acme"
    refused = gate.answer(naming("acme", exp=1), f"/verify-by-token/{gateway}")
    assert refused is wire.PROFILES[gateway].denials[Reason.TOKEN_EXPIRED]


def test_without_a_cloud_name_there_is_no_such_path() -> None:
    gate = Gate(ACME, cloud="")
    for token in (naming("acme"), forge.token(KEY, "ES256", scope="::acme::Orders")):
        assert gate.answer(token) is wire.NOT_FOUND
    assert gate.counted() == []
    assert gate.ask(naming("acme"), "/verify/plain/acme") == "acme"


def test_before_the_first_snapshot_nothing_can_be_decided() -> None:
    verifier = Verifier(
        current=CurrentSnapshot(hard_limit=1), usage=Usage(), unknown_keys=UnknownKeys(), cloud_name=CLOUD
    )
    assert verifier.respond(BY_TOKEN, ["Bearer x"]) is wire.PROFILES["plain"].denials[Reason.TRUST_STALE]


def test_token_that_names_none_or_several_is_told_so_and_counted_for_nobody(gate: Gate) -> None:
    assert gate.ask(naming("acme", scope="read")) is Reason.ORGANIZATION_NOT_NAMED
    assert gate.ask(naming("acme", roles=[f"{CLOUD}::globex::Orders"])) is Reason.ORGANIZATION_AMBIGUOUS
    assert sorted(gate.counted()) == [("", "organization_ambiguous"), ("", "organization_not_named")]


def test_calls_are_counted_for_the_organization_that_was_decided(gate: Gate) -> None:
    for token in (naming("acme"), naming("globex"), naming("nobody")):
        gate.ask(token)
        gate.ask(token)
    assert sorted(gate.counted()) == [("", "organization_unknown"), ("acme", ""), ("globex", "no_matching_key")]
    assert gate.usage.allowed == 2


# ------------------------------------------------------------------------------------------------ what is remembered


def test_token_that_comes_again_needs_no_deciding(gate: Gate) -> None:
    token = naming("acme")
    assert [gate.ask(token) for _ in range(3)] == ["acme"] * 3
    assert (gate.tokens.hits, gate.usage.allowed) == (2, 3)


def test_what_is_remembered_of_one_way_answers_no_other(gate: Gate) -> None:
    token = naming("acme")
    ways = {BY_TOKEN: "acme", "/verify/plain/acme": "acme", "/verify/plain/globex": None, "/verify/plain/": None}
    for _ in range(2):
        for path, organization in ways.items():
            assert gate.ask(token, path) == (organization or Reason.NO_MATCHING_KEY)
    assert gate.tokens.hits == 2


def test_warm_memory_of_the_path_answers_no_token_without_a_name(gate: Gate) -> None:
    token = naming("acme", scope="read")
    assert [gate.ask(token, "/verify/plain/acme") for _ in range(2)] == ["acme"] * 2
    assert gate.ask(token) is Reason.ORGANIZATION_NOT_NAMED


def test_warm_memory_of_the_token_answers_no_other_organization() -> None:
    """Both would accept the token, so only the path tells them apart."""
    gate = Gate(ACME, acme.trust(KEY, organization="globex"))
    token = naming("acme")
    for _ in range(2):
        assert gate.ask(token) == "acme"
        assert gate.ask(token, "/verify/plain/globex") == "globex"
        assert gate.ask(token, "/verify/plain/acme") == "acme"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"suspended": True}, Reason.ORGANIZATION_SUSPENDED),
        ({"subscription": None}, Reason.SUBSCRIPTION_INACTIVE),
        ({"server": None}, Reason.NO_MATCHING_KEY),
        ({"server": acme.server(KEY, client_id="other")}, Reason.CLIENT_MISMATCH),
    ],
    ids=lambda changed: str(changed)[:30],
)
def test_after_a_change_of_its_trust_nothing_remembered_answers(
    gate: Gate, change: dict[str, Any], reason: Reason
) -> None:
    token = naming("acme")
    assert gate.ask(token) == "acme"
    gate.know(ACME, replace(GLOBEX, suspended=True))
    assert gate.ask(token) == "acme"
    assert gate.tokens.hits == 1
    gate.know(replace(ACME, **change), GLOBEX)
    assert gate.ask(token) is reason
    gate.know(GLOBEX)
    assert gate.ask(token) is Reason.NO_MATCHING_KEY


def test_what_is_remembered_ends_with_the_token_and_the_snapshot(gate: Gate) -> None:
    token = naming("acme", exp=forge.NOW + 3)
    assert gate.ask(token) == "acme"
    gate.now += 62.5
    assert gate.ask(token) == "acme"
    assert gate.tokens.hits == 1
    gate.now += 0.5
    assert gate.ask(token) is Reason.TOKEN_EXPIRED
    lasting = naming("acme", exp=forge.NOW + 9999)
    assert gate.ask(lasting) == "acme"
    gate.now = forge.NOW + 3600
    assert gate.ask(lasting) is Reason.TRUST_STALE


# ------------------------------------------------------------------------------------------------ waiting


def test_token_of_a_new_key_waits_for_it(gate: Gate) -> None:
    rotated, given, stop = KEY.named("rotated"), list[wire.Response](), threading.Event()
    token = naming("acme", rotated)
    assert gate.answer(token, later=given.append) is None
    assert gate.unknown_keys.take(time.monotonic()) == (UnknownKey("acme", "rotated", repeated=False),)
    gate.know(acme.trust(KEY, rotated), GLOBEX)
    thread = threading.Thread(target=gate.verifier.pending_requests.run, args=(stop,))
    thread.start()
    try:
        wait_until(lambda: bool(given), what="the answer", timeout=30)
    finally:
        stop.set()
        gate.verifier.pending_requests.wake()
        thread.join()
    assert given[0].status == 200
    assert (b"x-auth-organization", b"acme") in given[0].headers


# ------------------------------------------------------------------------------------------------ what clients learn

STATES: Final[dict[str, Trust]] = {
    "active": ACME,
    "suspended": replace(ACME, suspended=True),
    "unpaid": replace(ACME, subscription=None),
    "expired": replace(ACME, subscription=SubscriptionPeriod(1, 2)),
    "without-server": replace(ACME, server=None),
    "without-keys": replace(ACME, server=acme.server()),
    "with-other-keys": replace(ACME, server=acme.server(forge.rsa_key("alice"))),
}


def knowing_states() -> Gate:
    return Gate(*(replace(trust, organization=name) for name, trust in STATES.items()))


@pytest.mark.parametrize("gateway", wire.PROFILES)
@pytest.mark.parametrize("key", [MADE_UP, MADE_UP.named("alice"), MADE_UP.named(None)], ids=lambda key: str(key.kid))
def test_fj_01_by_token_made_up_tokens_are_answered_alike_for_all_organizations(key: forge.Key, gateway: str) -> None:
    gate, names = knowing_states(), [*STATES, "unknown"]
    answers = {str(gate.answer(naming(name, key), f"/verify-by-token/{gateway}")) for name in names}
    assert answers == {str(wire.PROFILES[gateway].denials[Reason.NO_MATCHING_KEY])}


@pytest.mark.parametrize("key", [MADE_UP, MADE_UP.named("alice")], ids=lambda key: str(key.kid))
def test_fj_01_by_token_made_up_tokens_wait_alike_for_all_organizations(key: forge.Key) -> None:
    gate = knowing_states()
    assert {gate.answer(naming(name, key), later=lambda _: None) for name in (*STATES, "unknown")} == {None}


def test_fj_01_by_token_only_a_signed_token_is_told_the_state() -> None:
    gate = knowing_states()
    assert gate.ask(naming("suspended")) is Reason.ORGANIZATION_SUSPENDED
    assert gate.ask(naming("unpaid")) is Reason.SUBSCRIPTION_INACTIVE


def test_fj_01_missing_name_is_told_whatever_the_verifier_knows() -> None:
    token = naming("", MADE_UP)
    answers = {str(gate.answer(token)) for gate in (knowing_states(), Gate(), Gate(ACME))}
    assert answers == {str(wire.PROFILES["plain"].denials[Reason.ORGANIZATION_NOT_NAMED])}


def test_fault_of_our_own_denies() -> None:
    class Exploding(dict[str, Trust]):
        def get(self, *_: Any) -> Any:
            raise RuntimeError

    gate = Gate()
    gate.current.swap(Snapshot("first", 1, Exploding()), heard_at=forge.NOW)
    answer = gate.answer(naming("acme"))
    assert answer is not None
    assert (answer.status, gate.usage.denied[Reason.UNDECIDABLE]) == (503, 1)
