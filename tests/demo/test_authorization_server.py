"""The demo authorization server over real TLS, as a client application sees it."""

from __future__ import annotations

import socket
import ssl
import urllib.error
from typing import TYPE_CHECKING

import jwt
import pytest
from mcp.shared.auth import OAuthMetadata

from kit.demo_server import AUDIENCE, FORM, Server, basic, demo_server
from kit.processes import LOOPBACK
from watchword.core.jwk import admit
from watchword.demo.certificates import make_certificates

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with demo_server(tmp_path_factory.mktemp("demo")) as running:
        yield running


@pytest.mark.parametrize("name", ["openid-configuration", "oauth-authorization-server"])
def test_metadata_names_the_endpoints(server: Server, name: str) -> None:
    document = server.ask(f"/.well-known/{name}").json()
    assert document["issuer"] == server.issuing.issuer
    assert document["jwks_uri"] == f"{server.issuing.issuer}/jwks"
    assert document["token_endpoint"] == f"{server.issuing.issuer}/token"
    # Has every member that clients of the Model Context Protocol insist on.
    read = OAuthMetadata.model_validate(document)
    assert str(read.authorization_endpoint) == f"{server.issuing.issuer}/authorize"


def test_all_keys_of_its_key_set_are_admitted(server: Server) -> None:
    answer = server.ask("/jwks")
    key_set = admit(answer.body)
    assert answer.headers["content-type"] == "application/jwk-set+json"
    assert not key_set.ignored
    # The kid is the thumbprint, computed twice by different code.
    assert all(key.kid == key.thumbprint for key in key_set.keys)


def test_an_unchanged_key_set_is_not_sent_again(server: Server) -> None:
    etag = server.ask("/jwks").headers["etag"]
    again = server.ask("/jwks", headers={"If-None-Match": etag})
    assert (again.status, again.body) == (304, b"")
    server.issuing.rotate(overlap=True)
    assert server.ask("/jwks", headers={"If-None-Match": etag}).status == 200


def test_a_token_is_an_rfc_9068_access_token(server: Server) -> None:
    answer = server.by_post()
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    token = answer.json()["access_token"]
    key = jwt.PyJWK(server.ask("/jwks").json()["keys"][0])
    claims = jwt.decode(token, key, algorithms=["RS256"], audience=AUDIENCE, issuer=server.issuing.issuer)
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
    assert claims["client_id"] == claims["sub"] == "acme-client"
    assert claims["exp"] - claims["iat"] == 600
    assert claims["scope"] == "invoices.read"
    assert (
        claims["jti"] != jwt.decode(server.by_post().json()["access_token"], options={"verify_signature": False})["jti"]
    )


def test_the_scope_of_any_api_role_is_granted(server: Server) -> None:
    scope = "demo::acme::Billing invoices.read"
    token = server.by_post(scope=scope).json()["access_token"]
    assert jwt.decode(token, options={"verify_signature": False})["scope"] == scope


def test_the_client_may_authenticate_by_header(server: Server) -> None:
    client = server.issuing.clients[0]
    assert server.token(basic(client.id, client.secret)).status == 200


def test_each_client_gets_tokens_of_its_own(server: Server) -> None:
    named = []
    for client in server.issuing.clients:
        token = server.token(basic(client.id, client.secret)).json()["access_token"]
        named.append(jwt.decode(token, options={"verify_signature": False})["client_id"])
    assert named == ["acme-client", "globex-client"]


def test_secret_of_another_client_is_refused(server: Server) -> None:
    acme, globex = server.issuing.clients
    assert server.token(basic(acme.id, globex.secret)).status == 401


def test_client_can_request_another_audience(server: Server) -> None:
    token = server.by_post(resource="https://other.example").json()["access_token"]
    assert jwt.decode(token, options={"verify_signature": False})["aud"] == "https://other.example"


@pytest.mark.parametrize(
    ("headers", "fields", "status", "error"),
    [
        ({}, {}, 401, "invalid_client"),
        (basic("acme-client", "guessed"), {}, 401, "invalid_client"),
        (basic("other", "guessed"), {}, 401, "invalid_client"),
        ({"Authorization": "Basic !!!"}, {}, 401, "invalid_client"),
        ({"Authorization": "Basic /w=="}, {}, 401, "invalid_client"),
        ({"Authorization": "Bearer ZGVtbw=="}, {}, 401, "invalid_client"),
    ],
)
def test_unknown_client_gets_no_token(
    server: Server, headers: dict[str, str], fields: dict[str, str], status: int, error: str
) -> None:
    answer = server.token(headers, **fields)
    assert (answer.status, answer.json()["error"]) == (status, error)
    assert answer.headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"scope": "demo::acme::"}, "invalid_scope"),
        ({"scope": "demo::acme::Billing everything"}, "invalid_scope"),
        ({"scope": "other::acme::Billing"}, "invalid_scope"),
    ],
)
def test_unsupported_grant_type_is_refused(server: Server, fields: dict[str, str], error: str) -> None:
    answer = server.by_post(**fields)
    assert (answer.status, answer.json()["error"]) == (400, error)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"{}", {"Content-Type": "application/json"}),
        (b"scope=a&scope=b", FORM),
        (b"\xff", FORM),
        (b"&".join(b"a%d=1" % number for number in range(50)), FORM),
        (b"", {**FORM, "Content-Length": "70000"}),
    ],
    ids=["json", "repeated", "not-ascii", "too-many", "too-large"],
)
def test_a_malformed_form_is_refused(server: Server, body: bytes, headers: dict[str, str]) -> None:
    answer = server.ask("/token", body=body, headers=headers)
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request")


def test_rotation_with_overlap_keeps_the_last_key(server: Server) -> None:
    first = server.ask("/rotate", body=b"").json()["kids"][0]
    second = server.ask("/rotate", body=b"").json()
    assert second["overlap"] is True
    assert second["kids"][1] == first
    assert len(second["kids"]) == 2
    token = server.by_post().json()["access_token"]
    assert jwt.get_unverified_header(token)["kid"] == second["kids"][0]


def test_rotation_without_overlap_withdraws_the_last_key(server: Server) -> None:
    answer = server.ask("/rotate?overlap=no", body=b"").json()
    assert (answer["overlap"], len(answer["kids"])) == (False, 1)
    assert [key["kid"] for key in server.ask("/jwks").json()["keys"]] == answer["kids"]


@pytest.mark.parametrize(("path", "body"), [("/", None), ("/rotate", None), ("/elsewhere", b"")])
def test_unknown_path_lists_the_known_ones(server: Server, path: str, body: bytes | None) -> None:
    answer = server.ask(path, body=body)
    assert answer.status == 404
    assert answer.json()["paths"]


def test_a_client_that_does_not_trust_the_demo_authority_gets_nothing(server: Server) -> None:
    stranger = Server(server.issuing, ssl.create_default_context())
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        stranger.ask("/jwks")
    assert server.ask("/jwks").status == 200


def test_a_silent_client_does_not_stop_the_others(server: Server) -> None:
    port = int(server.issuing.issuer.rsplit(":", 1)[1])
    with socket.create_connection((LOOPBACK, port)):
        assert server.ask("/jwks").status == 200


def test_private_key_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    assert certificates.server_key.stat().st_mode & 0o777 == 0o600
