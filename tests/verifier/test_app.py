from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from kit import acme, forge
from watchword.core.decision import Reason
from watchword.feed import Snapshot
from watchword.verifier import http_contract as wire
from watchword.verifier.app import Verifier
from watchword.verifier.snapshot import CurrentSnapshot
from watchword.verifier.unknown_keys import UnknownKey, UnknownKeys
from watchword.verifier.usage.counting import Usage

if TYPE_CHECKING:
    from watchword.core.trust import Trust

KEY = forge.rsa_key("alice")


class FrozenVerifier:
    """A verifier at the frozen time that knows Acme."""

    def __init__(self, organizations: Mapping[str, Trust] | None, *, heard_at: float = forge.NOW) -> None:
        self.current = CurrentSnapshot(hard_limit=3600)
        self.usage = Usage()
        self.unknown_keys = UnknownKeys()
        if organizations is not None:
            self.current.swap(Snapshot("first", 1, organizations), heard_at=heard_at)
        self.verifier = Verifier(
            current=self.current, usage=self.usage, unknown_keys=self.unknown_keys, clock=lambda: forge.NOW
        )

    def ask(self, token: str | None, path: str = "/verify/plain/acme") -> wire.Response:
        answer = self.verifier.respond(path, [] if token is None else [f"Bearer {token}"])
        assert answer is not None
        return answer


@pytest.fixture
def verifier() -> FrozenVerifier:
    return FrozenVerifier(
        {"acme": acme.trust(KEY), "globex": acme.trust(forge.rsa_key("globex"), organization="globex")}
    )


def denial(reason: Reason, gateway: str = "plain") -> wire.Response:
    return wire.PROFILES[gateway].denials[reason]


def test_a_good_token_is_allowed_and_counted(verifier: FrozenVerifier) -> None:
    answer = verifier.ask(forge.token(KEY, "RS256"))
    assert answer.status == 200
    assert (b"x-auth-subject", b"alice") in answer.headers
    assert verifier.usage.allowed == 1
    assert sum(verifier.usage.denied.values()) == 0


def test_a_bad_token_is_denied_in_the_gateways_profile_and_counted(verifier: FrozenVerifier) -> None:
    expired = forge.token(KEY, "RS256", exp=1)
    assert verifier.ask(expired) is denial(Reason.TOKEN_EXPIRED)
    assert verifier.ask(expired, "/verify/nginx/acme/orders") is denial(Reason.TOKEN_EXPIRED, "nginx")
    assert verifier.usage.denied[Reason.TOKEN_EXPIRED] == 2
    assert verifier.usage.allowed == 0


def test_the_organization_of_the_path_decides(verifier: FrozenVerifier) -> None:
    token = forge.token(KEY, "RS256")
    assert verifier.ask(token, "/verify/plain/globex") is denial(Reason.NO_MATCHING_KEY)
    assert verifier.ask(token, "/verify/plain/initech") is denial(Reason.ORGANIZATION_UNKNOWN)
    assert verifier.ask(token, "/verify/plain/ACME") is denial(Reason.ORGANIZATION_UNKNOWN)
    assert verifier.ask(token, "/verify/plain/") is denial(Reason.ORGANIZATION_UNKNOWN)


def test_an_unknown_path_is_404_and_no_decision(verifier: FrozenVerifier) -> None:
    assert verifier.ask(forge.token(KEY, "RS256"), "/verify/apache/acme") is wire.NOT_FOUND
    assert (verifier.usage.allowed, sum(verifier.usage.denied.values())) == (0, 0)


def test_before_the_first_snapshot_everything_is_503() -> None:
    verifier = FrozenVerifier(None)
    answer = verifier.ask(forge.token(KEY, "RS256"))
    assert answer is denial(Reason.TRUST_STALE)
    assert answer.status == 503


def test_from_the_hard_limit_on_a_good_token_is_503() -> None:
    token = forge.token(KEY, "RS256")
    assert FrozenVerifier({"acme": acme.trust(KEY)}, heard_at=forge.NOW - 3599).ask(token).status == 200
    assert FrozenVerifier({"acme": acme.trust(KEY)}, heard_at=forge.NOW - 3600).ask(token) is denial(Reason.TRUST_STALE)


def test_a_token_whose_identity_does_not_fit_a_header_is_denied(verifier: FrozenVerifier) -> None:
    assert verifier.ask(forge.token(KEY, "RS256", sub="a" * 1025)) is denial(Reason.CLAIM_TOO_LONG)
    assert verifier.usage.allowed == 0
    assert verifier.usage.denied[Reason.CLAIM_TOO_LONG] == 1


def test_an_unknown_key_is_noted_for_its_organization(verifier: FrozenVerifier) -> None:
    verifier.ask(forge.token(KEY.named("rotated"), "RS256"))
    verifier.ask(forge.token(KEY, "RS256", exp=1))
    assert verifier.unknown_keys.take(time.monotonic()) == (UnknownKey("acme", "rotated", repeated=False),)


class Exploding(Mapping[str, Any]):
    def __getitem__(self, key: str) -> Any:
        raise RuntimeError(key)

    def __iter__(self) -> Any:
        return iter(())

    def __len__(self) -> int:
        return 0


def test_a_fault_of_our_own_denies() -> None:
    verifier = FrozenVerifier(Exploding())
    assert verifier.ask(forge.token(KEY, "RS256")) is wire.UNDECIDABLE
    assert wire.UNDECIDABLE.status == 503
    assert verifier.usage.denied[Reason.UNDECIDABLE] == 1


def test_a_change_of_trust_counts_from_the_next_request(verifier: FrozenVerifier) -> None:
    token = forge.token(KEY, "RS256")
    assert verifier.ask(token).status == 200
    suspended = acme.trust(KEY, suspended=True)
    verifier.current.swap(Snapshot("first", 2, MappingProxyType({"acme": suspended})), heard_at=forge.NOW)
    assert verifier.ask(token) is denial(Reason.ORGANIZATION_SUSPENDED)
