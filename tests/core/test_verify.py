"""All steps together: the result of an allowed token, which step refuses first, and that nothing ever raises."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kit import acme, forge
from watchword.core import verify as story
from watchword.core.decision import Allow, Decision, Deny, Reason, TokenProfile, VerifiedClaims
from watchword.core.trust import ANY
from watchword.core.verify import LIMITS, STEPS, Limits, verify, verify_token

KEY = forge.rsa_key("rsa-1")
TRUST = acme.trust(KEY)
REQUIRING = acme.trust(server=acme.server(KEY, required_role="Orders"))
STALE = acme.trust()
NOW = forge.NOW
OPEN = acme.trust(server=acme.server(KEY, issuer=ANY, audience=ANY, client_id=ANY))


def claims_of(**changes: Any) -> VerifiedClaims:
    decision = acme.decide(forge.token(KEY, "RS256", **changes), OPEN)
    assert isinstance(decision, Allow)
    return decision.claims


@pytest.mark.parametrize("alg", forge.ALGORITHMS)
def test_good_token_is_allowed_with_every_algorithm(alg: str) -> None:
    key = forge.key_for(alg)
    assert acme.decide(forge.token(key, alg), acme.trust(key)) == Allow(
        organization="acme",
        server="ProdOkta",
        claims=VerifiedClaims(
            issuer="https://login.acme.example/",
            subject="alice",
            client_id="acme-batch",
            scope="orders:read orders:write",
            audience=("https://api.example/",),
            expires_at=NOW + 300,
            issued_at=NOW - 10,
        ),
        good_from=NOW - 70,
        good_until=NOW + 360,
        profile=TokenProfile(
            issuer="https://login.acme.example/",
            audience="https://api.example/",
            client_claim="client_id",
            client_id="acme-batch",
            kid=key.kid,
            alg=alg,
            typ=None,
        ),
    )


# -------------------------------------------------------------------- what is passed on


def test_missing_claims_are_empty() -> None:
    assert claims_of(payload={"exp": NOW + 1.9}) == VerifiedClaims(None, None, None, "", (), NOW + 1, None)


@pytest.mark.parametrize("value", [None, 1, True, ["x"], {"x": 1}], ids=repr)
def test_claims_that_are_no_texts_are_not_passed_on(value: object) -> None:
    claims = claims_of(iss=value, sub=value, client_id=value, aud=value if value != ["x"] else 1, scope=value)
    assert (claims.issuer, claims.subject, claims.client_id, claims.audience) == (None, None, None, ())


SCOPES: list[tuple[dict[str, Any], str]] = [
    ({"scope": "a b"}, "a b"),
    ({"scope": ...}, ""),
    ({"scope": ..., "scp": "a b"}, "a b"),
    ({"scope": ..., "scp": ["a", "b"]}, "a b"),
    ({"scope": ["a", "b"]}, "a b"),
    ({"scope": "a", "scp": "b"}, "a"),
    ({"scope": ..., "scp": []}, ""),
    ({"scope": ..., "scp": ["a b"]}, ""),
    ({"scope": ..., "scp": ["a", ""]}, ""),
    ({"scope": ..., "scp": ["a", 1]}, ""),
    ({"scope": 1, "scp": "b"}, ""),
    ({"scope": None}, ""),
    ({"scope": None, "scp": ["a", "b"]}, "a b"),
    ({"scope": "", "scp": "a"}, "a"),
    ({"scope": [], "scp": "a"}, "a"),
    ({"scope": False, "scp": "a"}, ""),
]


@pytest.mark.parametrize(("changes", "expected"), SCOPES, ids=[str(row[0]) for row in SCOPES])
def test_scope_comes_from_scope_or_scp(changes: dict[str, Any], expected: str) -> None:
    assert claims_of(**changes).scope == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"client_id": ..., "cid": "b"}, "b"),
        ({"client_id": ..., "appid": "b"}, "b"),
        ({"client_id": "b", "cid": "b"}, "b"),
        ({"client_id": "b", "cid": "c"}, None),
        ({"client_id": "b", "cid": 1}, None),
        ({"client_id": "b", "cid": None, "appid": ""}, "b"),
    ],
)
def test_client_is_passed_on_only_if_all_its_claims_agree(changes: dict[str, Any], expected: str | None) -> None:
    assert claims_of(**changes).client_id == expected


# -------------------------------------------------------------------- order


def test_steps_refuse_in_order() -> None:
    """A request that is wrong in every way, repaired step by step, is refused by each step in turn."""
    other = forge.rsa_key("rsa-2").named("rsa-1")
    wrong: dict[str, Any] = {"exp": 1, "iss": "x", "aud": "x", "client_id": "x", "cnf": {}}
    odd = {"typ": "x", "kid": "x", "alg": "none"}

    def bearer(*, key: forge.Key = other, header: dict[str, Any] | None = None, **claims: Any) -> list[str]:
        return [f"Bearer {forge.token(key, 'RS256', header_changes=header, sign_as='RS256', **claims)}"]

    suspended = replace(TRUST, suspended=True)
    requests = [
        (1, ["Basic x"], None),
        (2, ["Bearer x"], STALE),
        (3, ["Bearer x"], None),
        (4, bearer(header=odd, **wrong), None),
        (5, bearer(header={"kid": "x"}, **wrong), None),
        (5, bearer(header={"kid": "x"}, **wrong), suspended),
        (6, bearer(**wrong), suspended),
        (7, bearer(key=KEY, **wrong), suspended),
        (8, bearer(key=KEY, **wrong), TRUST),
        (9, bearer(key=KEY, **{**wrong, "exp": NOW}), TRUST),
        (10, bearer(key=KEY, aud="x", client_id="x"), TRUST),
        (11, bearer(key=KEY, client_id="x", cnf={}), TRUST),
        (12, bearer(key=KEY, cnf={}), REQUIRING),
        (13, bearer(key=KEY), REQUIRING),
    ]
    for step, authorization, trust in requests:
        known, good_until = (None, NOW) if trust is STALE else (trust, NOW + 1)
        decision = verify(authorization, known, now=NOW, snapshot_good_until=good_until)
        assert isinstance(decision, Deny)
        assert decision.reason.step == step


def test_numbers_of_steps_match_reasons_and_documents() -> None:
    assert len(STEPS) == 13
    assert {reason.step for reason in Reason} == set(range(14))
    numbers = [str(number) for number in range(1, 14)]
    source = Path(story.__file__).with_name("verify.py").read_text()
    assert re.findall(r"^ +# (\d+)\. ", source, flags=re.MULTILINE) == numbers
    architecture = (Path(__file__).parents[2] / "ARCHITECTURE.md").read_text().partition("core/verify.py` takes these")
    assert re.findall(r"^(\d+)\. \*\*", architecture[2], flags=re.MULTILINE) == numbers


# -------------------------------------------------------------------- limits


def test_limits_match_the_documents() -> None:
    assert Limits(max_token_bytes=16_384, leeway=60) == LIMITS


def test_limits_can_be_narrowed() -> None:
    token = forge.token(KEY, "RS256", exp=NOW)
    narrow = Limits(max_token_bytes=len(token) - 1)
    assert verify_token(token, TRUST, now=NOW, snapshot_good_until=NOW + 1, limits=narrow) == Deny(
        Reason.TOKEN_TOO_LARGE
    )
    strict = Limits(leeway=0)
    assert verify_token(token, TRUST, now=NOW, snapshot_good_until=NOW + 1, limits=strict) == Deny(Reason.TOKEN_EXPIRED)


# -------------------------------------------------------------------- undecidable


class Faulty:
    """Stands for any fault of our own: every access raises."""

    def __getattr__(self, name: str) -> object:
        raise RuntimeError(name)


def test_any_fault_of_our_own_is_a_deny() -> None:
    faulty: Any = Faulty()
    assert verify(faulty, TRUST, now=NOW, snapshot_good_until=NOW + 1) == Deny(Reason.UNDECIDABLE)


def decided_with_faulty(what: str) -> Decision:
    faulty: Any = Faulty()
    token = forge.token(KEY, "RS256")
    if what == "trust":
        return acme.decide(token, faulty)
    if what == "server":
        return acme.decide(token, replace(TRUST, server=faulty))
    return verify_token(token, TRUST, now=faulty, snapshot_good_until=NOW + 1)


@pytest.mark.parametrize("what", ["trust", "server", "clock"])
def test_fault_in_the_trust_is_a_deny(what: str) -> None:
    assert decided_with_faulty(what) == Deny(Reason.UNDECIDABLE)


@pytest.mark.parametrize("header", [[b"Bearer x"], [None], [1], "Bearer x"], ids=repr)
def test_authorization_of_another_type_is_a_deny(header: Any) -> None:
    assert isinstance(verify(header, TRUST, now=NOW, snapshot_good_until=NOW + 1), Deny)


def test_key_that_contradicts_its_algorithms_is_undecidable() -> None:
    """Admission never returns such a key: an RSA key would have to verify ECDSA."""
    algorithms = frozenset(forge.ALGORITHMS)
    for key, alg in (
        (KEY, "ES256"),
        (KEY, "EdDSA"),
        (forge.ec_key(), "RS256"),
        (forge.ec_key(), "ES384"),
        (forge.ed25519_key(), "PS256"),
        (forge.ml_dsa_key("pq", "ML-DSA-44"), "ML-DSA-65"),
    ):
        (admitted,) = acme.keys(key)
        trust = acme.trust(server=acme.server(keys=(replace(admitted, algorithms=algorithms),)))
        assert acme.decide(forge.token(key, alg), trust) == Deny(Reason.UNDECIDABLE)


# -------------------------------------------------------------------- the closed table


def test_every_reason_has_its_own_code_and_an_rfc_6750_status() -> None:
    assert len({reason.code for reason in Reason}) == len(Reason)
    for reason in Reason:
        has_token = reason not in {Reason.TOKEN_MISSING, Reason.SCHEME_NOT_BEARER}
        assert (reason.error == "invalid_token") == (reason.status == 401 and has_token)
        assert (reason.error == "invalid_request") == (reason.status == 400)
        assert reason.sentence.endswith(".")
