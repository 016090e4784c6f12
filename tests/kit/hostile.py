"""Hostile key servers: what only an attacker's server does, in addition to the behaviours of `kit.key_server`."""

from __future__ import annotations

import gzip
import ssl
from typing import TYPE_CHECKING

import pytest
import trustme

from kit.certificates import GOOD, ServerCertificate
from kit.key_server import Behaviour, Conversation, sends, trickles

if TYPE_CHECKING:
    import socket
    import threading
    from collections.abc import Iterator
    from pathlib import Path

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

LOOPBACK_SPELLINGS = (
    "127.0.0.1", "localhost", "127.1", "0177.0.0.1", "0x7f.1", "2130706433", "017700000001", "0x7f000001",
    "127.0.0.1.", "LOCALHOST", "localhost.", "１２７.0.0.1", "127。0。0。1", "①②⑦.0.0.1", "0.0.0.0", "0",  # noqa: RUF001, S104
    "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[2002:7f00:1::]", "[::]",
    "alice@127.0.0.1", "acme.example@127.0.0.1", "127.0.0.1%00.acme.example", "127.0.0.1\t",
    "127.0.0.1\\.acme.example",
)  # fmt: skip
"""Hosts that some resolver or library takes for this machine."""


@pytest.fixture
def loopback_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback stands for the Internet: failures of public hosts may say more than those of internal ones."""
    monkeypatch.setattr("watchword.outbound.exchange.is_public", lambda _address: True)


@pytest.fixture
def few_authorities(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the system have one authority only, so that a thousand fetches need not read its whole list."""
    recognized = tmp_path / "recognized.pem"
    trustme.CA().cert_pem.write_to_path(str(recognized))
    monkeypatch.setenv("SSL_CERT_FILE", str(recognized))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))


# ------------------------------------------------------------------------------------------- before and below TLS


def dribbles_a_handshake() -> Behaviour:
    """Announce a TLS record and send it a byte at a time, for ever: no single read ever times out."""

    def on_connect(connection: socket.socket, closing: threading.Event) -> bool:
        connection.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc")
        while not closing.wait(0.02):
            connection.sendall(b"\x03")
        return False

    return Behaviour(on_connect=on_connect)


def hangs_up() -> Behaviour:
    """Accept the connection and close it cleanly without sending anything."""
    return Behaviour(on_connect=lambda _connection, _closing: False)


def speaks_old_tls() -> ServerCertificate:
    """At most TLS 1.1."""

    def load_into(context: ssl.SSLContext) -> None:
        GOOD.load_into(context)
        context.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1"):
            context.minimum_version = ssl.TLSVersion.TLSv1
        with pytest.warns(DeprecationWarning, match="TLSv1"):
            context.maximum_version = ssl.TLSVersion.TLSv1_1

    return ServerCertificate(load_into)


def floods_with_session_tickets(number: int) -> ServerCertificate:
    """After the handshake, TLS records without data: one read of the library may consume them without end."""

    def load_into(context: ssl.SSLContext) -> None:
        GOOD.load_into(context)
        context.num_tickets = number

    return ServerCertificate(load_into)


def demands_a_client_certificate() -> ServerCertificate:
    def load_into(context: ssl.SSLContext) -> None:
        GOOD.load_into(context)
        context.verify_mode = ssl.CERT_REQUIRED

    return ServerCertificate(load_into)


# ------------------------------------------------------------------------------------------------------------ in HTTP


def sends_a_bomb(status: int, encodings: str, megabytes: int = 10) -> Behaviour:
    """A body that is small on the wire and has `megabytes` when decompressed."""
    body = gzip.compress(bytes(megabytes << 20), 9)
    head = (
        f"HTTP/1.1 {status} OK\r\nContent-Encoding: {encodings}\r\nLocation: https://acme.example/\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return sends(head.encode() + body)


def dribbles_between(*pieces: bytes, pause: float) -> Behaviour:
    """Send each piece after a pause, and then nothing."""

    def on_request(conversation: Conversation) -> None:
        for piece in pieces:
            conversation.closing.wait(pause)
            conversation.send(piece)
        conversation.closing.wait(10)

    return Behaviour(on_request)


def slow_answers() -> Iterator[tuple[str, Behaviour]]:
    """Every place at which a response can be delayed without end."""
    yield "silence after the request", trickles(b"", b"", pause=10)
    yield "a byte of the status line now and then", trickles(b"HTTP/1.1 200 ", b"O")
    yield "no status line at all", trickles(b"", b"H")
    yield "a header without end", trickles(OK + b"X: ", b"x")
    yield "headers without end", trickles(OK, b"X: x\r\n")
    yield "interim answers without end", trickles(b"", b"HTTP/1.1 100 Continue\r\n\r\n")
    yield "early hints without end", trickles(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n")
    yield "a byte of the body now and then", trickles(OK + b"Content-Length: 100000\r\n\r\n", b" ")
    yield "a chunk now and then", trickles(CHUNKED, b"1\r\n \r\n")
    yield "a chunk extension without end", trickles(CHUNKED + b"1;", b"x")
    yield "a chunk size without end", trickles(CHUNKED, b"0", pause=0.2)
    yield "trailers without end", trickles(CHUNKED + b"0\r\n", b"X: x\r\n")
    yield "a body that nothing ends", trickles(OK + b"\r\n{}", b" ")
