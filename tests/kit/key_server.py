"""A TLS key server on loopback, friendly or hostile, and a canary that must never get a connection.

    with KeyServer(serves(forge.key_set(forge.ec_key("alice")))) as server:
        probe(server.location, verify_certificate=True, policy=server.policy())

The sockets and the certificates are real; a behaviour is a function of the connection. It can be changed while the
server runs: `server.behaviour = redirects("https://…")`.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from typing import TYPE_CHECKING, Final, Self

from kit.certificates import GOOD, authority_pem
from watchword.jwks.fetch import FetchPolicy

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    from kit.certificates import ServerCertificate

LOOPBACK: Final = "127.0.0.1"
_PAUSE = 0.02


@dataclass(frozen=True)
class Behaviour:
    """The server's behaviour: first on the bare socket, then for the request.

    `on_connect` returns False to end the connection without TLS.
    """

    on_request: Callable[[Conversation], None] = lambda _: None
    on_connect: Callable[[socket.socket, threading.Event], bool] = lambda _connection, _closing: True


@dataclass(frozen=True)
class Conversation:
    """One request and the means to answer it."""

    request: bytes
    connection: ssl.SSLSocket
    closing: threading.Event

    @property
    def body(self) -> bytes:
        return self.request.partition(b"\r\n\r\n")[2]

    @property
    def is_incomplete(self) -> bool:
        """Whether a part is missing. A server that hangs up before the last byte was sent looks like a broken one."""
        return b"\r\n\r\n" not in self.request or len(self.body) < int(self.header("Content-Length") or 0)

    def header(self, name: str) -> str | None:
        """The value of a request header; None if it was not sent."""
        for line in self.request.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]:
            found, _, value = line.partition(":")
            if found.lower() == name.lower():
                return value.strip()
        return None

    def send(self, content: bytes) -> None:
        self.connection.sendall(content)

    def answer(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        lines = {"Content-Length": str(len(body)), "Connection": "close", **(headers or {})}
        head = f"HTTP/1.1 {status} Status\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.send(head.encode("latin-1") + b"\r\n" + body)

    def repeat(self, content: bytes, *, pause: float = 0) -> None:
        """Send the same bytes over and over, until the client goes away or the server is closed."""
        while not self.closing.wait(pause):
            self.send(content)


class KeyServer:
    """Listens until `close`; counts connections and keeps the requests."""

    def __init__(
        self, behaviour: Behaviour, certificate: ServerCertificate = GOOD, host: str = LOOPBACK, port: int = 0
    ) -> None:
        self.behaviour = behaviour
        self.host = host
        self.connections = 0
        self.requests: list[Conversation] = []
        self._context = certificate.server_context()
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family)
        self._listener.settimeout(_PAUSE)
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)

    @property
    def location(self) -> str:
        return self.location_at(f"[{self.host}]" if ":" in self.host else self.host)

    def location_at(self, host: str, target: str = "/keys") -> str:
        return f"https://{host}:{self.port}{target}"

    def policy(self, **changes: object) -> FetchPolicy:
        """A policy that reaches this server and trusts the tests' authority, with changes."""
        settings: dict[str, object] = {
            "allowed_networks": (ip_network("127.0.0.0/8"), ip_network("::1/128")),
            "allowed_ports": frozenset({self.port}),
            "extra_authorities": authority_pem(),
        }
        return FetchPolicy(**{**settings, **changes})  # type: ignore[arg-type]

    def close(self) -> None:
        self._closing.set()
        for thread in self._threads:
            thread.join(timeout=5)
        self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closing.is_set():
            with suppress(TimeoutError):
                connection, _ = self._listener.accept()
                self.connections += 1
                self._start(self._converse, connection, self.behaviour)

    def _converse(self, connection: socket.socket, behaviour: Behaviour) -> None:
        # These tests are about clients that refuse the certificate or hang up.
        with suppress(OSError), connection:
            connection.settimeout(5)
            if not behaviour.on_connect(connection, self._closing):
                return
            with self._context.wrap_socket(connection, server_side=True) as secured:
                conversation = Conversation(b"", secured, self._closing)
                while conversation.is_incomplete:
                    received = secured.recv(4096)
                    if not received:
                        return
                    conversation = replace(conversation, request=conversation.request + received)
                self.requests.append(conversation)
                behaviour.on_request(conversation)


