"""One gateway for all organizations: by host, by path and by token, in the real gateway.

For every request: if the API gets it, then its token is one of the organization that
X-Auth-Organization names, and host or path that the API sees name no other one.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from kit.behind import CLOUD, DOMAIN
from kit.gateways import GATEWAYS, METADATA
from kit.processes import LOOPBACK, wait_until
from kit.routed import organization_of, token_of, trust_of
from watchword.gateways import gateways
from watchword.gateways.filling import Values, fill

if TYPE_CHECKING:
    from kit.feed_server import FeedServer
    from kit.gateways import Site
    from kit.routed import Routed

pytestmark = pytest.mark.enable_socket


def test_each_organization_accepts_only_its_own_tokens(shared: Site) -> None:
    for organization in ("acme", "globex"):
        assert organization_of(shared.get(token_of(organization), organization=organization)) == organization
    if shared.routing == "token":
        # Host and path name no organization here.
        assert organization_of(shared.get(token_of("globex"), organization="acme")) == "globex"
    else:
        assert shared.get(token_of("globex"), organization="acme").status == 401
        assert shared.get(token_of("acme"), organization="globex").status == 401
    assert shared.get(None).status == 401
    assert shared.get("nonsense").status == 401


def test_fm_03_console_writes_the_tested_lines(shared: Site, routed: Routed) -> None:
    name = next(name for name, gateway in GATEWAYS.items() if gateway is shared.gateway)
    (shipped,) = (gateway for gateway in gateways() if gateway.name == name)
    ports = shared.behind
    values = Values(
        routing=shared.routing,
        domain=DOMAIN,
        verifiers=tuple(f"{LOOPBACK}:{port}" for port in ports.verifiers),
        grpc_verifiers=tuple(f"{LOOPBACK}:{port}" for port in ports.grpc),
        api=f"{LOOPBACK}:{ports.api.port}",
    )
    running = {
        line
        for file in routed.folder(name, shared.routing).rglob("*")
        if file.is_file()
        for line in file.read_text(errors="replace").splitlines()
    }

    written = {
        after
        for file, filled in zip(shipped.files, fill(shipped, values).gateway.files, strict=True)
        for before, after in zip(file.text.splitlines(), filled.text.splitlines(), strict=True)
        if before != after
    }
    assert written
    assert written - running == set()


def test_new_organization_is_served_without_a_reload(shared: Site, many: FeedServer) -> None:
    name = "new-customer-2"
    many.publish(trust_of(name, suspended=True))
    wait_until(lambda: shared.get(token_of(name), organization=name).status == 403, what="known, suspended", timeout=30)
    many.publish(trust_of(name))
    wait_until(lambda: shared.get(token_of(name), organization=name).status == 200, what="served", timeout=30)
    assert organization_of(shared.get(token_of(name), organization=name)) == name


@pytest.mark.parametrize("signed_by", ["acme", "globex"])
def test_token_naming_another_organization_fails_against_its_keys(shared: Site, signed_by: str) -> None:
    named = {"acme": "globex", "globex": "acme"}[signed_by]
    assert shared.get(token_of(named, signed_by=signed_by), organization=named).status == 401


SCOPES: dict[str, dict[str, Any]] = {
    "none": {"scope": "orders:read"},
    "no scope": {"scope": ...},
    "two organizations": {"scope": f"{CLOUD}::acme::reader {CLOUD}::globex::reader"},
    "two organizations in two claims": {"scp": [f"{CLOUD}::globex::reader"]},
    "two organizations in scope and roles": {"roles": [f"{CLOUD}::globex::reader"]},
    "another cloud": {"scope": "other::acme::reader"},
    "another case": {"scope": f"{CLOUD}::Acme::reader"},
    "no role": {"scope": f"{CLOUD}::acme"},
    "an empty organization": {"scope": f"{CLOUD}::::reader"},
    "a hyphen": {"scope": f"{CLOUD}::-::reader"},
    "a path": {"scope": f"{CLOUD}::../globex::reader"},
    "four parts": {"scope": f"{CLOUD}::acme::globex::reader"},
}


@pytest.mark.parametrize("scope", SCOPES)
def test_token_naming_none_or_several_is_refused(by_token: Site, scope: str) -> None:
    before = len(by_token.api.requests)
    answer = by_token.get(token_of("acme", **SCOPES[scope]))
    assert (answer.status, len(by_token.api.requests)) == (401, before), scope
    assert 'error="invalid_token"' in str(answer.header("WWW-Authenticate"))


@pytest.mark.parametrize(
    "named", [{"scope": ..., "scp": [f"{CLOUD}::acme::reader"]}, {"scope": ..., "roles": [f"{CLOUD}::acme::a"]}]
)
def test_scp_and_roles_can_name_the_organization(by_token: Site, named: dict[str, Any]) -> None:
    assert organization_of(by_token.get(token_of("acme", **named))) == "acme"


FORGED = (
    "X-Forwarded-Host: {host}",
    "X-Forwarded-Uri: {target}",
    "X-Original-URL: {target}",
    "X-Original-Host: {host}",
    "X-Rewrite-URL: {target}",
    "X-Envoy-Original-Path: {target}",
    "X-Envoy-Original-Host: {host}",
    "X-Watchword-Organization: {organization}",
    "X-Organization: {organization}",
    "X-Auth-Organization: {organization}",
    "Forwarded: host={host}",
    "Referer: http://{host}{target}",
    "Cookie: organization={organization}",
    "Authorization-Organization: {organization}",
)


@pytest.mark.parametrize("line", FORGED)
def test_client_headers_do_not_choose_the_organization(shared: Site, line: str) -> None:
    forged = line.format(
        host=shared.host("globex"), target=shared.target("/api/orders", "globex"), organization="globex"
    )
    for lines in ((forged,), (forged, forged)):
        assert organization_of(shared.get(token_of("acme"), *lines)) == "acme"
        if shared.routing != "token":
            assert shared.get(token_of("globex"), *lines, organization="acme").status == 401


def test_every_organization_has_its_resource_document(named: Site) -> None:
    for organization in ("acme", "globex"):
        answer = named.send_target(target=named.document(organization), host=named.host(organization))
        assert answer.status == 200
        expected = f"{organization}.{DOMAIN}" if named.routing == "host" else f"{DOMAIN}/o/{organization}"
        assert answer.json()["resource"] == f"https://{expected}"
        assert answer.json()["authorization_servers"] == ["https://login.acme.example/"]
        challenge = str(named.get(None, organization=organization).header("WWW-Authenticate"))
        where = named.document(organization) if named.routing == "path" else "/.well-known/oauth-protected-resource"
        host = f"{organization}.{DOMAIN}" if named.routing == "host" else DOMAIN
        assert f'resource_metadata="https://{host}{where}"' in challenge


def test_api_sees_the_clients_host(shared: Site) -> None:
    (host,) = (value for name, value in shared.get(token_of("acme")).json()["headers"] if name == "host")
    # nginx's $host has no port; docs/gateways.md says so.
    assert host == (shared.host().partition(":")[0] if shared.gateway.label == "nginx" else shared.host())


def test_with_routing_by_token_one_document_serves_all_organizations(by_token: Site) -> None:
    document = f"https://{DOMAIN}{METADATA}"
    assert f'resource_metadata="{document}"' in str(by_token.get(None).header("WWW-Authenticate"))
    for target in (METADATA, f"{METADATA}?x=y"):
        answer = by_token.send_target(target=target, host=by_token.host())
        assert (answer.status, answer.json()["resource"]) == (200, f"https://{DOMAIN}"), target


def test_with_routing_by_token_another_domain_is_404(by_token: Site) -> None:
    before = len(by_token.api.requests)
    bearer = f"Authorization: Bearer {token_of('acme')}"
    for target in ("/api/orders", METADATA):
        for host in ("other.example", f"acme.{DOMAIN}"):
            assert by_token.send_target(bearer, target=target, host=f"{host}:{by_token.port}").status == 404, host
    assert len(by_token.api.requests) == before


def test_unknown_hosts_and_paths_are_404(named: Site) -> None:
    before = len(named.api.requests)
    bearer = f"Authorization: Bearer {token_of('acme')}"
    for target, host in (
        ("/api/orders", "other.example"),
        ("/api/orders", "-.api.example"),
        ("/other", DOMAIN),
        ("/", DOMAIN),
        (named.target("/api/orders"), "other.example"),
        (named.document(), "other.example"),
    ):
        assert named.send_target(bearer, target=target, host=f"{host}:{named.port}").status == 404, (target, host)
    assert len(named.api.requests) == before


def test_unknown_organization_looks_like_a_bad_token(named: Site) -> None:
    answer = named.get(token_of("initech"), organization="initech")
    assert answer.status == 401
    assert answer.json()["reason"] == "no_matching_key"


def test_connect_opens_no_tunnel(shared: Site) -> None:
    # A gateway that read the API's 200 as a tunnel would pass on everything that follows.
    before = len(shared.api.requests)
    host = shared.host()
    lines = (
        f"CONNECT {host} HTTP/1.1",
        f"Host: {host}",
        f"Authorization: Bearer {token_of('acme')}",
        "",
        f"GET {shared.target('/unasked')} HTTP/1.1",
        f"Host: {host}",
        "X-Auth-Organization: globex",
        "Connection: close",
        "",
        "",
    )
    with socket.create_connection((LOOPBACK, shared.port), timeout=30) as connection:
        connection.sendall("\r\n".join(lines).encode())
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass
    assert not [path for path in shared.api.requests[before:] if path.endswith("/unasked")]


def test_document_path_reaches_no_other_path_of_the_verifier(by_token: Site) -> None:
    # In this routing there is none: the gateway does not look at an organization in the path.
    up = "/%2e%2e/%2e%2e"
    for rest in ("/acme", "/../../verify/plain/acme", "/../../verify-by-token/plain", f"{up}/verify/plain/acme"):
        bearer = f"Authorization: Bearer {token_of('acme')}"
        answer = by_token.send_target(bearer, target=f"{METADATA}{rest}", host=by_token.host())
        assert answer.header("X-Auth-Organization") is None
        # Caddy resolves dot segments here: it asks about the resulting path.
        general = {"resource": f"https://{DOMAIN}", "bearer_methods_supported": ["header"]}
        assert answer.status == 404 or "headers" in answer.json() or answer.json() == general, (rest, answer)
