"""What one exchange sends beyond a plain GET, and which responses it returns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kit.hostile import loopback_is_public
from kit.key_server import Behaviour, Canary, KeyServer, answers, redirects, sends, speaks_plainly
from watchword.outbound.exchange import USER_AGENT, exchange
from watchword.outbound.failure import ExchangeFailed, Failure
from watchword.outbound.messages import Request, Response

if TYPE_CHECKING:
    from typing import Literal

__all__ = ["loopback_is_public"]

SECRET = "alice-secret"
FORM = b"grant_type=authorization_code&code=alice-code"
POST = Request(
    method="POST",
    accept="application/json",
    headers=(("Content-Type", "application/x-www-form-urlencoded"), ("Authorization", f"Basic {SECRET}")),
    body=FORM,
)


def sends_the_form_back(status: int = 200) -> Behaviour:
    return Behaviour(
        lambda conversation: conversation.answer(status, conversation.body, {"Content-Type": "application/json"})
    )


def posted(server: KeyServer, accepts: frozenset[int] = frozenset({200})) -> Response:
    return exchange(server.location, POST, policy=server.policy(), accepts=accepts)


def failure_of(server: KeyServer, request: Request = POST) -> Failure:
    with pytest.raises(ExchangeFailed) as failed:
        exchange(server.location, request, policy=server.policy())
    return failed.value.failure


@pytest.mark.enable_socket
def test_form_is_posted() -> None:
    with KeyServer(sends_the_form_back()) as server:
        response = posted(server)
        head, _, _ = server.requests[0].request.partition(b"\r\n\r\n")
        assert head.decode().split("\r\n") == [
            "POST /keys HTTP/1.1",
            f"Host: 127.0.0.1:{server.port}",
            f"User-Agent: {USER_AGENT}",
            "Accept: application/json",
            "Accept-Encoding: identity",
            "Connection: close",
            "Content-Type: application/x-www-form-urlencoded",
            f"Authorization: Basic {SECRET}",
            f"Content-Length: {len(FORM)}",
        ]
    assert (response.status, response.untrusted_body) == (200, FORM)
    assert response.values("content-type") == ["application/json"]


@pytest.mark.enable_socket
def test_other_statuses_are_returned_only_if_the_caller_names_them() -> None:
    with KeyServer(sends_the_form_back(400)) as server:
        assert posted(server, frozenset({200, 400})).untrusted_body == FORM
        assert failure_of(server) is Failure.HTTP_REFUSED


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (201, Failure.HTTP_STATUS),
        (304, Failure.NOT_MODIFIED_UNASKED),
        (401, Failure.HTTP_REFUSED),
        (404, Failure.HTTP_REFUSED),
        (503, Failure.HTTP_SERVER_FAULT),
    ],
)
def test_other_statuses_fail(status: int, failure: Failure) -> None:
    with KeyServer(answers(status)) as server:
        assert failure_of(server) is failure


@pytest.mark.enable_socket
@pytest.mark.usefixtures("loopback_is_public")
@pytest.mark.parametrize(
    ("status", "failure"), [(401, Failure.HTTP_SIGN_IN_DEMANDED), (429, Failure.HTTP_TOO_MANY_REQUESTS)]
)
def test_statuses_of_public_hosts_are_told_apart(status: int, failure: Failure) -> None:
    with KeyServer(answers(status)) as server:
        assert failure_of(server) is failure


@pytest.mark.enable_socket
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_never_carry_the_form_on(status: int) -> None:
    with Canary() as canary, KeyServer(redirects(f"https://127.0.0.1:{canary.port}/", status=status)) as server:
        assert failure_of(server) is Failure.REDIRECT_NOT_FOLLOWED
    assert canary.connections == 0


@pytest.mark.enable_socket
def test_server_certificate_is_always_validated() -> None:
    with KeyServer(sends_the_form_back()) as server:
        with pytest.raises(ExchangeFailed) as failed:
            exchange(server.location, POST, policy=server.policy(extra_authorities=None))
        assert failed.value.failure is Failure.CERTIFICATE_UNKNOWN_AUTHORITY
        assert server.requests == []


@pytest.mark.enable_socket
@pytest.mark.usefixtures("loopback_is_public")
@pytest.mark.parametrize(
    "behaviour", [speaks_plainly(b"220 secret.acme.example ESMTP\r\n"), sends(b"secret\r\n\r\n"), answers(404)]
)
def test_j14_what_the_server_sent_is_not_shown_with_the_failure(behaviour: Behaviour) -> None:
    with KeyServer(behaviour) as server, pytest.raises(ExchangeFailed) as failed:
        posted(server)
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__ or failed.value.__context__ is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Authorization", "Basic a\r\nX-Role: administrator"),
        ("Authorization", "Basic a\n"),
        ("Authorization", "Basic a\rb"),
        ("Authorization", "Basic \x00"),
        ("Authorization", "Basic ü"),
        ("Authorization", ""),
        ("Authorization", " Basic a"),
        ("Authorization", "B" * 8_193),
        ("X Role", "a"),
        ("X-Role:", "a"),
        ("X-Role\r\nX", "a"),
        ("", "a"),
    ],
)
def test_headers_are_one_line_of_printable_ascii(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII") as refused:
        Request(accept="application/json", headers=((name, value),))
    assert "administrator" not in str(refused.value)
    with pytest.raises(ValueError, match="printable ASCII"):
        Request(accept="application/json", headers=(("X-Role", "a"),) * 8)
    with pytest.raises(ValueError, match="printable ASCII"):
        Request(accept="application/json\r\nX-Role: administrator")
    Request(accept="application/json", headers=(("Authorization", "B" * 8_192),) * 7)


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding", "ACCEPT", "Connection"])
def test_headers_of_every_request_are_not_sent_twice(name: str) -> None:
    with pytest.raises(ValueError, match="itself"):
        Request(accept="application/json", headers=((name, "1"),))


@pytest.mark.parametrize(
    ("method", "body"), [("GET", b"a"), ("POST", b""), ("POST", b"a" * (64 * 1024 + 1))], ids=["GET", "empty", "large"]
)
def test_body_belongs_to_post_and_has_a_limit(method: Literal["GET", "POST"], body: bytes) -> None:
    with pytest.raises(ValueError, match="64 KiB"):
        Request(method=method, accept="application/json", body=body)
    Request(method="POST", accept="application/json", body=b"a" * (64 * 1024))


def test_repr_shows_no_secret() -> None:
    response = Response(status=200, headers=(("set-cookie", SECRET),), untrusted_body=FORM)
    for shown in (repr(POST), repr(response)):
        assert SECRET not in shown
        assert "alice-code" not in shown