@dataclass
class Canary:
    """A listener at an internal address: any connection to it is a hole in the guard."""

    host: str = LOOPBACK
    connections: int = 0
    port: int = field(init=False)

    def __enter__(self) -> Self:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self._listener = socket.create_server((self.host, 0), family=family)
        self._listener.settimeout(0)
        self.port = self._listener.getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self.count()
        self._listener.close()

    def count(self) -> int:
        """Connections so far. The kernel accepts them, so none is missed."""
        with suppress(BlockingIOError):
            while True:
                self._listener.accept()[0].close()
                self.connections += 1
        return self.connections


# ------------------------------------------------------------------------------------------------ friendly behaviours


def serves(
    document: Mapping[str, object] | bytes,
    *,
    etag: str | None = None,
    content_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> Behaviour:
    """Serve a key set; with an etag, answer 304 to clients that have it already."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    stated = {"Content-Type": content_type, **({"ETag": etag} if etag else {}), **(headers or {})}

    def on_request(conversation: Conversation) -> None:
        if etag is not None and conversation.header("If-None-Match") == etag:
            conversation.answer(304, headers=stated)
        else:
            conversation.answer(200, body, stated)

    return Behaviour(on_request)


def answers(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Behaviour:
    return Behaviour(lambda conversation: conversation.answer(status, body, headers))


# ------------------------------------------------------------------------------------------------- hostile behaviours


def redirects(location: str, body: bytes = b"", status: int = 302) -> Behaviour:
    return answers(status, body, {"Location": location})


def sends(content: bytes) -> Behaviour:
    """Send exactly these bytes as the answer and hang up."""
    return Behaviour(lambda conversation: conversation.send(content))


def sends_without_end(start: bytes, repeated: bytes) -> Behaviour:
    """As fast as the client reads it."""

    def on_request(conversation: Conversation) -> None:
        conversation.send(start)
        conversation.repeat(repeated)

    return Behaviour(on_request)


def trickles(start: bytes, repeated: bytes = b"x", *, pause: float = _PAUSE) -> Behaviour:
    """Send a piece now and then, so that no single read ever times out."""

    def on_request(conversation: Conversation) -> None:
        conversation.send(start)
        conversation.repeat(repeated, pause=pause)

    return Behaviour(on_request)


def stalls() -> Behaviour:
    """Accept the request and never answer."""
    return trickles(b"", b"", pause=10)


def stalls_handshake() -> Behaviour:
    """Accept the connection and send nothing."""

    def on_connect(_connection: socket.socket, closing: threading.Event) -> bool:
        closing.wait(timeout=10)
        return False

    return Behaviour(on_connect=on_connect)


def resets() -> Behaviour:
    """Reset the connection as soon as it is open."""

    def on_connect(connection: socket.socket, _closing: threading.Event) -> bool:
        _arm_reset(connection)
        return False

    return Behaviour(on_connect=on_connect)


def resets_after(start: bytes) -> Behaviour:
    """Send the start of a response, then reset the connection."""

    def on_request(conversation: Conversation) -> None:
        conversation.send(start)
        _arm_reset(conversation.connection)

    return Behaviour(on_request)


def speaks_plainly(banner: bytes) -> Behaviour:
    """Not TLS at all."""

    def on_connect(connection: socket.socket, _closing: threading.Event) -> bool:
        connection.sendall(banner)
        connection.recv(4096)
        return False

    return Behaviour(on_connect=on_connect)


def _arm_reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
