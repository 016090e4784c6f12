"""The sample API in front of stand-ins for verifiers, whose answers the tests choose."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import pytest

from kit.processes import LOOPBACK, free_port
from watchword.demo.sample_api import sample_api
from watchword.demo.serving import DemoHandler, serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

pytestmark = pytest.mark.enable_socket

ALLOWED = {"X-Auth-Organization": "acme", "X-Auth-Client-Id": "acme-client", "X-Internal": "not passed on"}


class Stand:
    """Answers every request with one status, and remembers the requests."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.status, self.headers, self.body = status, headers, body
        self.asked: list[tuple[str, list[str]]] = []


@contextmanager
def verifier_like(stand: Stand) -> Iterator[tuple[str, int]]:
    class Handler(DemoHandler):
        def do_GET(self) -> None:  # noqa: N802 - the base class finds it by this name.
            stand.asked.append((self.path, self.headers.get_all("Authorization") or []))
            self.answer(stand.status, stand.body, stand.headers)

    with serving(LOOPBACK, 0, Handler) as address:
        yield address


@contextmanager
def api_behind(*stands: Stand) -> Iterator[int]:
    with ExitStack() as stack:
        verifiers = [stack.enter_context(verifier_like(stand)) for stand in stands]
        yield stack.enter_context(sample_api(host=LOOPBACK, port=0, verifiers=verifiers))


def call(
    port: int,
    *authorization: str,
    method: str = "GET",
    target: str = "/invoices",
    hosts: Sequence[str] = ("acme.localhost",),
    **headers: str,
) -> tuple[int, dict[str, str], Any]:
    connection = HTTPConnection(LOOPBACK, port, timeout=30)
    try:
        connection.putrequest(method, target, skip_host=True)
        for host in hosts:
            connection.putheader("Host", host)
        for value in authorization:
            connection.putheader("Authorization", value)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        response = connection.getresponse()
        body = response.read()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, json.loads(body or b"null")
    finally:
        connection.close()


def test_an_allowed_request_sees_the_identity_headers() -> None:
    stand = Stand(200, ALLOWED)
    with api_behind(stand) as port:
        status, _, body = call(port, "Bearer token")
    assert status == 200
    assert body["identity"] == {"x-auth-organization": "acme", "x-auth-client-id": "acme-client"}
    assert stand.asked == [("/verify/plain/acme", ["Bearer token"])]


def test_identity_headers_of_the_client_are_ignored() -> None:
    with api_behind(Stand(200, ALLOWED)) as port:
        _, _, body = call(port, "Bearer token", X_Auth_Organization="globex", X_Auth_Subject="charlie")
    assert body["identity"]["x-auth-organization"] == "acme"
    assert "x-auth-subject" not in body["identity"]


def test_all_authorization_headers_reach_the_verifier() -> None:
    """Were only one passed on, the verifier could not refuse a request that carries two (T-20)."""
    stand = Stand(400, {})
    with api_behind(stand) as port:
        status, _, _ = call(port, "Bearer one", "Bearer two")
    assert status == 400
    assert stand.asked == [("/verify/plain/acme", ["Bearer one", "Bearer two"])]


@pytest.mark.parametrize("status", [400, 401, 403, 503])
def test_a_refusal_is_passed_on_with_its_challenge(status: int) -> None:
    headers = {
        "WWW-Authenticate": "Bearer",
        "Retry-After": "1",
        "Content-Type": "application/problem+json",
        "X-Auth-Subject": "x",
    }
    with api_behind(Stand(status, headers, b'{"status": 1}')) as port:
        answered, got, body = call(port, "Bearer token")
    assert answered == status
    assert body == {"status": 1}
    assert (got["www-authenticate"], got["retry-after"]) == ("Bearer", "1")
    assert "x-auth-subject" not in got


@pytest.mark.parametrize("status", [204, 302, 404, 500])
def test_unexpected_response_of_the_verifier_refuses_the_request(status: int) -> None:
    with api_behind(Stand(status, {})) as port:
        assert call(port, "Bearer token")[0] == 503


def test_without_any_verifier_every_request_is_refused() -> None:
    verifiers = [(LOOPBACK, free_port()), (LOOPBACK, free_port())]
    with sample_api(host=LOOPBACK, port=0, verifiers=verifiers) as port:
        status, headers, _ = call(port, "Bearer token")
    assert status == 503
    assert headers["retry-after"] == "1"


def test_document_that_a_challenge_names_needs_no_token() -> None:
    """RFC 9728 section 3: the client asks for it before it has one."""
    stand = Stand(200, {"Content-Type": "application/json"}, b'{"resource": "http://acme.localhost"}')
    with api_behind(stand) as port:
        status, headers, body = call(port, "Bearer x", target="/.well-known/oauth-protected-resource")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert body == {"resource": "http://acme.localhost"}
    assert stand.asked == [("/.well-known/oauth-protected-resource/acme", [])]


