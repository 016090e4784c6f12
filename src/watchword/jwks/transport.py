"""A TCP connection to exactly the checked address, and TLS over it, all within one deadline."""

from __future__ import annotations

import socket
import ssl
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from httpcore2 import NetworkStream

from watchword.jwks.certificate import presented_chain, problem_of
from watchword.jwks.problem import ProbeFailed, Problem
from watchword.jwks.tls_problems import problem_of_tls

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from watchword.jwks.address import Address
    from watchword.jwks.deadline import Deadline

MAX_ATTEMPTS: Final = 3
"""Addresses of one host that are tried; the others were checked all the same."""

RECEIVE_BYTES: Final = 16_384

Result = TypeVar("Result")


def connect(addresses: Sequence[Address], port: int, connecting: Deadline) -> socket.socket:
    """Connect to the first of the addresses that answers, in the time of `connecting` for all of them together.

    A failure is reported only when the time is up, so that neither the problem nor the time taken tells a closed port
    from a filtered one (J-15).

    Raises:
        ProbeFailed: CONNECTION_FAILED, or ADDRESS_REFUSED if the connection leads elsewhere.
    """
    candidates = addresses[:MAX_ATTEMPTS]
    for index, address in enumerate(candidates):
        share = connecting.left() / (len(candidates) - index)
        connection = _connected(address, port, share)
        if connection is not None:
            return connection
    connecting.wait_out()
    raise ProbeFailed(Problem.CONNECTION_FAILED)


def _connected(address: Address, port: int, timeout: float) -> socket.socket | None:
    connection = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM)  # noqa: PLR2004
    try:
        connection.settimeout(max(timeout, 0.001))  # 0 would mean "do not wait", and is another error.
        connection.connect((str(address), port))
        peer = connection.getpeername()[0]
    except OSError:
        connection.close()
        return None
    # Between the check and here lies a whole operating system: socket activation, packet filters, preloaded libraries.
    if ip_address(peer) != address:
        connection.close()
        raise ProbeFailed(Problem.ADDRESS_REFUSED)
    return connection


class ByteStream(Protocol):
    """What TLS is spoken over: a TCP connection, or TLS with a proxy. Each raises `ProbeFailed` for any failure."""

    deadline: Deadline
    """For everything that is sent and received from now on."""

    def receive(self, limit: int = RECEIVE_BYTES) -> bytes:
        """At least one byte, or none at the end."""

    def send(self, content: bytes) -> None:
        """Send all of it."""

    def close(self) -> None:
        """Close the connection."""


class TcpStream:
    """A connected socket that gives each operation only the time and the bytes that are left."""

    def __init__(self, connection: socket.socket, *, deadline: Deadline, max_bytes: int) -> None:
        self.deadline = deadline
        self._connection = connection
        self._bytes_left = max_bytes

    def receive(self, limit: int = RECEIVE_BYTES) -> bytes:
        received = self._guarded(lambda: self._connection.recv(limit))
        self._bytes_left -= len(received)
        if self._bytes_left < 0:
            raise ProbeFailed(Problem.TOO_LARGE)
        return received

    def send(self, content: bytes) -> None:
        unsent = memoryview(content)
        while unsent:
            unsent = unsent[self._guarded(lambda: self._connection.send(unsent)) :]  # noqa: B023  # Called at once.

    def close(self) -> None:
        self._connection.close()

    def _guarded(self, operation: Callable[[], Result]) -> Result:
        try:
            self._connection.settimeout(self.deadline.remaining())
            return operation()
        except TimeoutError:
            raise ProbeFailed(Problem.TIMED_OUT) from None
        except OSError:
            raise ProbeFailed(Problem.CONNECTION_FAILED) from None


class TlsStream(NetworkStream):
    """TLS over a stream of bytes, whose deadline and bound on bytes count.

    The bytes are pumped here rather than by `ssl.SSLSocket`, because one call of that may process any number of
    records that carry no data (session tickets, key updates) without ever coming back to look at a clock.
    """

    def __init__(self, below: ByteStream, context: ssl.SSLContext, *, server_hostname: str) -> None:
        self._below = below
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_hostname)

    @property
    def deadline(self) -> Deadline:
        return self._below.deadline

    @deadline.setter
    def deadline(self, deadline: Deadline) -> None:
        self._below.deadline = deadline

    def handshake(self, within: Deadline) -> bytes:
        """Set TLS up in the time of `within` and return the server's certificate in DER; empty if it has none."""
        whole, self.deadline = self.deadline, within
        self._pump(self._tls.do_handshake)
        self.deadline = whole
        return self._tls.getpeercert(binary_form=True) or b""

    def receive(self, limit: int = RECEIVE_BYTES) -> bytes:
        return self._pump(lambda: self._tls.read(limit))

    def send(self, content: bytes) -> None:
        if content:
            self._pump(lambda: self._tls.write(content))

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002  # The client's interface.
        """Bytes of the answer, empty at its end; the deadline counts, not `timeout`."""
        return self.receive(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """Send all of the buffer; the deadline counts, not `timeout`."""
        self.send(buffer)

    def close(self) -> None:
        self._below.close()

    def _pump(self, operation: Callable[[], Result]) -> Result:
        while True:
            done = self._attempt(operation)
            self._below.send(self._outgoing.read())
            if done is not None:
                return done[0]
            received = self._below.receive()
            if received:
                self._incoming.write(received)
            else:
                self._incoming.write_eof()

    def _attempt(self, operation: Callable[[], Result]) -> tuple[Result] | None:
        """The operation's result, or None if it needs more bytes from the server."""
        try:
            return (operation(),)
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLCertVerificationError as error:
            raise ProbeFailed(problem_of(error.verify_code), presented=presented_chain(self._tls)) from None
        except ssl.SSLError as error:
            # Without TLS's own farewell the end may have been cut off by someone else. Builds of Python name that error
            # differently; that the bytes have ended is the same in all of them.
            cut_off = self._incoming.eof
            raise ProbeFailed(Problem.CONNECTION_FAILED if cut_off else problem_of_tls(error)) from None
