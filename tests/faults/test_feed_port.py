"""A portal whose port is full, and a feed with its own port: browsers cannot use up verifiers' connections."""

from __future__ import annotations

import json
import socket
import tempfile
import time
from contextlib import ExitStack, suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest

from kit import forge, registrations
from kit.client import request
from kit.processes import free_port, wait_until
from kit.product import Product
from kit.stalled import flooded, one_octet_of_a_body, stalled

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(240)]

KEY = forge.ec_key("feed-port")
OPEN_FILES = 300
CONNECTIONS = 150
"""What each process of the portal then holds (runtime/open_files.py)."""

FLOOD = CONNECTIONS + 400
FOLLOWED_WITHIN = 60.0
HALF_A_HEAD = b"GET / HTTP/1.1\r\nHost: "


@pytest.fixture(scope="module")
def manager() -> Iterator[socket.socket]:
    """The messages that systemd would get."""
    # Not pytest's own folder: a unix socket's path may have at most 107 bytes.
    with (
        tempfile.TemporaryDirectory(prefix="watchword-") as short,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound,
    ):
        bound.bind(f"{short}/notify")
        bound.settimeout(60)
        yield bound


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory, manager: socket.socket) -> Iterator[Product]:
    settings = {
        "WATCHWORD_FEED_PORT": str(free_port()),
        "NOTIFY_SOCKET": manager.getsockname(),
        "WATCHDOG_USEC": "1000000",
    }
    running = Product(tmp_path_factory.mktemp("feed-port"), settings=settings)
    try:
        running.desk("prepare", json.dumps({"acme": {}}))
        running.create_verifier()
        running.desk("register_all", json.dumps({"acme": [forge.key_set(KEY).decode(), registrations.LOCATION]}))
        running.start("portal", open_files=OPEN_FILES)
        assert manager.recv(4096) == b"READY=1"
        yield running
    finally:
        running.close()


@pytest.fixture(scope="module", autouse=True)
def strangers(product: Product) -> Iterator[list[socket.socket]]:
    """Connections to the feed's port without a credential, opened first, so that their time ends during the tests."""
    with ExitStack() as stack:
        kinds = (one_octet_of_a_body(product.feed_port, "/feed/v1/usage"), HALF_A_HEAD, b"")
        yield [stack.enter_context(stalled(product.feed_port, 1, kind))[0] for kind in kinds]


def decided(product: Product) -> int:
    now = int(time.time())
    token = forge.token(KEY, "ES256", iat=now - 10, exp=now + 3600)
    return request(f"{product.verifier}/verify/plain/acme", bearer=token, timeout=FOLLOWED_WITHIN).status


def forget(manager: socket.socket) -> None:
    manager.setblocking(False)  # noqa: FBT003 - its only parameter.
    with suppress(BlockingIOError):
        while True:
            manager.recv(4096)
    manager.settimeout(60)


def test_fk_02_verifiers_are_served_while_browsers_hold_every_connection(
    product: Product, manager: socket.socket
) -> None:
    kinds = (b"", HALF_A_HEAD, one_octet_of_a_body(product.portal_port))
    with flooded(product.portal_port, FLOOD, kinds):
        with pytest.raises(TimeoutError):
            request(f"{product.portal}/sign-in", timeout=1)
        # A verifier that has not contacted the portal before.
        product.start("verifier")
        assert decided(product) == HTTPStatus.OK
        product.desk("suspend", "acme")
        wait_until(lambda: decided(product) == HTTPStatus.FORBIDDEN, what="the suspension", timeout=FOLLOWED_WITHIN)
        wait_until(
            lambda: json.loads(product.desk("counted", "acme"))["allowed"] > 0, what="counts", timeout=FOLLOWED_WITHIN
        )
        with pytest.raises(TimeoutError):
            request(f"{product.portal}/sign-in", timeout=1)
        # systemd does not restart the portal, and the feed with it, because of that.
        product.stop("verifier")
        forget(manager)
        assert {manager.recv(4096) for _ in range(5)} == {b"WATCHDOG=1"}
    wait_until(
        lambda: request(f"{product.portal}/sign-in", timeout=30).status == HTTPStatus.OK, what="pages", timeout=60
    )


def test_fk_02_connections_without_a_credential_end(strangers: list[socket.socket]) -> None:
    for connection in strangers:
        connection.settimeout(60)
        received = b"".join(iter(lambda: connection.recv(65_536), b""))  # noqa: B023 - read to the end right here.
        assert received == b"" or received.startswith(b"HTTP/1.1 408 ")


def test_fk_02_no_second_request_without_a_credential(product: Product) -> None:
    head = f"GET /feed/v1/changes HTTP/1.1\r\nHost: {product.feed_port}\r\n\r\n".encode()
    with stalled(product.feed_port, 1, head * 3) as (connection,):
        connection.settimeout(60)
        received = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert received.count(b"HTTP/1.1 401 ") == 1
