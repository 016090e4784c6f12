"""Organizations whose tokens must not pass however good they are (M-07, J-20); entitlement is decided before claims."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from kit import acme, forge
from watchword.core.decision import Allow, Deny, Reason
from watchword.core.trust import NotUnderstood, SubscriptionPeriod, Trust
from watchword.core.verify import verify_token

KEY = forge.ec_key("ec-1", "P-256")
NOW = forge.NOW
GOOD = acme.trust(KEY)
TOKEN = forge.token(KEY, "ES256")

ENDED = SubscriptionPeriod(NOW - 10, NOW)
STALE_KEYS = acme.server(KEY, keys_good_until=NOW)
NO_KEYS = acme.server(keys_good_until=NOW)

ROWS = [
    ("M-07: the organization is not known", None, NOW + 1, Reason.ORGANIZATION_UNKNOWN),
    (
        "M-07: suspension is named before everything else that is wrong with the organization",
        replace(GOOD, suspended=True, subscription=None, server=STALE_KEYS),
        NOW + 1,
        Reason.ORGANIZATION_SUSPENDED,
    ),
    (
        "P-07: there is no subscription",
        replace(GOOD, subscription=None, server=STALE_KEYS),
        NOW + 1,
        Reason.SUBSCRIPTION_INACTIVE,
    ),
    ("P-07: the subscription has just ended", replace(GOOD, subscription=ENDED), NOW + 1, Reason.SUBSCRIPTION_INACTIVE),
    (
        "P-07: the subscription has not begun",
        replace(GOOD, subscription=SubscriptionPeriod(NOW + 1, NOW + 9)),
        NOW + 1,
        Reason.SUBSCRIPTION_INACTIVE,
    ),
    ("M-07: no server is enabled", replace(GOOD, server=None), NOW + 1, Reason.NO_ENABLED_SERVER),
    ("J-20: the snapshot is just too old", replace(GOOD, server=NO_KEYS), NOW, Reason.TRUST_STALE),
    ("J-20: the snapshot is too old to say that an organization is unknown", None, NOW, Reason.TRUST_STALE),
    ("J-20: the snapshot's age is not a number", GOOD, math.nan, Reason.TRUST_STALE),
    ("J-20: no keys are known", replace(GOOD, server=NO_KEYS), NOW + 1, Reason.KEYS_MISSING),
    ("FI-01: a document that is not understood", NotUnderstood("acme", 1), NOW + 1, Reason.TRUST_NOT_UNDERSTOOD),
    ("J-20: the keys are just too old", replace(GOOD, server=STALE_KEYS), NOW + 1, Reason.KEYS_STALE),
]


@pytest.mark.parametrize(("trust", "good_until", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_good_token_without_entitlement_is_refused(trust: Trust | None, good_until: float, expected: Reason) -> None:
    assert verify_token(TOKEN, trust, now=NOW, snapshot_good_until=good_until) == Deny(expected)


def test_subscription_is_valid_from_its_first_to_its_last_second() -> None:
    trust = replace(GOOD, subscription=SubscriptionPeriod(NOW, NOW + 1))
    assert isinstance(acme.decide(TOKEN, trust, now=NOW), Allow)
    assert isinstance(acme.decide(TOKEN, trust, now=NOW + 0.999), Allow)
    assert acme.decide(TOKEN, trust, now=NOW + 1) == Deny(Reason.SUBSCRIPTION_INACTIVE)


LOCKED = replace(GOOD, suspended=True)


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("garbage", Reason.TOKEN_MALFORMED),
        (forge.token(KEY, "ES256", header_changes={"typ": "x"}), Reason.TYPE_NOT_ACCEPTED),
        (TOKEN[:-4] + "AAAA", Reason.SIGNATURE_INVALID),
    ],
)
def test_fj_01_entitlement_is_decided_after_the_signature(token: str, reason: Reason) -> None:
    for trust in (LOCKED, replace(GOOD, subscription=None), replace(GOOD, server=STALE_KEYS), GOOD):
        assert acme.decide(token, trust) == Deny(reason)


def test_fj_01_entitlement_is_decided_before_the_claims() -> None:
    expired = forge.token(KEY, "ES256", exp=1, iss="https://else.example/")
    assert acme.decide(expired, LOCKED) == Deny(Reason.ORGANIZATION_SUSPENDED)
    assert acme.decide(expired, replace(GOOD, server=STALE_KEYS)) == Deny(Reason.KEYS_STALE)
