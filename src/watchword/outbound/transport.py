"""TCP connections to checked addresses, and TLS over them, within one deadline."""

from __future__ import annotations

import socket
import ssl
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from httpcore2 import NetworkStream

from watchword.outbound.certificate import failure_of, presented_chain
from watchword.outbound.failure import ExchangeFailed, Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from watchword.outbound.address import Address
    from watchword.outbound.deadline import Deadline

MAX_ATTEMPTS: Final = 3
"""How many addresses of one host are tried; the others are checked too."""

RECEIVE_BYTES: Final = 16_384

Result = TypeVar("Result")

_TLS_FAILURES: Final = (
    # Parts of names: OpenSSL puts a TLS version before each alert, which differs between its own versions.
    ("NO_APPLICATION_PROTOCOL", Failure.HTTP_1_1_NOT_OFFERED),
    ("PROTOCOL_VERSION", Failure.TLS_TOO_OLD),
    ("UNSUPPORTED_PROTOCOL", Failure.TLS_TOO_OLD),
    ("WRONG_VERSION_NUMBER", Failure.TLS_NOT_SPOKEN),
    ("WRONG_SSL_VERSION", Failure.TLS_NOT_SPOKEN),
    ("HTTP_REQUEST", Failure.TLS_NOT_SPOKEN),
    ("PACKET_LENGTH_TOO_LONG", Failure.TLS_NOT_SPOKEN),
    ("RECORD_LAYER_FAILURE", Failure.TLS_NOT_SPOKEN),
    ("ALERT_HANDSHAKE_FAILURE", Failure.TLS_HANDSHAKE_REFUSED),
    ("INSUFFICIENT_SECURITY", Failure.TLS_HANDSHAKE_REFUSED),
    # This service sends no certificate, so an alert about one means that the server demanded it.
    ("ALERT_CERTIFICATE", Failure.CLIENT_CERTIFICATE_DEMANDED),
    ("ALERT_BAD_CERTIFICATE", Failure.CLIENT_CERTIFICATE_DEMANDED),
    ("ALERT_NO_CERTIFICATE", Failure.CLIENT_CERTIFICATE_DEMANDED),
    ("ALERT_UNSUPPORTED_CERTIFICATE", Failure.CLIENT_CERTIFICATE_DEMANDED),
    ("ALERT_UNKNOWN_CA", Failure.CLIENT_CERTIFICATE_DEMANDED),
    ("UNRECOGNIZED_NAME", Failure.HOST_NOT_SERVED),
)


def connect(addresses: Sequence[Address], port: int, connecting: Deadline) -> socket.socket:
    """Connect to the first address that responds; `connecting` limits all attempts together.

    Reports a failure only when the time is up, so that neither the failure nor the time distinguishes a closed port
    from a filtered one (J-15).

    Raises:
        ExchangeFailed: CONNECTION_FAILED, or ADDRESS_REFUSED if the connection leads elsewhere.
    """
    candidates = addresses[:MAX_ATTEMPTS]
    for index, address in enumerate(candidates):
        share = connecting.left() / (len(candidates) - index)
        connection = _connected(address, port, share)
        if connection is not None:
            return connection
    connecting.wait_out()
    raise ExchangeFailed(Failure.CONNECTION_FAILED)


def _connected(address: Address, port: int, timeout: float) -> socket.socket | None:
    connection = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM)  # noqa: PLR2004
    try:
        connection.settimeout(max(timeout, 0.001))  # 0 would mean "do not wait", and is another error.
        connection.connect((str(address), port))
        peer = connection.getpeername()[0]
    except OSError:
        connection.close()
        return None
    # The operating system may have redirected the connection: packet filters, socket activation, preloaded libraries.
    if ip_address(peer) != address:
        connection.close()
        raise ExchangeFailed(Failure.ADDRESS_REFUSED)
    return connection


class ByteStream(Protocol):
    """The connection below TLS: TCP, or TLS with a proxy. Every failure is an `ExchangeFailed`."""

    deadline: Deadline
    """For everything sent and received from now on."""

    def receive(self, limit: int = RECEIVE_BYTES) -> bytes:
        """At least one byte; empty at the end."""

    def send(self, content: bytes) -> None:
        """Send all of it."""

    def close(self) -> None:
        """Close the connection."""


class TcpStream:
    """A connected socket that limits the time and the bytes of all operations together."""

    def __init__(self, connection: socket.socket, *, deadline: Deadline, max_bytes: int) -> None:
        self.deadline = deadline
        self._connection = connection
        self._bytes_left = max_bytes

    def receive(self, limit: int = RECEIVE_BYTES) -> bytes:
        received = self._guarded(lambda: self._connection.recv(limit))
        self._bytes_left -= len(received)
        if self._bytes_left < 0:
            raise ExchangeFailed(Failure.TOO_LARGE)
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
            raise ExchangeFailed(Failure.TIMED_OUT) from None
        except OSError:
            raise ExchangeFailed(Failure.CONNECTION_FAILED) from None


class TlsStream(NetworkStream):
    """TLS over a stream of bytes, with the deadline and the byte limit of that stream.

    Does not use `ssl.SSLSocket`, because one call of it may process any number of records without data (session
    tickets, key updates) and never check the deadline.
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
        """Do the handshake before `within` and return the server's certificate in DER; empty if it has none."""
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
        """Bytes of the response, empty at its end; the deadline applies, not `timeout`."""
        return self.receive(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """Send the whole buffer; the deadline applies, not `timeout`."""
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
            raise ExchangeFailed(failure_of(error.verify_code), presented=presented_chain(self._tls)) from None
        except ssl.SSLError as error:
            # Without a TLS close_notify the connection may have been cut by an attacker. Builds of Python name that
            # error differently, so this checks for the end of the bytes.
            cut_off = self._incoming.eof
            raise ExchangeFailed(Failure.CONNECTION_FAILED if cut_off else _failure_of_tls(error)) from None


def _failure_of_tls(error: ssl.SSLError) -> Failure:
    """The failure for an error of a handshake. The error's text comes from OpenSSL, never from the server."""
    # Python does not know all reasons, for instance the one for ALPN; then only the text contains it, in lower case.
    name = error.reason or str(error).upper().replace(" ", "_")
    return next((failure for part, failure in _TLS_FAILURES if part in name), Failure.TLS_FAILED)
