"""The guarded exchange: every request to a URL that an organization or its administrator entered goes through here.

One name lookup, one connection, one request, one response, no redirects. `exchange` does it all; `jwks` does its three
steps one by one, to tell an administrator how far a validation came.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from httpcore2 import URL, HTTP11Connection, Origin, RemoteProtocolError
from httpcore2 import Request as HttpRequest
from httpcore2 import Response as HttpResponse

from watchword.outbound import proxy, tls, transport
from watchword.outbound.address import Location, is_public, parse_location
from watchword.outbound.deadline import Deadline
from watchword.outbound.failure import ExchangeFailed, Failure
from watchword.outbound.messages import OK, Request, Response, Target
from watchword.outbound.resolve import checked_addresses, checked_addresses_beside_proxy
from watchword.outbound.tls import CertificateSettings, Secured
from watchword.outbound.transport import TcpStream

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from watchword.outbound.policy import OutboundPolicy
    from watchword.outbound.transport import ByteStream

USER_AGENT: Final = f"Watchword/{version('watchword')}"

_NOT_MODIFIED = 304
_OF_STATUS: Final = {
    401: Failure.HTTP_SIGN_IN_DEMANDED,
    403: Failure.HTTP_FORBIDDEN,
    404: Failure.HTTP_NOT_FOUND,
    410: Failure.HTTP_NOT_FOUND,
    429: Failure.HTTP_TOO_MANY_REQUESTS,
}
"""For public hosts only. For an internal host they would reveal which of its paths exist and which need a sign-in
(J-14)."""
_OF_CLASS: Final = {3: Failure.REDIRECT_NOT_FOLLOWED, 4: Failure.HTTP_REFUSED, 5: Failure.HTTP_SERVER_FAULT}

# At DEBUG level the client's own loggers write the server's headers, which must not reach a log (J-14).
logging.getLogger("httpcore2").setLevel(logging.WARNING)


class _OneExchange(HTTP11Connection):
    # Limits the header section to this size plus one TLS record (16 KiB).
    MAX_INCOMPLETE_EVENT_SIZE = 24 * 1024


def exchange(location: str, request: Request, *, policy: OutboundPolicy, accepts: frozenset[int] = OK) -> Response:
    """Send `request` to `location` and return the response. The server's certificate is always validated.

    Uses the low-level HTTP client, which reads no proxy, cookie, credential or other setting from the environment. The
    only proxy is that of `policy`.

    Args:
        location: as an administrator or a server wrote it.
        request: what to send.
        policy: the operator's limits.
        accepts: the statuses of a response that is returned.

    Raises:
        ExchangeFailed: for every other status, too.
    """
    settings = CertificateSettings(verify_certificate=True, ca_bundle=None, extra_authorities=policy.extra_authorities)
    target = checked_target(location, policy)
    with connected(target, settings) as handshake:
        return sent(handshake(), target, request, accepts)


def checked_target(location: str, policy: OutboundPolicy) -> Target:
    """Parse a location, look up its host, and check its port and all its addresses. The time of the exchange begins.

    Raises:
        ExchangeFailed: it must not be connected to.
    """
    deadline = Deadline(policy.total_timeout)
    parsed = parse_location(location)
    if parsed.port not in policy.allowed_ports:
        raise ExchangeFailed(Failure.PORT_REFUSED)
    look_up = checked_addresses if policy.proxy is None else checked_addresses_beside_proxy
    addresses = look_up(
        parsed,
        allowed_networks=policy.allowed_networks,
        refused_networks=policy.refused_networks,
        resolver=policy.resolver,
        deadline=deadline,
    )
    # A name that only the proxy can look up may be internal.
    internal = not (addresses and all(map(is_public, addresses)))
    return Target(location=parsed, addresses=addresses, internal=internal, deadline=deadline, policy=policy)


@contextmanager
def connected(target: Target, settings: CertificateSettings) -> Iterator[Callable[[], Secured]]:
    """Connect to the target, and yield the handshake with its server. The connection is closed at the end.

    Raises:
        ExchangeFailed: also the handshake does.
    """
    policy, deadline = target.policy, target.deadline
    connecting = deadline.within(policy.connect_timeout)
    with _connect(target, connecting) as connection:
        stream: ByteStream = TcpStream(
            connection,
            deadline=connecting,
            # Room for the handshake, the header section and the framing of a body in small chunks.
            max_bytes=2 * policy.max_bytes + 128 * 1024,
        )
        if policy.proxy is not None:
            stream = proxy.open_tunnel(
                policy.proxy,
                stream,
                target.location,
                extra_authorities=policy.extra_authorities,
                user_agent=USER_AGENT,
                connecting=connecting,
            )
        stream.deadline = deadline
        within = connecting if target.internal else deadline
        secure = partial(tls.secure, stream, target.location.host, settings, within=within)
        no_connection = Failure.CONNECTION_FAILED if policy.proxy is None else Failure.PROXY_NO_CONNECTION
        yield tls.concealed(secure, connecting, no_connection) if target.internal else secure


def sent(secured: Secured, target: Target, request: Request, accepts: frozenset[int]) -> Response:
    """Send the request and read the response. The body of another status than `accepts`, and of 304, is never read.

    Raises:
        ExchangeFailed: the status is not accepted, or the response is malformed or too large.
    """
    location = target.location
    host = location.host.encode("ascii")
    url = URL(scheme=b"https", host=host, port=location.port, target=location.target.encode("ascii"))
    message = HttpRequest(
        request.method.encode("ascii"), url, headers=_headers(location, request), content=request.body
    )
    try:
        response = _OneExchange(Origin(b"https", host, location.port), secured.stream).handle_request(message)
        if response.status not in accepts:
            raise ExchangeFailed(_failure_of(response.status, internal=target.internal))
        body = b"" if response.status == _NOT_MODIFIED else _body(response, target.policy.max_bytes)
    except RemoteProtocolError:
        raise ExchangeFailed(Failure.HTTP_MALFORMED) from None
    received = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in response.headers)
    return Response(status=response.status, headers=received, untrusted_body=body)


def _connect(target: Target, connecting: Deadline) -> socket.socket:
    policy = target.policy
    if policy.proxy is not None:
        return proxy.connect(policy.proxy, policy.resolver, connecting)
    return transport.connect(target.addresses, target.location.port, connecting)


def _headers(location: Location, request: Request) -> list[tuple[bytes, bytes]]:
    lines = [
        ("Host", location.host_and_port),
        ("User-Agent", USER_AGENT),
        ("Accept", request.accept),
        # Without compression there are no decompression bombs (J-09).
        ("Accept-Encoding", "identity"),
        ("Connection", "close"),
        *request.headers,
    ]
    if request.body:
        lines.append(("Content-Length", str(len(request.body))))
    return [(name.encode("ascii"), value.encode("ascii")) for name, value in lines]


def _failure_of(status: int, *, internal: bool) -> Failure:
    if status == _NOT_MODIFIED:
        return Failure.NOT_MODIFIED_UNASKED
    of_status = {} if internal else _OF_STATUS
    return of_status.get(status) or _OF_CLASS.get(status // 100, Failure.HTTP_STATUS)


def _body(response: HttpResponse, max_bytes: int) -> bytes:
    if _has_header(response, b"content-encoding"):
        raise ExchangeFailed(Failure.CONTENT_ENCODING)
    body = bytearray()
    for part in response.iter_stream():
        body += part
        if len(body) > max_bytes:
            raise ExchangeFailed(Failure.TOO_LARGE)
    return bytes(body)


def _has_header(response: HttpResponse, name: bytes) -> bool:
    return any(each.lower() == name for each, _ in response.headers)
