"""The exchange of a code: what the token endpoint receives, and which of its answers count."""

from __future__ import annotations

import base64
import logging
from typing import TYPE_CHECKING

import pytest

from kit.connect_proxy import ConnectProxy
from kit.key_server import answers, redirects, sends
from kit.sign_in_server import CLIENT_ID, ODD_VALUES, REDIRECT_URI, REQUEST, SignInServer
from watchword.openid.authorization import AuthorizationRequest
from watchword.openid.problems import TokenProblem
from watchword.openid.provider import TokenAuthentication, discover, fetch_keys
from watchword.openid.token_request import ClientSecret, CodeRefused, redeem_code
from watchword.outbound.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.enable_socket

CODE = "alice-code"
SECRET = ClientSecret("alice-secret")


@pytest.fixture
def server() -> Iterator[SignInServer]:
    with SignInServer() as running:
        yield running


def redeemed(
    server: SignInServer, *, code: str = CODE, authentication: TokenAuthentication = TokenAuthentication.BASIC
) -> str | CodeRefused:
    return redeem_code(code, REQUEST, SECRET, server.provider(authentication=authentication), server.policy())


def refused(server: SignInServer) -> TokenProblem:
    found = redeemed(server)
    assert isinstance(found, CodeRefused), found
    return found.problem


def test_code_becomes_an_id_token(server: SignInServer) -> None:
    assert redeemed(server, code="a+b/c=&d é") == "a.b.c"
    assert server.form() == {
        "grant_type": "authorization_code",
        "code": "a+b/c=&d é",
        "redirect_uri": REDIRECT_URI,
        "code_verifier": "alice-verifier",
    }
    received = server.requests[0]
    assert received.request.startswith(b"POST /token HTTP/1.1\r\n")
    assert received.header("Content-Type") == "application/x-www-form-urlencoded"
    assert (
        received.header("Authorization") == f"Basic {base64.b64encode(f'{CLIENT_ID}:alice-secret'.encode()).decode()}"
    )


def test_secret_is_sent_in_the_form_if_the_provider_wants_that(server: SignInServer) -> None:
    assert redeemed(server, authentication=TokenAuthentication.POST) == "a.b.c"
    assert server.form() == {
        "grant_type": "authorization_code",
        "code": CODE,
        "redirect_uri": REDIRECT_URI,
        "code_verifier": "alice-verifier",
        "client_id": CLIENT_ID,
        "client_secret": "alice-secret",
    }
    assert server.requests[0].header("Authorization") is None


def test_client_id_and_secret_are_encoded_before_basic(server: SignInServer) -> None:
    request = AuthorizationRequest(
        issuer=REQUEST.issuer,
        client_id="acme:portal é",
        redirect_uri=REDIRECT_URI,
        state="s",
        nonce="n",
        verifier="v",
    )
    redeem_code(CODE, request, ClientSecret("50% +:/\r\nX: y"), server.provider(), server.policy())
    kind, _, credentials = (server.requests[0].header("Authorization") or "").partition(" ")
    assert kind == "Basic"
    assert base64.b64decode(credentials) == b"acme%3Aportal+%C3%A9:50%25+%2B%3A%2F%0D%0AX%3A+y"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"", TokenProblem.ANSWER_MALFORMED),
        (b"id_token=a.b.c&token_type=Bearer", TokenProblem.ANSWER_MALFORMED),
        (b'["a.b.c"]', TokenProblem.ANSWER_MALFORMED),
        (b'{"token_type":"Bearer","id_token":"a","id_token":"b"}', TokenProblem.ANSWER_MALFORMED),
        ({"id_token": "a.b.c"}, TokenProblem.TOKEN_TYPE),
        ({"id_token": "a.b.c", "token_type": "DPoP"}, TokenProblem.TOKEN_TYPE),
        ({"id_token": "a.b.c", "token_type": ["Bearer"]}, TokenProblem.TOKEN_TYPE),
        ({"access_token": "a.b.c", "token_type": "Bearer"}, TokenProblem.ID_TOKEN_MISSING),
        ({"id_token": "", "token_type": "Bearer"}, TokenProblem.ID_TOKEN_MISSING),
        ({"id_token": ["a.b.c"], "token_type": "Bearer"}, TokenProblem.ID_TOKEN_MISSING),
    ],
)
def test_other_answers_are_refused(
    server: SignInServer, answer: dict[str, object] | bytes, problem: TokenProblem
) -> None:
    server.answer = (200, answer)
    assert refused(server) is problem


