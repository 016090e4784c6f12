"""A forward proxy that opens tunnels by HTTP CONNECT, over real sockets, like those that companies require.

    with ConnectProxy({"keys.acme.example": LOOPBACK}) as proxy:
        probe(location, verify_certificate=True, policy=server.policy(proxy=proxy.address()))

It has its own names, like a company's proxy: they differ from those of this service's resolver.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from kit.key_server import LOOPBACK
from watchword.outbound.proxy import Proxy

if TYPE_CHECKING:
    import ssl

Answering = Callable[[asyncio.StreamWriter, asyncio.Event], Awaitable[None]]
"""What is done instead of opening a tunnel: write something, or wait until the proxy is closed."""

ESTABLISHED: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"
_PIECE = 16_384


@dataclass
class ConnectProxy:
    """Listens until `close`.

    Attributes:
        names: the address of each host; any other host gets 502. An address literal needs no name.
        answering: the behaviour instead of opening a tunnel; None opens it.
        established: the answer to a request for a tunnel that was opened.
        certificate: of a proxy that itself uses TLS; None for plain HTTP.
        heads: the requests, whole.
        opened: the targets that tunnels were opened to, as `host:port`.
        sent: what clients sent through tunnels.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    answering: Answering | None = None
    established: bytes = ESTABLISHED
    certificate: ssl.SSLContext | None = None
    heads: list[bytes] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    sent: bytearray = field(default_factory=bytearray)
    port: int = field(init=False, default=0)

    def __enter__(self) -> Self:
        started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)), daemon=True)
        self._thread.start()
        assert started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    def address(self, *, host: str = LOOPBACK, credentials: str | None = None) -> Proxy:
        return Proxy(host=host, port=self.port, over_tls=self.certificate is not None, credentials=credentials)

    def header(self, name: str) -> list[str]:
        """The values of a header over all requests."""
        lines = [line for head in self.heads for line in head.decode("latin-1").split("\r\n")[1:]]
        found = (line.partition(":") for line in lines)
        return [value.strip() for each, _, value in found if each.lower() == name.lower()]

    async def _serve(self, started: threading.Event) -> None:
        self._loop, self._closing = asyncio.get_running_loop(), asyncio.Event()
        tasks: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            tasks.add(asyncio.create_task(self._converse(reader, writer)))

        server = await asyncio.start_server(accept, LOOPBACK, 0, ssl=self.certificate)
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        await self._closing.wait()
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # These tests are about clients that hang up.
        with suppress(OSError, asyncio.IncompleteReadError):
            try:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                if self.answering is not None:
                    await self.answering(writer, self._closing)
                else:
                    await self._open(head.split(b" ")[1].decode("ascii"), reader, writer)
            finally:
                writer.close()

    async def _open(self, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = target.rpartition(":")
        address = self.names.get(host) or (host.strip("[]") if host[-1:].isdigit() or host.endswith("]") else None)
        if address is None:
            await NO_CONNECTION(writer, self._closing)
            return
        try:
            theirs, ours = await asyncio.open_connection(address, int(port))
        except OSError:
            await NO_CONNECTION(writer, self._closing)
            return
        self.opened.append(target)
        writer.write(self.established)
        try:
            await asyncio.gather(self._pass_on(reader, ours, self.sent), self._pass_on(theirs, writer, bytearray()))
        finally:
            ours.close()

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, seen: bytearray) -> None:
        while piece := await source.read(_PIECE):
            seen += piece
            sink.write(piece)
            await sink.drain()
        if sink.can_write_eof():
            sink.write_eof()


# ------------------------------------------------------------------------------------------- what a proxy does instead


def says(content: bytes) -> Answering:
    """Send exactly these bytes and hang up."""

    async def answer(writer: asyncio.StreamWriter, _closing: asyncio.Event) -> None:
        writer.write(content)
        await writer.drain()

    return answer


def refuses(status: int, *headers: str, body: bytes = b"<h1>secret</h1>") -> Answering:
    lines = [f"HTTP/1.1 {status} secret", f"Content-Length: {len(body)}", *headers, "", ""]
    return says("\r\n".join(lines).encode("latin-1") + body)


NO_CONNECTION: Final = refuses(502)


def is_silent() -> Answering:
    async def answer(_writer: asyncio.StreamWriter, closing: asyncio.Event) -> None:
        await closing.wait()

    return answer


def says_without_end(start: bytes, repeated: bytes, *, pause: float = 0.0) -> Answering:
    async def answer(writer: asyncio.StreamWriter, closing: asyncio.Event) -> None:
        writer.write(start)
        while not closing.is_set():
            writer.write(repeated)
            await writer.drain()
            await asyncio.sleep(pause)

    return answer
