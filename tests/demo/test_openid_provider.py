"""The demo's identity provider over real TLS, as the portal and a browser see it."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest

from kit.demo_server import FORM, PORTAL, Server, demo_server
from watchword.demo.openid_provider import ALICE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kit.demo_server import Answer

pytestmark = pytest.mark.enable_socket

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
REQUEST = {
    "client_id": PORTAL.client.id,
    "redirect_uri": PORTAL.redirect_uri,
    "response_type": "code",
    "scope": "openid email profile",
    "state": 'a"state',
    "nonce": "a-nonce",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with demo_server(tmp_path_factory.mktemp("demo")) as running:
        yield running


def request(**changes: str | None) -> str:
    return urlencode({name: value for name, value in {**REQUEST, **changes}.items() if value is not None})


def answer_of(redirect: Answer) -> dict[str, str]:
    """The parameters with which the browser returns to the portal."""
    assert redirect.status == 303
    target = urlsplit(redirect.headers["location"])
    assert f"{target.scheme}://{target.netloc}{target.path}" == PORTAL.redirect_uri
    return {name: value for name, (value,) in parse_qs(target.query).items()}


def pressed(server: Server, **changes: str | None) -> Answer:
    return server.ask("/authorize", body=request(**changes).encode(), headers=FORM)


def redeemed(server: Server, code: str, **changes: str) -> Answer:
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": PORTAL.redirect_uri}
    client = {"client_id": PORTAL.client.id, "client_secret": PORTAL.client.secret}
    return server.token(None, **{**fields, **client, "code_verifier": VERIFIER, **changes})


def test_metadata_has_what_the_portal_needs(server: Server) -> None:
    document = server.ask("/.well-known/openid-configuration").json()
    issuer = server.issuing.issuer
    assert document["authorization_endpoint"] == f"{issuer}/authorize"
    assert document["end_session_endpoint"] == f"{issuer}/end-session"
    assert document["response_types_supported"] == ["code"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["authorization_response_iss_parameter_supported"] is True


def test_page_has_one_button_and_carries_the_request(server: Server) -> None:
    page = server.ask(f"/authorize?{request()}")
    text = page.body.decode()
    assert page.status == 200
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert re.findall("<button[^>]*>([^<]*)</button>", text) == ["Sign in as Alice of Acme"]
    assert 'name="state" value="a&quot;state"' in text


def test_code_gives_an_id_token_once(server: Server) -> None:
    answer = answer_of(pressed(server))
    assert (answer["state"], answer["iss"]) == ('a"state', server.issuing.issuer)

    granted = redeemed(server, answer["code"])

    assert granted.status == 200
    assert granted.headers["cache-control"] == "no-store"
    token = granted.json()["id_token"]
    key = jwt.PyJWK(server.ask("/jwks").json()["keys"][0])
    claims = jwt.decode(token, key, algorithms=["RS256"], audience=PORTAL.client.id, issuer=server.issuing.issuer)
    assert jwt.get_unverified_header(token)["typ"] == "JWT"
    assert {name: claims[name] for name in ("sub", "email", "email_verified", "groups", "nonce")} == {
        "sub": ALICE.subject,
        "email": ALICE.email,
        "email_verified": True,
        "groups": list(ALICE.groups),
        "nonce": "a-nonce",
    }
    assert claims["auth_time"] <= claims["iat"]
    again = redeemed(server, answer["code"])
    assert (again.status, again.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    "changes",
    [
        {"code": "guessed"},
        {"code_verifier": "w" * 43},
        {"code_verifier": ""},
        {"redirect_uri": "http://localhost:8080/"},
    ],
)
def test_code_is_for_the_same_request(server: Server, changes: dict[str, str]) -> None:
    code = answer_of(pressed(server))["code"]
    answer = redeemed(server, **{"code": code, **changes})
    assert (answer.status, answer.json()["error"]) == (400, "invalid_grant")


def test_another_client_gets_nothing_for_the_code(server: Server) -> None:
    code = answer_of(pressed(server))["code"]
    acme = server.issuing.clients[0]
    answer = redeemed(server, code, client_id=acme.id, client_secret=acme.secret)
    assert (answer.status, answer.json()["error"]) == (400, "invalid_grant")


def test_portal_gets_no_access_token_for_the_api(server: Server) -> None:
    answer = server.token(None, client_id=PORTAL.client.id, client_secret=PORTAL.client.secret)
    assert (answer.status, answer.json()["error"]) == (400, "unauthorized_client")


@pytest.mark.parametrize(
    "changes", [{"client_id": "acme-client"}, {"redirect_uri": "https://attacker.example/"}, {"redirect_uri": None}]
)
def test_unknown_client_or_address_gets_no_redirect(server: Server, changes: dict[str, str | None]) -> None:
    for answer in (server.ask(f"/authorize?{request(**changes)}"), pressed(server, **changes)):
        assert answer.status == 400
        assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "email"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
    ],
)
def test_wrong_request_returns_with_an_error(server: Server, changes: dict[str, str | None], error: str) -> None:
    for answer in (server.ask(f"/authorize?{request(**changes)}"), pressed(server, **changes)):
        assert (answer_of(answer)["error"], answer_of(answer)["state"]) == (error, 'a"state')


def test_no_session_is_kept(server: Server) -> None:
    assert answer_of(server.ask(f"/authorize?{request(prompt='none')}"))["error"] == "login_required"


def test_repeated_parameter_is_refused(server: Server) -> None:
    assert server.ask(f"/authorize?{request()}&state=b").status == 400


def test_sign_out_returns_to_the_registered_address_only(server: Server) -> None:
    target = urlencode({"post_logout_redirect_uri": PORTAL.post_logout_redirect_uri})
    assert server.ask(f"/end-session?{target}").headers["location"] == PORTAL.post_logout_redirect_uri
    elsewhere = server.ask("/end-session?post_logout_redirect_uri=https://attacker.example/")
    assert (elsewhere.status, "location" in elsewhere.headers) == (200, False)


def test_operators_code_is_plain_text(server: Server) -> None:
    answer = server.ask("/operator-code")
    assert (answer.status, answer.body) == (200, b"123456\n")