# ---------------------------------------------------------------- two verifiers


def test_second_verifier_is_not_called_if_the_first_decides() -> None:
    first, second = Stand(401, {}, b"{}"), Stand(200, ALLOWED)
    with api_behind(first, second) as port:
        assert call(port, "Bearer token")[0] == 401
    assert (len(first.asked), len(second.asked)) == (1, 0)


def test_second_verifier_answers_if_first_cannot_decide() -> None:
    first, second = Stand(503, {}, b"{}"), Stand(200, ALLOWED)
    with api_behind(first, second) as port:
        assert call(port, "Bearer token")[0] == 200
    assert first.asked == second.asked == [("/verify/plain/acme", ["Bearer token"])]


def test_second_verifier_answers_if_first_is_gone() -> None:
    with (
        verifier_like(Stand(200, ALLOWED)) as second,
        sample_api(host=LOOPBACK, port=0, verifiers=[(LOOPBACK, free_port()), second]) as port,
    ):
        assert call(port, "Bearer token")[0] == 200


def test_second_verifier_answers_if_first_hangs() -> None:
    with (
        socket.create_server((LOOPBACK, 0)) as hanging,
        verifier_like(Stand(200, ALLOWED)) as second,
        sample_api(host=LOOPBACK, port=0, verifiers=[hanging.getsockname(), second]) as port,
    ):
        assert call(port, "Bearer token")[0] == 200


def test_two_undecided_verifiers_refuse() -> None:
    with api_behind(Stand(503, {}, b"{}"), Stand(503, {"Retry-After": "7"}, b"{}")) as port:
        status, headers, _ = call(port, "Bearer token")
    assert (status, headers["retry-after"]) == (503, "7")


# ---------------------------------------------------------------- the host names the organization


@pytest.fixture(scope="module")
def one_api() -> Iterator[tuple[Stand, int]]:
    stand = Stand(200, ALLOWED)
    with api_behind(stand) as port:
        yield stand, port


@pytest.fixture
def api(one_api: tuple[Stand, int]) -> tuple[Stand, int]:
    one_api[0].asked.clear()
    return one_api


@pytest.mark.parametrize(
    ("host", "organization"),
    [
        ("acme.localhost:8083", "acme"),
        ("globex.localhost", "globex"),
        ("GlobeX.LocalHost:80", "globex"),
        (f"a{'b' * 31}.localhost", f"a{'b' * 31}"),
    ],
)
def test_host_names_the_organization(api: tuple[Stand, int], host: str, organization: str) -> None:
    stand, port = api
    assert call(port, "Bearer token", hosts=[host])[0] == 200
    assert stand.asked == [(f"/verify/plain/{organization}", ["Bearer token"])]


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        [""],
        ["localhost"],
        ["127.0.0.1:8083"],
        [".localhost"],
        ["a.localhost"],
        ["acme.localhost."],
        ["acme.localhost:"],
        ["acme.localhost:80:80"],
        ["acme.localhost.evil.example"],
        ["evil.acme.localhost"],
        ["acme%2e.localhost"],
        ["acme/../globex.localhost"],
        ["acme_.localhost"],
        ["acm\xe9.localhost"],
        ["1acme.localhost"],
        ["acme-.localhost"],
        [f"a{'b' * 32}.localhost"],
        ["acme.localhost, globex.localhost"],
        ["acme.localhost", "acme.localhost"],
        ["acme.localhost", "globex.localhost"],
    ],
)
def test_other_hosts_are_404_without_a_call_to_a_verifier(api: tuple[Stand, int], hosts: list[str]) -> None:
    stand, port = api
    status, headers, problem = call(port, "Bearer token", hosts=hosts)
    assert status == problem["status"] == 404
    assert headers["content-type"] == "application/problem+json"
    assert f"http://acme.localhost:{port}," in problem["detail"]
    assert stand.asked == []


def test_a_posted_request_is_guarded_too() -> None:
    stand = Stand(403, {}, b"{}")
    with api_behind(stand) as port:
        status, _, _ = call(port, "Bearer token", method="POST", Content_Length="0")
        without_length, _, _ = call(port, "Bearer token", method="POST")
    assert (status, without_length) == (403, 403)


def test_target_with_a_host_of_its_own_is_404(api: tuple[Stand, int]) -> None:
    stand, port = api
    assert call(port, "Bearer token", target="http://globex.localhost/invoices")[0] == 404
    assert stand.asked == []
