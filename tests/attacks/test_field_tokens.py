"""Tokens as products in the field write them (FA-01 to FA-05, FC-02). All are correctly signed."""

from __future__ import annotations

from typing import Any

import pytest

from kit import acme, forge
from watchword.core.decision import Reason
from watchword.core.trust import ANY, Expected

KEY = forge.rsa_key("k1")
NOW = forge.NOW

FIELD: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Expected], Reason | None]] = [
    # A sentence, header members besides alg and kid, claims besides exp, the registration, the refusal.
    (
        "FA-01: ForgeRock AM, PingAM and OpenAM",
        {"typ": "JWT", "zip": "NONE"},
        {"aud": "app1", "client_id": "app1", "tokenName": "access_token", "scope": ["read"], "nbf": NOW},
        {"client_id": "app1"},
        None,
    ),
    ("FA-01: compression is never acted on", {"zip": "DEF"}, {}, {}, None),
    ("FA-01: no compression", {"zip": None}, {}, {}, None),
    (
        "FA-02: Keycloak before 10, RH-SSO 7",
        {"typ": "JWT"},
        {"aud": "account", "azp": "app1", "typ": "Bearer", "nbf": 0, "auth_time": 0},
        {},
        None,
    ),
    ("FA-03: Dex", {}, {"aud": "app1", "at_hash": "jiJmTBHd0nKPKx7iVHKlNw"}, {"audience": "app1"}, None),
    ("FA-03: Dex without an Audience URI", {}, {"aud": "app1", "at_hash": "jiJ"}, {}, Reason.TYPE_NOT_ACCEPTED),
    ("FA-04: a media type in full", {"typ": "application/jwt"}, {}, {}, None),
    (
        "FA-05: a security event",
        {},
        {"events": {"https://schemas.openid.net/secevent/caep/event-type/session-revoked": {}}},
        {},
        Reason.TYPE_NOT_ACCEPTED,
    ),
    ("FC-02: an empty kid", {"kid": ""}, {}, {}, None),
    ("FC-02: a kid of null", {"kid": None}, {}, {}, None),
    ("FC-02: crit demands something even as null", {"crit": None}, {}, {}, Reason.HEADER_NOT_ACCEPTED),
    ("F: azp alone names no client", {}, {"azp": "app1", "ver": "2.0"}, {"client_id": "app1"}, Reason.CLIENT_MISSING),
]


@pytest.mark.parametrize(
    ("header", "claims", "registered", "reason"), [row[1:] for row in FIELD], ids=[row[0] for row in FIELD]
)
def test_tokens_of_products_are_decided_as_listed(
    header: dict[str, Any], claims: dict[str, Any], registered: dict[str, Expected], reason: Reason | None
) -> None:
    anything: dict[str, Any] = dict.fromkeys(("issuer", "audience", "client_id"), ANY)
    trust = acme.trust(server=acme.server(KEY, **{**anything, **registered}))
    payload = {"iss": "https://as.example", "iat": NOW, "exp": NOW + 300, **claims}
    token = forge.token(KEY, "RS256", header_changes=header, payload=payload)
    assert acme.reason(acme.decide(token, trust)) is reason
