"""The sample API in front of a stand-in for the verifier, which answers as it is told."""

from __future__ import annotations

import json
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import pytest

from kit.processes import LOOPBACK, free_port
from watchword.demo.sample_api import sample_api
from watchword.demo.serving import DemoHandler, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.enable_socket

ALLOWED = {"X-Auth-Organization": "acme", "X-Auth-Client-Id": "demo-client", "X-Internal": "not passed on"}


class Stand:
    """Answers every question with one status, and remembers what was asked."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.status, self.headers, self.body = status, headers, body
        self.asked: list[tuple[str, list[str]]] = []


@contextmanager
def api_behind(stand: Stand) -> Iterator[int]:
    class Handler(DemoHandler):
        def do_GET(self) -> None:  # noqa: N802 - the base class finds it by this name.
            stand.asked.append((self.path, self.headers.get_all("Authorization") or []))
            self.answer(stand.status, stand.body, stand.headers)

    with (
        serving(LOOPBACK, 0, Handler) as verifier,
        sample_api(host=LOOPBACK, port=0, verifier=verifier, organization="acme") as origin,
    ):
        yield int(origin.rsplit(":", 1)[1])


def call(port: int, *authorization: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], Any]:
    connection = HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.putrequest(method, "/invoices")
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
    assert body["identity"] == {"x-auth-organization": "acme", "x-auth-client-id": "demo-client"}
    assert stand.asked == [("/verify/plain/acme", ["Bearer token"])]


def test_identity_headers_of_the_client_are_never_looked_at() -> None:
    with api_behind(Stand(200, ALLOWED)) as port:
        _, _, body = call(port, "Bearer token", X_Auth_Organization="globex", X_Auth_Subject="charlie")
    assert body["identity"]["x-auth-organization"] == "acme"
    assert "x-auth-subject" not in body["identity"]


def test_all_authorization_headers_reach_the_verifier() -> None:
    """Were only one passed on, the verifier could not refuse a request that carries two (CASES T-20)."""
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
def test_an_unforeseen_answer_of_the_verifier_lets_nobody_through(status: int) -> None:
    with api_behind(Stand(status, {})) as port:
        assert call(port, "Bearer token")[0] == 503


def test_a_silent_verifier_lets_nobody_through() -> None:
    with sample_api(host=LOOPBACK, port=0, verifier=(LOOPBACK, free_port()), organization="acme") as origin:
        status, headers, _ = call(int(origin.rsplit(":", 1)[1]), "Bearer token")
    assert status == 503
    assert headers["retry-after"] == "1"


def test_a_posted_request_is_guarded_too() -> None:
    stand = Stand(403, {}, b"{}")
    with api_behind(stand) as port:
        status, _, _ = call(port, "Bearer token", method="POST", Content_Length="0")
        without_length, _, _ = call(port, "Bearer token", method="POST")
    assert (status, without_length) == (403, 403)
