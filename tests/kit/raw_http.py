"""HTTP by the byte, for requests that no client library would send."""

from __future__ import annotations

import http.client
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

from kit.client import Answer
from kit.processes import LOOPBACK

if TYPE_CHECKING:
    import ssl


def exchange(
    port: int, request: str | bytes, *, timeout: float = 10.0, context: ssl.SSLContext | None = None
) -> Answer:
    """Send exactly these octets on a new connection and read one response."""
    octets = request.encode("latin-1") if isinstance(request, str) else request
    with ExitStack() as opened:
        connection = opened.enter_context(socket.create_connection((LOOPBACK, port), timeout=timeout))
        if context is not None:
            connection = opened.enter_context(context.wrap_socket(connection, server_hostname=LOOPBACK))
        connection.sendall(octets)
        response = http.client.HTTPResponse(connection)
        response.begin()
        return Answer(response.status, tuple(response.getheaders()), response.read())
