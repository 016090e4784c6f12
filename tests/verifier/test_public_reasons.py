"""A client without a token of the organization's server learns nothing: neither from an answer nor from its time."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import acme, forge
from watchword.core.decision import Reason
from watchword.core.trust import NotUnderstood, SubscriptionPeriod, Trust
from watchword.feed import Snapshot
from watchword.verifier import http_contract as wire
from watchword.verifier.app import Verifier
from watchword.verifier.snapshot import CurrentSnapshot
from watchword.verifier.unknown_keys import UnknownKeys
from watchword.verifier.usage.counting import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

KEY = forge.ec_key("published")
OTHER = forge.ec_key("published too")
GOOD = acme.trust(KEY)

ORGANIZATIONS: Final[dict[str, Trust]] = {
    "active": GOOD,
    "suspended": replace(GOOD, suspended=True),
    "unpaid": replace(GOOD, subscription=None),
    "expired": replace(GOOD, subscription=SubscriptionPeriod(1, 2)),
    "without-a-server": replace(GOOD, server=None),
    "suspended-without-a-server": replace(GOOD, suspended=True, server=None),
    "without-keys": replace(GOOD, server=acme.server()),
    "with-old-keys": replace(GOOD, server=acme.server(KEY, keys_good_until=forge.NOW)),
    "with-two-keys": replace(GOOD, server=acme.server(KEY, OTHER)),
    "with-other-keys": replace(GOOD, server=acme.server(forge.rsa_key("published"))),
    "with-a-bound-key": replace(GOOD, server=acme.server(KEY.jwk(issuer="https://else.example/"))),
    "not-understood": NotUnderstood("not-understood", 1),
}
ALL = (*ORGANIZATIONS, "unknown", "")


class Gate:
    """A verifier that knows them all but the last two."""

    def __init__(self) -> None:
        current = CurrentSnapshot(hard_limit=3600)
        current.swap(Snapshot("first", 1, MappingProxyType(ORGANIZATIONS)), heard_at=forge.NOW)
        self.usage, self.unknown_keys = Usage(), UnknownKeys()
        self.verifier = Verifier(
            current=current, usage=self.usage, unknown_keys=self.unknown_keys, clock=lambda: forge.NOW
        )

    def answer(
        self, organization: str, values: Sequence[str], later: Callable[[wire.Response], None] | None = None, *,
        gateway: str = "plain",
    ) -> wire.Response | None:  # fmt: skip
        return self.verifier.respond(f"/verify/{gateway}/{organization}", values, later)


MEMBERS: Final = st.fixed_dictionaries(
    {},
    optional={
        "alg": st.sampled_from(["ES256", "RS256", "ES384", "none", 1, None]),
        "kid": st.sampled_from(["published", "published too", "made up", "", None, 1, "x" * 600, "\x00"]),
        "typ": st.sampled_from(["JWT", "at+jwt", "x", None]),
        "crit": st.just(["x"]),
    },
)
CLAIM_CHANGES: Final = st.fixed_dictionaries(
    {},
    optional={
        "iss": st.sampled_from(["https://login.acme.example/", "https://else.example/", 1]),
        "exp": st.sampled_from([1, "x", None]),
        "aud": st.sampled_from(["https://api.example/", "x"]),
        "events": st.just({"x": {}}),
        "at_hash": st.just("x"),
    },
)
MADE_UP: Final = forge.ec_key("made up")


@st.composite
def tokens(draw: st.DrawFn) -> str:
    """By nobody's key: for the keys that are published, for others, and malformed ones."""
    header, claims = draw(MEMBERS), draw(CLAIM_CHANGES)
    token = forge.token(MADE_UP, "ES256", header_changes=header, sign_as="ES256", payload=forge.claims(**claims))
    return draw(st.sampled_from([token, token[:-3], f"{token}A", f"{token}.x", token.replace(".", "..", 1)]))


@pytest.mark.parametrize("gateway", sorted(wire.PROFILES))
@given(tokens() | st.text(max_size=30))
def test_fj_01_made_up_token_is_answered_alike_for_all_organizations(gateway: str, token: str) -> None:
    gate = Gate()
    answers = {str(gate.answer(name, [f"Bearer {token}"], gateway=gateway)) for name in ALL}
    assert len(answers) == 1
    assert sum(gate.usage.denied.values()) == len(ALL)


@given(st.lists(tokens(), min_size=1, max_size=4))
def test_fj_01_made_up_tokens_wait_alike_for_all_organizations(made_up: list[str]) -> None:
    gate = Gate()
    published = {"published", "published too"}
    if any(named in published for named in map(_kid, made_up)):
        # What was asked about a name that is published is not what was asked about another, so only the first counts.
        made_up = made_up[:1]
    waits = {tuple(gate.answer(name, [f"Bearer {token}"], lambda _: None) is None for token in made_up) for name in ALL}
    assert len(waits) == 1


def _kid(token: str) -> Any:
    decision = acme.decide(token, None)
    return getattr(decision, "kid", None)


def test_fj_01_operators_see_the_true_reason() -> None:
    gate = Gate()
    token = forge.token(MADE_UP.named("published"), "ES256")
    for name in ALL:
        gate.answer(name, [f"Bearer {token}"])
    counted = {reason: calls for reason, calls in gate.usage.denied.items() if calls}
    assert counted == {
        Reason.SIGNATURE_INVALID: 6,
        Reason.NO_ENABLED_SERVER: 2,
        Reason.KEYS_MISSING: 1,
        Reason.KEY_ALGORITHM_MISMATCH: 1,
        Reason.NO_MATCHING_KEY: 1,
        Reason.TRUST_NOT_UNDERSTOOD: 1,
        Reason.ORGANIZATION_UNKNOWN: 2,
    }


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("suspended", Reason.ORGANIZATION_SUSPENDED),
        ("unpaid", Reason.SUBSCRIPTION_INACTIVE),
        ("expired", Reason.SUBSCRIPTION_INACTIVE),
        ("with-old-keys", Reason.KEYS_STALE),
    ],
)
def test_fj_01_caller_with_a_signed_token_learns_the_reason(name: str, reason: Reason) -> None:
    answer = Gate().answer(name, [f"Bearer {forge.token(KEY, 'ES256')}"])
    assert answer is wire.PROFILES["plain"].denials[reason]
    assert reason.public is reason


def test_fj_01_nothing_is_reported_of_organizations_whose_keys_cannot_come() -> None:
    gate = Gate()
    token = forge.token(MADE_UP, "ES256")
    for name in ("unknown", "without-a-server", "without-keys", "not-understood"):
        assert gate.answer(name, [f"Bearer {token}"], lambda _: None) is None
    assert gate.unknown_keys.take(0.0) == ()


def test_fj_01_unknown_organizations_use_up_no_places_of_real_ones() -> None:
    gate = Gate()
    made_up = forge.token(MADE_UP, "ES256")
    waited = sum(gate.answer(f"u{number}", [f"Bearer {made_up}"], lambda _: None) is None for number in range(400))
    assert waited == 256
    assert gate.answer("active", [f"Bearer {made_up}"], lambda _: None) is None
