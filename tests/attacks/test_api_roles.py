"""Tokens without the API role that the registration requires (FL-05), correctly signed unless a test says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kit import acme, forge
from watchword.core.decision import Allow, Deny, Reason
from watchword.feed import decode_trust, encode_trust, read_trust

if TYPE_CHECKING:
    from watchword.core.trust import Trust

KEY = forge.ec_key("ec-1", "P-256")
CLOUD = "api.example"
SCOPE = f"{CLOUD}::acme::Orders"
REQUIRING = acme.trust(server=acme.server(KEY, required_role="Orders"))
OPEN = acme.trust(KEY)


def decide(known: Trust = REQUIRING, cloud_name: str = CLOUD, **claims: Any) -> Any:
    payload = forge.claims(**{"scope": ..., **claims})
    return acme.decide(forge.token(KEY, "ES256", payload=payload), known, cloud_name=cloud_name)


CARRYING: list[dict[str, Any]] = [
    {"scope": SCOPE},
    {"scope": f"orders:read {SCOPE} orders:write"},
    {"scope": f" {SCOPE}  "},
    {"scope": [SCOPE]},
    {"scp": SCOPE},
    {"scp": ["orders:read", SCOPE]},
    {"roles": SCOPE},
    {"roles": ["Reader", SCOPE]},
    {"scope": "orders:read", "scp": "x", "roles": [SCOPE]},
    # Other roles, other organizations and other clouds take nothing away.
    {"scope": f"{CLOUD}::acme::Billing {SCOPE} {CLOUD}::globex::Orders elsewhere::acme::Orders"},
    {"scope": f"{CLOUD}::acme::Billing", "roles": [SCOPE, SCOPE]},
    {"scope": [SCOPE, 1, None, {"x": 1}], "scp": 1, "roles": {"x": 1}},
]


@pytest.mark.parametrize("claims", CARRYING, ids=str)
def test_fl_05_token_that_carries_the_required_role_is_allowed_with_it(claims: dict[str, Any]) -> None:
    decision = decide(**claims)
    assert isinstance(decision, Allow)
    assert decision.role == "Orders"


LACKING: list[dict[str, Any]] = [
    {},
    {"scope": ""},
    {"scope": "Orders"},
    {"scope": "orders:read"},
    {"roles": ["Orders"]},
    # The role of another organization, or of another cloud.
    {"scope": f"{CLOUD}::globex::Orders"},
    {"scope": f"{CLOUD}::acme-2::Orders"},
    {"scope": f"{CLOUD}::acm::Orders"},
    {"scope": "elsewhere::acme::Orders"},
    {"scope": f"x{SCOPE}"},
    {"scope": f"x.{SCOPE}"},
    {"scope": "::acme::Orders"},
    # Another role, or one that only begins or ends like it.
    {"scope": f"{CLOUD}::acme::Billing"},
    {"scope": f"{SCOPE}s"},
    {"scope": f"{CLOUD}::acme::Order"},
    {"scope": f"{CLOUD}::acme::xOrders"},
    {"scope": f"{CLOUD}::acme::"},
    {"scope": f"{SCOPE}::x"},
    {"scope": f"{SCOPE}*"},
    {"scope": f"{CLOUD}::acme::*"},
    # Nothing is normalised: neither the case nor blanks.
    {"scope": f"{CLOUD}::acme::orders"},
    {"scope": f"{CLOUD}::Acme::Orders"},
    {"scope": f"API.example{SCOPE.removeprefix(CLOUD)}"},
    {"scope": f"{CLOUD}::acme:: API.example{SCOPE.removeprefix(CLOUD)}"},
    {"scope": f"{CLOUD}::acme::\u039frders"},
    {"scope": f"{SCOPE}\n"},
    {"scope": f"{SCOPE}\t"},
    {"scope": f"orders:read\t{SCOPE}"},
    {"scope": f"orders:read,{SCOPE}"},
    {"scope": f"{CLOUD}:: acme::Orders"},
    # Odd types; an entry of a list is one word.
    {"scope": [f"orders:read {SCOPE}"]},
    {"scope": [[SCOPE]]},
    {"scope": {SCOPE: True}},
    {"roles": {"x": SCOPE}},
    {"scope": 1, "scp": None, "roles": True},
    # Only these three claims.
    {"scopes": SCOPE, "role": SCOPE, "groups": [SCOPE], "permissions": [SCOPE], "Scope": SCOPE, "sub": SCOPE},
    {"scope": "x " * 5_000},
    {"roles": ["x"] * 2_000},
]


@pytest.mark.parametrize("claims", LACKING, ids=lambda claims: str(claims)[:60])
def test_fl_05_token_without_the_required_role_is_refused(claims: dict[str, Any]) -> None:
    decision = decide(**claims)
    assert decision == Deny(Reason.INSUFFICIENT_SCOPE)
    assert decision.missing_scope == SCOPE
    assert decision.unknown_kid is decision.kid is None


def test_fl_05_without_a_cloud_name_no_role_can_be_required() -> None:
    """A verifier that cannot know the scope denies, also a token that carries something like it."""
    for scope in (..., SCOPE, "::acme::Orders"):
        decision = decide(cloud_name="", scope=scope)
        assert decision == Deny(Reason.CLOUD_NAME_MISSING)
        assert decision.missing_scope is None


@pytest.mark.parametrize(
    ("scope", "role"),
    [
        (SCOPE, "Orders"),
        (f"{SCOPE} orders:read {SCOPE}", "Orders"),
        (f"{SCOPE} {CLOUD}::globex::Billing", "Orders"),
        ("orders:read", None),
        (f"{SCOPE} {CLOUD}::acme::Billing", None),
        (f"{CLOUD}::globex::Billing", None),
        (f"{CLOUD}::acme::{'x' * 17}", None),
    ],
)
def test_fl_05_where_none_is_required_the_role_is_the_only_one_named(scope: str, role: str | None) -> None:
    decision = decide(OPEN, scope=scope)
    assert isinstance(decision, Allow)
    assert decision.role == role
    decision = decide(OPEN, cloud_name="", scope=scope)
    assert isinstance(decision, Allow)
    assert decision.role is None


def test_fl_05_role_replaces_no_other_check() -> None:
    wrong: dict[Reason, dict[str, Any]] = {
        Reason.TOKEN_EXPIRED: {"exp": 1},
        Reason.ISSUER_MISMATCH: {"iss": "x"},
        Reason.AUDIENCE_MISMATCH: {"aud": "x"},
        Reason.CLIENT_MISMATCH: {"client_id": "x"},
        Reason.TOKEN_BOUND: {"cnf": {"jkt": "x"}},
    }
    for reason, claims in wrong.items():
        assert decide(scope=SCOPE, **claims) == Deny(reason)


def test_fl_05_only_signed_tokens_get_the_reason_and_the_scope() -> None:
    other = forge.ec_key("ec-2", "P-256").named("ec-1")
    decision = acme.decide(forge.token(other, "ES256"), REQUIRING, cloud_name=CLOUD)
    assert decision == Deny(Reason.SIGNATURE_INVALID)
    assert isinstance(decision, Deny)
    assert decision.missing_scope is None


@pytest.mark.parametrize("role", ["", "a" * 17, "Orders-1", "Orders\n", '"', "\u039frders"], ids=repr)
def test_fl_05_trust_cannot_require_what_is_no_role(role: str) -> None:
    with pytest.raises(ValueError, match="role"):
        acme.server(KEY, required_role=role)


def test_fl_05_older_verifier_denies_an_organization_that_requires_a_role(monkeypatch: pytest.MonkeyPatch) -> None:
    requiring, free = encode_trust(REQUIRING), encode_trust(OPEN)
    monkeypatch.setattr("watchword.feed.documents.SCHEMA", 2)
    token = forge.token(KEY, "ES256", scope=SCOPE)
    assert acme.decide(token, read_trust(requiring), cloud_name=CLOUD) == Deny(Reason.TRUST_NOT_UNDERSTOOD)
    assert isinstance(acme.decide(token, read_trust(free), cloud_name=CLOUD), Allow)


def test_fl_05_older_control_plane_requires_no_role() -> None:
    known = decode_trust(encode_trust(OPEN))
    assert known.server is not None
    assert known.server.required_role is None
    assert isinstance(decide(known), Allow)