def test_answer_that_claims_to_be_a_page_is_refused(server: SignInServer) -> None:
    page = answers(200, b'{"token_type":"Bearer","id_token":"a.b.c"}', {"Content-Type": "text/html"})
    server.instead = {"/token": page}
    assert refused(server) is TokenProblem.ANSWER_MALFORMED


def test_token_type_has_any_case(server: SignInServer) -> None:
    server.answer = (200, {"id_token": "a.b.c", "token_type": "bEARER", "access_token": "x"})
    assert redeemed(server) == "a.b.c"


@pytest.mark.parametrize(
    ("status", "error", "problem"),
    [
        (401, "invalid_client", TokenProblem.CLIENT_REFUSED),
        (400, "invalid_client", TokenProblem.CLIENT_REFUSED),
        (400, "unauthorized_client", TokenProblem.CLIENT_REFUSED),
        (400, "invalid_grant", TokenProblem.CODE_REFUSED),
        (400, "invalid_request", TokenProblem.REQUEST_REFUSED),
        (400, "Call +1 555 0100", TokenProblem.REQUEST_REFUSED),
    ],
)
def test_refusals_of_the_token_endpoint_are_told_apart(
    server: SignInServer, status: int, error: str, problem: TokenProblem
) -> None:
    server.answer = (status, {"error": error, "error_description": "Call +1 555 0100"})
    assert redeemed(server) == CodeRefused(problem)
    assert "555" not in problem.sentence


@pytest.mark.parametrize("answer", [b"", b"secret", {"error": ["invalid_grant"]}, {"message": "secret"}])
@pytest.mark.parametrize("status", [400, 401])
def test_status_of_another_server_says_nothing(
    server: SignInServer, status: int, answer: dict[str, object] | bytes
) -> None:
    server.answer = (status, answer)
    assert redeemed(server) == CodeRefused(TokenProblem.NOT_REACHED, Failure.HTTP_REFUSED)


@pytest.mark.parametrize(
    ("status", "failure"), [(201, Failure.HTTP_STATUS), (403, Failure.HTTP_REFUSED), (500, Failure.HTTP_SERVER_FAULT)]
)
def test_other_statuses_are_failures_of_the_exchange(server: SignInServer, status: int, failure: Failure) -> None:
    server.answer = (status, {"token_type": "Bearer", "id_token": "a.b.c"})
    assert redeemed(server) == CodeRefused(TokenProblem.NOT_REACHED, failure)


def test_code_and_secret_are_not_sent_on(server: SignInServer) -> None:
    server.instead = {"/token": redirects(f"{server.issuer}/elsewhere", status=307)}
    assert redeemed(server) == CodeRefused(TokenProblem.NOT_REACHED, Failure.REDIRECT_NOT_FOLLOWED)
    assert server.paths() == ["/token"]


def test_code_secret_and_answer_are_not_logged(server: SignInServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    redeemed(server)
    server.answer = (400, {"error": "invalid_grant", "error_description": "alice-answer"})
    redeemed(server)
    server.instead = {"/token": sends(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nalice-answer")}
    redeemed(server)
    for secret in (CODE, "alice-secret", "alice-verifier", "alice-answer", "a.b.c"):
        assert secret not in caplog.text
    assert "alice-secret" not in repr(SECRET)


def test_lost_secret_is_an_error() -> None:
    with pytest.raises(ValueError, match="secret"):
        ClientSecret("")


@pytest.mark.parametrize(("status", "name"), [(200, "token_type"), (200, "id_token"), (400, "error"), (401, "error")])
def test_no_answer_is_a_fault_here(server: SignInServer, status: int, name: str) -> None:
    for value in ODD_VALUES:
        server.answer = (status, {"token_type": "Bearer", "id_token": "a.b.c", name: value})
        assert isinstance(redeemed(server), str | CodeRefused), value


def test_fe_01_sign_in_goes_through_the_proxy_which_sees_no_secret(server: SignInServer) -> None:
    with ConnectProxy({}) as proxy:
        policy = server.policy(proxy=proxy.address())
        assert discover(server.issuer, policy) == server.provider()
        assert isinstance(fetch_keys(server.provider(), policy), tuple)
        assert redeem_code(CODE, REQUEST, SECRET, server.provider(), policy) == "a.b.c"
        assert proxy.opened == [f"127.0.0.1:{server.port}"] * 3
        assert proxy.sent
        for secret in (CODE, "alice-secret", "alice-verifier"):
            assert secret.encode() not in b"".join([*proxy.heads, bytes(proxy.sent)])
