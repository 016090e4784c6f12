"""The operator's proxy: a tunnel to the server by HTTP CONNECT.

TLS with the server runs through the tunnel, so the proxy sees only its name. Only the status of the proxy's
response is used, and no part of it is shown.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from watchword.outbound import transport
from watchword.outbound.certificate import context_for
from watchword.outbound.failure import ExchangeFailed, Failure
from watchword.outbound.resolve import proxy_addresses
from watchword.outbound.transport import TlsStream

if TYPE_CHECKING:
    import socket

    from watchword.outbound.address import Location
    from watchword.outbound.deadline import Deadline
    from watchword.outbound.resolve import Resolver
    from watchword.outbound.transport import ByteStream

MAX_HEAD_BYTES: Final = 16 * 1024
"""The limit for the proxy's response headers, including interim responses."""

_HOST = re.compile(r"[A-Za-z0-9._-]+")
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?")
_CHALLENGE = re.compile(rb"(?im)^proxy-authenticate:([^\r\n]*)")
_BASIC = re.compile(rb"(?i)(?:^|,)[ \t]*basic(?:[ \t,]|$)")
_CREDENTIALS = re.compile(r"[^\x00-\x1f\x7f:]+:[^\x00-\x1f\x7f]*")

_ABOUT_THE_SERVER = frozenset({404, 408, 410})
"""Some proxies send these for a name that does not exist, or a server that does not respond. They get the same failure
and take the same time as 502; otherwise Validate would reveal which internal names exist (J-15)."""

_OWN_FAULTS = frozenset(each for each in Failure if each.value.startswith("proxy_"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """The address of the operator's proxy and the credentials for it.

    Attributes:
        host: a name, or an address without brackets.
        over_tls: whether to use TLS with the proxy itself; its certificate is then always validated.
        credentials: `user:password`, or None.
    """

    host: str
    port: int
    over_tls: bool = False
    credentials: str | None = field(default=None, repr=False)


def parse_proxy(text: str) -> Proxy:
    """Read `http://host:port` or `https://host:port`.

    Raises:
        ValueError: it is neither. The message never repeats the text, which may contain a password.
    """
    expected = "must be http://HOST:PORT or https://HOST:PORT"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(expected) from None
    if parts.username is not None:
        raise ValueError(f"{expected}; user name and password belong in jwks_proxy_credentials_file")
    is_bare = parts.path in {"", "/"} and not parts.query and not parts.fragment
    if parts.scheme not in {"http", "https"} or not host or not port or not is_bare:
        raise ValueError(expected)
    # `urlsplit` drops or accepts line breaks, blanks and backslashes, which are typing errors.
    if not _PRINTABLE.fullmatch(text) or not (_HOST.fullmatch(host) or _is_ipv6(host)):
        raise ValueError(expected)
    return Proxy(host=host, port=port, over_tls=parts.scheme == "https")


def _is_ipv6(host: str) -> bool:
    try:
        IPv6Address(host)
    except ValueError:
        return False
    return True


def parse_credentials(text: str) -> str:
    """Read the content of a file with `user:password` in its only line.

    Raises:
        ValueError: it holds something else. The message never repeats it.
    """
    credentials = text.removesuffix("\n").removesuffix("\r")
    if not _CREDENTIALS.fullmatch(credentials):
        raise ValueError("must hold one line of the form user:password")
    return credentials


def connect(proxy: Proxy, resolver: Resolver, connecting: Deadline) -> socket.socket:
    """Connect to the proxy. The rules about addresses do not apply, because the operator chose its address.

    Raises:
        ExchangeFailed: PROXY_UNREACHABLE.
    """
    try:
        return transport.connect(proxy_addresses(proxy.host, proxy.port, resolver, connecting), proxy.port, connecting)
    except ExchangeFailed:
        raise ExchangeFailed(Failure.PROXY_UNREACHABLE) from None


def open_tunnel(
    proxy: Proxy,
    connection: ByteStream,
    location: Location,
    *,
    extra_authorities: str | None,
    user_agent: str,
    connecting: Deadline,
) -> ByteStream:
    """Make the proxy connect to the location's host, and return the stream to that host.

    Sends the host name of the location, because proxies allow hosts by name. So the proxy looks the name up, and must
    itself refuse internal addresses.

    Raises:
        ExchangeFailed: for a fault of the proxy. That it cannot connect is reported only when the time is up, as
            without a proxy (J-15).
    """
    stream = _secured(proxy, connection, extra_authorities, connecting) if proxy.over_tls else connection
    try:
        stream.send(_request(proxy, location, user_agent))
        status, head = _answer(stream)
        _check(status, head, proxy)
    except ExchangeFailed as failed:
        failure = failed.failure if failed.failure in _OWN_FAULTS else Failure.PROXY_NO_CONNECTION
        if failure is Failure.PROXY_NO_CONNECTION:
            connecting.wait_out()
        raise ExchangeFailed(failure) from None
    return stream


def _secured(proxy: Proxy, connection: ByteStream, extra_authorities: str | None, connecting: Deadline) -> ByteStream:
    context = context_for(verify_certificate=True, extra_authorities=extra_authorities)
    stream = TlsStream(connection, context, server_hostname=proxy.host)
    try:
        stream.handshake(connecting)
    except ExchangeFailed:
        raise ExchangeFailed(Failure.PROXY_TLS_FAILED) from None
    return stream


def _request(proxy: Proxy, location: Location, user_agent: str) -> bytes:
    host = f"[{location.host}]" if ":" in location.host else location.host
    target = f"{host}:{location.port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}", f"User-Agent: {user_agent}"]
    if proxy.credentials is not None:
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(proxy.credentials.encode()).decode('ascii')}")
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def _answer(stream: ByteStream) -> tuple[int, bytes]:
    """The status and the header of the final response. Interim responses are skipped."""
    bytes_left = MAX_HEAD_BYTES
    while True:
        head = _head(stream, bytes_left)
        status = _status(head)
        if status >= 200:  # noqa: PLR2004
            return status, head
        bytes_left -= len(head)


