"""What reaches an API behind each gateway with its shipped settings: G-01 to G-05, G-11 and G-14.

The verifier requires a secret here and has a resource document; test_no_verifier.py has the same gateways without
both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kit import live
from kit.behind import CLOUD
from kit.forged_headers import IDENTITY, SPELLINGS
from kit.gateways import SECRET, identity_at_api
from kit.raw_http import exchange

if TYPE_CHECKING:
    from kit.gateways import Site

pytestmark = pytest.mark.enable_socket


def test_api_gets_exactly_the_identity_of_the_token(site: Site) -> None:
    answer = site.get(live.token(scope=f"orders:read {CLOUD}::acme::reader"))
    seen = identity_at_api(answer)
    (expires,) = seen.pop("x-auth-expires")
    assert expires.isdigit()
    assert seen == {
        "x-auth-organization": ["acme"],
        "x-auth-server": ["ProdOkta"],
        "x-auth-issuer": ["https://login.acme.example/"],
        "x-auth-subject": ["alice"],
        "x-auth-client-id": ["acme-batch"],
        "x-auth-scope": [f"orders:read {CLOUD}::acme::reader"],
        "x-auth-role": ["reader"],
    }
    assert "authorization" not in [name for name, _ in answer.json()["headers"]]


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_clients_cannot_set_identity_headers(site: Site, spelling: str) -> None:
    forged = [f"{spelling.format(name)}: {value}" for name in IDENTITY for value in ("forged", "twice")]
    under_scored = f"{spelling.format('Client_Id')}: forged"
    subjects = {live.token(): ["alice"], live.token(sub=..., scope=...): [""]}
    for token, subject in subjects.items():
        seen = identity_at_api(site.get(token, *forged, under_scored))
        assert not {"forged", "twice"} & {value for values in seen.values() for value in values}
        assert all(len(values) == 1 for values in seen.values()), seen
        assert seen["x-auth-organization"] == ["acme"]
        assert seen.get("x-auth-subject", [""]) == subject


@pytest.mark.parametrize("token", ["none", "altered"])
def test_forged_identity_without_a_good_token_is_refused(site: Site, token: str) -> None:
    before = len(site.api.requests)
    sent = live.token(signature=b"0" * 256) if token == "altered" else None
    assert site.get(sent, *(f"X-Auth-{name}: forged" for name in IDENTITY)).status == 401
    assert len(site.api.requests) == before


@pytest.mark.parametrize("connection", ["close, X-Auth-{0}", "x-auth-{1}", "X-AUTH-{0}, keep-alive", "X_Auth_{0}"])
def test_connection_header_cannot_remove_identity_headers(site: Site, connection: str) -> None:
    token = live.token(scope=f"{CLOUD}::acme::reader")
    for name in IDENTITY:
        listed = connection.format(name, name.lower())
        answer = site.get(token, f"Connection: {listed}")
        assert f"x-auth-{name.lower()}" in identity_at_api(answer)
        assert not [value for key, value in answer.json()["headers"] if key == "connection" and "auth" in value.lower()]


def test_upgrade_opens_no_tunnel(site: Site) -> None:
    # RFC 7540 section 3.2: an API that agreed would have a tunnel through the gateway (Traefik CVE-2026-88008).
    lines = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")
    answer = site.get(live.token(), *lines)
    assert answer.status == 403 or "upgrade" not in {name for name, _ in answer.json()["headers"]}


def test_secret_is_the_gateways_and_does_not_reach_the_api(site: Site) -> None:
    for lines in ((), ("X-Watchword-Secret: forged",), ("X-Watchword-Secret: forged", "x-watchword-secret: twice")):
        answer = site.get(live.token(), *lines)
        assert answer.status == 200
        assert SECRET not in str(answer.json())
        assert SECRET not in str(answer.headers)
        assert site.send(*lines, path="/.well-known/oauth-protected-resource/acme").status == 200
        assert site.send(*lines).status == 401


def test_trailers_reach_the_api_only_where_documented(site: Site) -> None:
    # RFC 9110 section 6.5.1 forbids reading them as headers; an API that does gets an identity from the client
    # (Traefik CVE-2026-88004).
    head = (
        "POST /api/orders HTTP/1.1",
        f"Host: {site.host()}",
        f"Authorization: Bearer {live.token()}",
        "Transfer-Encoding: chunked",
        "Trailer: X-Auth-Subject",
        "",
        "5\r\norder\r\n0\r\nX-Auth-Subject: forged\r\n\r\n",
    )
    answer = exchange(site.port, "\r\n".join(head))
    assert identity_at_api(answer)["x-auth-subject"] == ["alice"]
    assert bool(answer.json()["trailers"]) == site.gateway.trailers


def test_connection_header_can_only_remove_the_token(site: Site) -> None:
    before = len(site.api.requests)
    for listed in ("Authorization", "close, authorization", "X-Watchword-Secret", "Host, Authorization"):
        answer = site.get(live.token(), f"Connection: {listed}")
        assert answer.status != 200 or identity_at_api(answer)["x-auth-subject"] == ["alice"]
        assert site.get(None, f"Connection: {listed}").status >= 400
        assert site.get("nonsense", f"Connection: {listed}").status >= 400
    assert len(site.api.requests) <= before + 4


def test_long_hostile_identity_is_encoded_and_complete(site: Site) -> None:
    scope = " ".join(["orders:read"] * 300)
    seen = identity_at_api(site.get(live.token(sub="b\u00f6b\r\nX-Auth-Subject: alice\0", scope=scope)))
    assert seen["x-auth-subject"] == ["b%C3%B6b%0D%0AX-Auth-Subject: alice%00"]
    assert seen["x-auth-scope"] == [scope]
