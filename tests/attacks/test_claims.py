"""Attacks on the claims (C-01 to C-13). Every token here is correctly signed."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from kit import acme, forge
from watchword.core.decision import Allow, Deny, Reason
from watchword.core.trust import ANY, Expected, Trust

KEY = forge.ec_key("ec-1", "P-256")
ALL_SET = acme.trust(KEY)
NOW = forge.NOW


def refusal(**claims: Any) -> Reason | None:
    return acme.reason(acme.decide(forge.token(KEY, "ES256", **claims), ALL_SET))


def with_literal(claim: str, literal: str) -> str:
    """A token whose claim is written exactly like this."""
    text = json.dumps(forge.claims(**{claim: "LITERAL"})).replace('"LITERAL"', literal)
    return forge.token(KEY, "ES256", payload=text.encode())


def expecting(**expected: Expected) -> Trust:
    server = acme.server(KEY, **{**dict.fromkeys(("issuer", "audience", "client_id"), ANY), **expected})
    return acme.trust(server=server)


# -------------------------------------------------------------------- C-01 to C-03: times


@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", [str(NOW + 300), "0", " ", True, False, [NOW], [0], {"at": NOW}, {}], ids=repr)
def test_c01_time_of_another_type_is_refused(claim: str, value: object) -> None:
    assert refusal(**{claim: value}) is Reason.TIME_MALFORMED


@pytest.mark.parametrize("value", [None, "", []], ids=repr)
def test_fc_02_empty_times_are_absent(value: object) -> None:
    assert refusal(nbf=value, iat=value) is None
    assert refusal(exp=value) is Reason.EXPIRY_MISSING


@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("literal", [str(2**53), str(2**64), "1e300", "9" * 60])
def test_c02_number_out_of_range_is_refused(claim: str, literal: str) -> None:
    assert acme.decide(with_literal(claim, literal), ALL_SET) == Deny(Reason.TIME_MALFORMED)


@pytest.mark.parametrize("literal", ["0", "0.0", "-0", "-1", "-1e9", "-1e300", "1e-400", "-" + "9" * 60])
def test_fa_02_zero_and_negative_times_are_in_the_past(literal: str) -> None:
    for claim in ("nbf", "iat"):
        decision = acme.decide(with_literal(claim, literal), ALL_SET)
        assert isinstance(decision, Allow)
        assert decision.claims.issued_at == (None if claim == "iat" else NOW - 10)
    assert acme.decide(with_literal("exp", literal), ALL_SET) == Deny(Reason.TIME_MALFORMED)


@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e400", "9" * 4_000])
def test_c02_invalid_number_refuses_the_token(claim: str, literal: str) -> None:
    assert acme.decide(with_literal(claim, literal), ALL_SET) == Deny(Reason.CLAIMS_MALFORMED)


def test_c02_floats_and_the_last_whole_second_are_accepted() -> None:
    assert refusal(exp=NOW + 0.5, iat=NOW - 0.25, nbf=float(NOW)) is None
    assert refusal(exp=2**53 - 1) is None


TIMES: list[tuple[str, dict[str, Any], Reason | None]] = [
    ("C-03: no expiry", {"exp": ...}, Reason.EXPIRY_MISSING),
    ("C-03: no expiry, and another fault", {"exp": ..., "nbf": "x"}, Reason.EXPIRY_MISSING),
    ("C-03: expires just now", {"exp": NOW}, None),
    ("C-03: expired within the leeway", {"exp": NOW - 59}, None),
    ("C-03: expired by exactly the leeway", {"exp": NOW - 60}, Reason.TOKEN_EXPIRED),
    ("C-03: expired by a fraction less than the leeway", {"exp": NOW - 59.5}, None),
    ("C-03: expired by more than the leeway", {"exp": NOW - 61}, Reason.TOKEN_EXPIRED),
    ("C-03: expired in 1970", {"exp": 1}, Reason.TOKEN_EXPIRED),
    ("C-03: valid from exactly the leeway on", {"nbf": NOW + 60}, None),
    ("C-03: valid from later on", {"nbf": NOW + 61}, Reason.TOKEN_NOT_YET_VALID),
    ("C-03: issued the leeway ahead", {"iat": NOW + 60}, None),
    ("C-03: issued further ahead", {"iat": NOW + 61}, Reason.TOKEN_FROM_FUTURE),
    ("C-03: without time of issue", {"iat": ...}, None),
]


@pytest.mark.parametrize(("claims", "expected"), [row[1:] for row in TIMES], ids=[row[0] for row in TIMES])
def test_times_are_checked_to_the_second(claims: dict[str, Any], expected: Reason | None) -> None:
    assert refusal(**claims) is expected


def test_c03_long_lifetimes_are_accepted() -> None:
    """There is no maximum lifetime: it would refuse good tokens of customers' servers. Withdrawing the key ends a token
    of ten years early."""
    token = forge.token(KEY, "ES256", iat=NOW - 1, exp=NOW + 315_360_000)
    assert acme.reason(acme.decide(token, ALL_SET)) is None
    withdrawn = acme.trust(forge.ec_key("ec-2", "P-256"))
    assert acme.reason(acme.decide(token, withdrawn)) is Reason.NO_MATCHING_KEY


def test_c04_no_token_is_accepted_after_expiry_and_leeway() -> None:
    token = forge.token(KEY, "ES256", exp=NOW + 3)
    for tenths in range(0, 700, 7):
        now = NOW + tenths / 10
        allowed = isinstance(acme.decide(token, ALL_SET, now=now), Allow)
        assert allowed == (now < NOW + 3 + 60)


@pytest.mark.parametrize("now", [math.nan, math.inf, -math.inf, 0.0, -1.0], ids=repr)
def test_broken_clock_allows_nothing(now: float) -> None:
    assert isinstance(acme.decide(forge.token(KEY, "ES256"), ALL_SET, now=now), Deny)


# -------------------------------------------------------------------- C-05, C-06: audience

AUDIENCES: list[tuple[object, bool]] = [
    ("x", True), (["x"], True), (["y", "x"], True), (["x", "x"], True),
    ([], False), ("", False), (None, False), (..., False), ({"x": 1}, False), ([["x"]], False), (["x", 1], False),
    (["x", None], False), ("x ", False), ("X", False), ("x/", False), ("xx", False), ("x\x00", False), (" x", False),
    (["xx"], False), (True, False), (0, False),
    ("x,y", False), ("x y", False), ("\uff58", False),
]  # fmt: skip


@pytest.mark.parametrize(("audience", "good"), AUDIENCES, ids=[repr(row[0]) for row in AUDIENCES])
def test_c05_audience_is_or_contains_the_configured_one(audience: object, good: bool) -> None:  # noqa: FBT001
    decision = acme.decide(forge.token(KEY, "ES256", aud=audience), expecting(audience="x"))
    assert acme.reason(decision) is (None if good else Reason.AUDIENCE_MISMATCH)


@pytest.mark.parametrize(
    "audience",
    [
        "http://api",
        "api",
        "https://api/",
        "HTTPS://api",
        "https://api:443",
        "https://apis",
        "https://api?",
        "https://API",
    ],
)
def test_c06_audiences_are_compared_as_text_not_as_urls(audience: str) -> None:
    decision = acme.decide(forge.token(KEY, "ES256", aud=audience), expecting(audience="https://api"))
    assert decision == Deny(Reason.AUDIENCE_MISMATCH)


# -------------------------------------------------------------------- C-07: issuer

ISSUER = "https://idp.example/\u00e9"


@pytest.mark.parametrize(
    "issuer",
    [
        ISSUER[:-1], ISSUER + "x", ISSUER[1:], "https://idp.example", ISSUER + "/", ISSUER.upper(), ISSUER + ".",
        " " + ISSUER, "https://idp.example/e\u0301", "https://idp.example@evil.example/\u00e9",
        "http" + ISSUER[5:], "", None, ..., [ISSUER], {"iss": ISSUER}, 0, True,
    ],
    ids=repr,
)  # fmt: skip
def test_c07_issuer_is_exactly_the_configured_one(issuer: object) -> None:
    trust = expecting(issuer=ISSUER)
    assert isinstance(acme.decide(forge.token(KEY, "ES256", iss=ISSUER), trust), Allow)
    assert acme.decide(forge.token(KEY, "ES256", iss=issuer), trust) == Deny(Reason.ISSUER_MISMATCH)


# -------------------------------------------------------------------- C-09: client

MISSING, MISMATCH = Reason.CLIENT_MISSING, Reason.CLIENT_MISMATCH
CLIENTS: list[tuple[str, dict[str, object], Reason | None]] = [
    ("C-09: the claim of RFC 9068", {"client_id": "a"}, None),
    ("C-09: Okta's claim", {"cid": "a"}, None),
    ("C-09: Entra ID's claim", {"appid": "a"}, None),
    ("C-09: all three, equal", {"client_id": "a", "cid": "a", "appid": "a"}, None),
    ("C-09: none", {}, MISSING),
    ("C-09: azp is not one of them", {"azp": "a"}, MISSING),
    ("C-09: the first one right, another wrong", {"client_id": "a", "cid": "b"}, MISMATCH),
    ("C-09: the last one right, the others wrong", {"client_id": "b", "cid": "c", "appid": "a"}, MISMATCH),
    ("FC-02: one right, another null", {"client_id": "a", "cid": None}, None),
    ("FC-02: one right, another empty", {"client_id": "a", "appid": ""}, None),
    ("FC-02: the last one right, the others empty", {"client_id": "", "cid": [], "appid": "a"}, None),
    ("FC-02: one wrong, another null", {"client_id": "b", "cid": None}, MISMATCH),
    ("C-09: one right, another a list", {"cid": "a", "appid": ["a"]}, MISMATCH),
    ("C-09: one right, another no text", {"cid": "a", "appid": 0}, MISMATCH),
    ("C-09: one right, another an object", {"cid": "a", "appid": {}}, MISMATCH),
    ("C-09: a list", {"client_id": ["a"]}, MISMATCH),
    ("C-09: a number", {"client_id": 1}, MISMATCH),
    ("C-09: false", {"client_id": False}, MISMATCH),
    ("FC-02: an empty list", {"client_id": []}, MISSING),
    ("FC-02: empty", {"client_id": ""}, MISSING),
    ("FC-02: null", {"client_id": None}, MISSING),
    ("C-09: another case", {"client_id": "A"}, MISMATCH),
    ("C-09: a space behind", {"client_id": "a "}, MISMATCH),
    ("C-09: a prefix", {"client_id": "ab"}, MISMATCH),
]


@pytest.mark.parametrize(("claims", "reason"), [row[1:] for row in CLIENTS], ids=[row[0] for row in CLIENTS])
def test_c09_every_client_claim_present_must_be_the_configured_one(
    claims: dict[str, Any], reason: Reason | None
) -> None:
    token = forge.token(KEY, "ES256", **{"client_id": ..., **claims})
    assert acme.reason(acme.decide(token, expecting(client_id="a"))) is reason


@pytest.mark.parametrize(
    ("expected", "claim"),
    [("a", "A"), ("a", "a "), ("ab", "a"), ("ab", "ab\x00"), ("a\u0301", "\u00e1"), ("1", 1), ("true", True)],
    ids=repr,
)
def test_c09_client_is_compared_exactly(expected: str, claim: object) -> None:
    for name in ("client_id", "cid", "appid"):
        token = forge.token(KEY, "ES256", payload=forge.claims(**{"client_id": ..., name: claim}))
        assert acme.reason(acme.decide(token, expecting(client_id=expected))) is Reason.CLIENT_MISMATCH


@pytest.mark.parametrize("value", [1, True, 1.0], ids=repr)
def test_c12_numbers_and_booleans_are_not_texts(value: object) -> None:
    for expected in ("1", "true", "True", "1.0"):
        token = forge.token(KEY, "ES256", iss=value, aud=value, client_id=value)
        assert acme.decide(token, expecting(issuer=expected)) == Deny(Reason.ISSUER_MISMATCH)
        assert acme.decide(token, expecting(audience=expected)) == Deny(Reason.AUDIENCE_MISMATCH)
        assert acme.decide(token, expecting(client_id=expected)) == Deny(Reason.CLIENT_MISMATCH)


# -------------------------------------------------------------------- C-10: emptiness


@pytest.mark.parametrize("field", ["issuer", "audience", "client_id"])
@pytest.mark.parametrize("lost", ["", None], ids=repr)
def test_c10_expected_value_cannot_be_empty_or_missing(field: str, lost: object) -> None:
    with pytest.raises(ValueError, match="ANY"):
        acme.server(KEY, **{field: lost})


def test_c10_only_any_disables_a_check() -> None:
    bare = forge.token(KEY, "ES256", iss=..., aud=..., client_id=...)
    assert isinstance(acme.decide(bare, expecting()), Allow)
    assert acme.decide(bare, expecting(issuer="x")) == Deny(Reason.ISSUER_MISMATCH)
    assert acme.decide(bare, expecting(audience="x")) == Deny(Reason.AUDIENCE_MISMATCH)
    assert acme.decide(bare, expecting(client_id="x")) == Deny(Reason.CLIENT_MISSING)


def test_c10_the_text_any_is_an_ordinary_value() -> None:
    trust = expecting(issuer="any", audience="any", client_id="any")
    assert isinstance(acme.decide(forge.token(KEY, "ES256", iss="any", aud="any", client_id="any"), trust), Allow)
    assert acme.decide(forge.token(KEY, "ES256"), trust) == Deny(Reason.ISSUER_MISMATCH)


# -------------------------------------------------------------------- M-04: the same token, other rules


def test_m04_rules_of_the_requested_organization_apply() -> None:
    token = forge.token(KEY, "ES256", aud="x")
    assert isinstance(acme.decide(token, expecting(audience="x")), Allow)
    assert acme.decide(token, expecting(audience="y")) == Deny(Reason.AUDIENCE_MISMATCH)
    assert isinstance(acme.decide(token, expecting(audience="x")), Allow)