def _head(stream: ByteStream, max_bytes: int) -> bytes:
    """The status line and the header, read byte by byte, because the bytes after them belong to the server."""
    head = bytearray()
    while not head.endswith(b"\r\n\r\n"):
        received = stream.receive(1)
        if not received:
            raise ExchangeFailed(Failure.PROXY_NO_CONNECTION)
        head += received
        if len(head) > max_bytes or not b"HTTP/1.".startswith(head[:7]):
            raise ExchangeFailed(Failure.PROXY_ANSWER_MALFORMED)
    return bytes(head)


def _status(head: bytes) -> int:
    match = _STATUS.fullmatch(head.partition(b"\r\n")[0])
    if match is None:
        raise ExchangeFailed(Failure.PROXY_ANSWER_MALFORMED)
    return int(match[1])


def _check(status: int, head: bytes, proxy: Proxy) -> None:
    """Raise the failure for a status. The body of a refusal is never read."""
    if 200 <= status < 300:  # noqa: PLR2004
        return
    if status == 407:  # noqa: PLR2004
        challenges = _CHALLENGE.findall(head)
        if challenges and not any(map(_BASIC.search, challenges)):
            raise ExchangeFailed(Failure.PROXY_SIGN_IN_UNSUPPORTED)
        missing = proxy.credentials is None
        raise ExchangeFailed(Failure.PROXY_CREDENTIALS_MISSING if missing else Failure.PROXY_CREDENTIALS_REFUSED)
    if status in {403, 451}:
        raise ExchangeFailed(Failure.PROXY_FORBIDDEN)
    about_the_server = status >= 500 or status in _ABOUT_THE_SERVER  # noqa: PLR2004
    raise ExchangeFailed(Failure.PROXY_NO_CONNECTION if about_the_server else Failure.PROXY_ANSWER_UNEXPECTED)
