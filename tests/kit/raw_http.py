"""HTTP by the byte, for requests that no client library would send."""

from __future__ import annotations

import http.client
import socket

from kit.client import Answer
from kit.processes import LOOPBACK


def exchange(port: int, request: str | bytes, *, timeout: float = 10.0) -> Answer:
    """Send exactly these octets on a connection of its own and read one response."""
    octets = request.encode("latin-1") if isinstance(request, str) else request
    with socket.create_connection((LOOPBACK, port), timeout=timeout) as connection:
        connection.sendall(octets)
        response = http.client.HTTPResponse(connection)
        response.begin()
        return Answer(response.status, tuple(response.getheaders()), response.read())
