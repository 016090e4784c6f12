"""Pages of another origin, websockets and slow responses through each gateway (FD-01 to FD-03)."""

from __future__ import annotations

import json
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from kit.browser import chromium
from kit.processes import LOOPBACK
from kit.routed import token_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from kit.gateways import Site

pytestmark = pytest.mark.enable_socket

PREFLIGHT = (
    "Origin: https://app.example",
    "Access-Control-Request-Method: GET",
    "Access-Control-Request-Headers: authorization",
)


HANDSHAKE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


def test_fd_01_preflight_reaches_the_api_without_token_and_identity(shared: Site) -> None:
    before = len(shared.api.preflights)
    answer = shared.send_target(
        *PREFLIGHT,
        f"Authorization: Bearer {token_of('acme')}",
        "X-Auth-Subject: forged",
        "X_Auth_Subject: forged",
        target=shared.target("/api/orders"),
        host=shared.host(),
        method="OPTIONS",
    )
    assert answer.status == 204
    assert answer.header("Access-Control-Allow-Headers") == "Authorization"
    (names,) = shared.api.preflights[before:]
    assert "origin" in names
    assert not [name for name in names if "auth" in name.replace("access-control-request-headers", "")], names


@pytest.mark.parametrize("missing", PREFLIGHT[:2])
def test_only_preflights_pass_without_a_token(shared: Site, missing: str) -> None:
    before = len(shared.api.preflights), len(shared.api.requests)
    lines = [line for line in PREFLIGHT if line != missing]
    for method, sent in (("OPTIONS", lines), ("GET", list(PREFLIGHT)), ("POST", [*PREFLIGHT, "Content-Length: 0"])):
        target = shared.target("/api/orders")
        answer = shared.send_target(*sent, target=target, host=shared.host(), method=method)
        assert answer.status == 401, (method, sent)
    assert (len(shared.api.preflights), len(shared.api.requests)) == before


def test_preflight_opens_no_websocket(shared: Site) -> None:
    # An API that does not check the method would open one without a check by the verifier.
    before = len(shared.api.preflights)
    target, host = shared.target("/api/orders"), shared.host()
    answer = shared.send_target(*PREFLIGHT, *HANDSHAKE, target=target, host=host, method="OPTIONS")
    assert answer.status != 101
    assert not [names for names in shared.api.preflights[before:] if "upgrade" in names]


def test_pages_of_other_origins_can_read_a_refusal(shared: Site) -> None:
    answer = shared.get(None, "Origin: https://app.example")
    assert answer.status == 401
    assert answer.header("Access-Control-Allow-Origin") == "*"
    assert "WWW-Authenticate" in str(answer.header("Access-Control-Expose-Headers"))


def test_fd_02_browsers_can_read_the_resource_document(named: Site) -> None:
    lines = (*PREFLIGHT[:2], "Access-Control-Request-Headers: mcp-protocol-version")
    target, host = named.document(), named.host()
    answer = named.send_target(*lines, target=target, host=host, method="OPTIONS")
    assert answer.status in {200, 204}
    assert answer.header("Access-Control-Allow-Origin") == "*"
    allowed = str(answer.header("Access-Control-Allow-Headers")).lower()
    assert {"*", "mcp-protocol-version"} & set(allowed.replace(" ", "").split(","))
    document = named.send_target("Origin: https://app.example", target=target, host=host)
    assert (document.status, document.header("Access-Control-Allow-Origin")) == (200, "*")


def upgraded(site: Site, *lines: str) -> tuple[bytes, bytes]:
    """The head of the response to a handshake, and the echo of a word sent afterwards."""
    request = (f"GET {site.target('/api/orders')} HTTP/1.1", f"Host: {site.host()}", *HANDSHAKE, *lines, "", "")
    with socket.create_connection((LOOPBACK, site.port), timeout=30) as connection:
        connection.sendall("\r\n".join(request).encode())
        head = b""
        while b"\r\n\r\n" not in head and (octets := connection.recv(4096)):
            head += octets
        if not head.startswith(b"HTTP/1.1 101"):
            return head, b""
        connection.sendall(b"\x81\x85\x00\x00\x00\x00hello")
        echo = b""
        while len(echo) < 11 and (octets := connection.recv(4096)):
            echo += octets
        return head, echo


def test_fd_03_websocket_needs_a_good_token(shared: Site) -> None:
    head, echo = upgraded(shared, f"Authorization: Bearer {token_of('acme')}", "X-Auth-Subject: forged")
    assert head.startswith(b"HTTP/1.1 101"), head
    assert b"seen-subject: alice\r\n" in head.lower()
    assert echo.endswith(b"hello")
    before = len(shared.api.requests)
    for lines in ((), ("Authorization: Bearer nonsense",)):
        head, _ = upgraded(shared, *lines)
        assert head.startswith(b"HTTP/1.1 401"), head
    assert len(shared.api.requests) == before


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A page of an origin of its own."""

    class Empty(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so.
            """Stay silent."""

    with ThreadingHTTPServer((LOOPBACK, 0), Empty) as server, chromium() as browser:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
        thread.start()
        try:
            opened = browser.new_page()
            opened.goto(f"http://{LOOPBACK}:{server.server_address[1]}/")
            yield opened
        finally:
            server.shutdown()
            thread.join()


_CALL = """async ([url, token]) => {
    const answer = await fetch(url, { headers: { Authorization: "Bearer " + token } });
    return [answer.status, answer.headers.get("WWW-Authenticate"), await answer.text()];
}"""


def test_fd_01_page_calls_the_api_and_reads_a_refusal(named: Site, page: Page) -> None:
    url = f"http://{named.host()}{named.target('/api/orders')}"
    before = len(named.api.preflights)
    status, _, body = page.evaluate(_CALL, [url, token_of("acme")])
    assert (status, len(named.api.preflights)) == (200, before + 1)
    assert '["x-auth-subject", "alice"]' in body
    status, challenge, body = page.evaluate(_CALL, [url, token_of("acme", exp=1)])
    assert (status, json.loads(body)["reason"]) == (401, "token_expired")
    assert 'error="invalid_token"' in challenge
