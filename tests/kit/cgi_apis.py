"""An API that speaks uwsgi, FastCGI or SCGI, as application servers do: it shows the parameters of each request."""

from __future__ import annotations

import json
import struct
import threading
from contextlib import contextmanager
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING, Final

from kit.orders_api import OrdersApi
from kit.processes import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import BufferedIOBase

Parameters = list[tuple[str, str]]

_BEGIN, _END, _PARAMS, _STDIN, _STDOUT = 1, 3, 4, 5, 6


def _uwsgi(request: BufferedIOBase) -> Parameters:
    """https://uwsgi-docs.readthedocs.io/en/latest/Protocol.html: lengths in 16 bits, the lowest octet first."""
    _, size, _ = struct.unpack("<BHB", request.read(4))
    octets, parameters = request.read(size), []
    while octets:
        name, octets = _counted(octets)
        value, octets = _counted(octets)
        parameters.append((name, value))
    return parameters


def _counted(octets: bytes) -> tuple[str, bytes]:
    (size,) = struct.unpack_from("<H", octets)
    return octets[2 : 2 + size].decode("latin-1"), octets[2 + size :]


def _scgi(request: BufferedIOBase) -> Parameters:
    """https://python.ca/scgi/protocol.txt: a netstring of names and values that end with NUL."""
    size = b""
    while (octet := request.read(1)) != b":":
        size += octet
    words = request.read(int(size)).decode("latin-1").split("\0")[:-1]
    return list(zip(words[::2], words[1::2], strict=True))


def _fastcgi(request: BufferedIOBase) -> Parameters:
    """FastCGI Specification 1.0, section 3: records, and in them pairs whose lengths have one octet or four."""
    octets, ended = b"", False
    while not ended:
        _, kind, _, size, padding = struct.unpack(">BBHHBx", request.read(8))
        content = request.read(size)
        request.read(padding)
        octets += content if kind == _PARAMS else b""
        ended = kind == _STDIN and not size
    parameters = []
    while octets:
        name, octets = _length(octets)
        value, octets = _length(octets)
        parameters.append((octets[:name].decode("latin-1"), octets[name : name + value].decode("latin-1")))
        octets = octets[name + value :]
    return parameters


def _length(octets: bytes) -> tuple[int, bytes]:
    if octets[0] < 0x80:
        return octets[0], octets[1:]
    return int.from_bytes(octets[:4]) & 0x7FFFFFFF, octets[4:]


def _as_fastcgi(answer: bytes) -> bytes:
    records = ((_STDOUT, answer), (_STDOUT, b""), (_END, bytes(8)))
    return b"".join(struct.pack(">BBHHBB", 1, kind, 1, len(content), 0, 0) + content for kind, content in records)


_PROTOCOLS: Final[dict[str, tuple[Callable[[BufferedIOBase], Parameters], Callable[[bytes], bytes]]]] = {
    "uwsgi": (_uwsgi, bytes),
    "scgi": (_scgi, bytes),
    "fastcgi": (_fastcgi, _as_fastcgi),
}


def shown(parameters: Parameters) -> dict[str, object]:
    """As `orders_api` shows a request: the headers by the names that WSGI and PHP give them, and all parameters."""
    headers = [(name[5:].replace("_", "-").lower(), value) for name, value in parameters if name.startswith("HTTP_")]
    return {"headers": headers, "parameters": parameters, "trailers": []}


@contextmanager
def cgi_api(kind: str) -> Iterator[OrdersApi]:
    """Run it in threads of this process while the block runs.

    Args:
        kind: `uwsgi`, `fastcgi` or `scgi`.
    """
    read, framed = _PROTOCOLS[kind]

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            parameters = read(self.rfile)
            # Of two parameters with one name, these servers use the last.
            api.requests.append(dict(parameters)["REQUEST_URI"])
            body = json.dumps(shown(parameters)).encode()
            head = f"Status: 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            self.wfile.write(framed(head.encode() + body))

    class Server(ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server((LOOPBACK, 0), Handler) as server:
        api = OrdersApi(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
        thread.start()
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()
