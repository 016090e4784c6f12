"""The guarded fetch: every request to a URL that an organization entered goes through here."""

from __future__ import annotations

import logging
import re
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from cryptography.x509 import load_pem_x509_certificates
from httpcore2 import URL, HTTP11Connection, Origin, RemoteProtocolError, Request

from watchword.core.jwk import MAX_KEYS
from watchword.jwks.certificate_finding import describe_certificate
from watchword.jwks.findings import Journal, Step
from watchword.outbound import proxy, tls, transport
from watchword.outbound.address import JwksLocation, Network, is_public, parse_location
from watchword.outbound.deadline import Deadline
from watchword.outbound.problem import ProbeFailed, Problem
from watchword.outbound.resolve import Resolver, checked_addresses, checked_addresses_beside_proxy, system_resolver
from watchword.outbound.transport import TcpStream

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping, Sequence

    from httpcore2 import Response

    from watchword.outbound.address import Address
    from watchword.outbound.proxy import Proxy
    from watchword.outbound.transport import ByteStream, TlsStream

MAX_ETAG_LENGTH: Final = 512
USER_AGENT: Final = f"Watchword/{version('watchword')}"

_ETAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')
_MAX_AGE = re.compile(r'max-age[ \t]*=[ \t]*"?([0-9]+)"?', re.IGNORECASE | re.ASCII)
_MAX_AGE_DIGITS = 10

_OF_STATUS: Final = {
    401: Problem.HTTP_SIGN_IN_DEMANDED,
    403: Problem.HTTP_FORBIDDEN,
    404: Problem.HTTP_NOT_FOUND,
    410: Problem.HTTP_NOT_FOUND,
    429: Problem.HTTP_TOO_MANY_REQUESTS,
}
"""For public hosts only. For an internal host they would reveal which of its paths exist and which need a sign-in
(J-14)."""

# At DEBUG level the client's own loggers write the server's headers, which must not reach a log (J-14).
logging.getLogger("httpcore2").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchPolicy:
    """The operator's limits for fetching key sets. The defaults are the strict ones.

    Attributes:
        allowed_networks: networks that are allowed although they are not public; empty by default.
        refused_networks: networks that are refused although they are public, such as the service's own. They take
            precedence over `allowed_networks`.
        allowed_ports: the ports that a JWKS location may name.
        extra_authorities: PEM certificates trusted in addition to the operating system's; None for none.
        proxy: the proxy for all connections; None connects directly.
        connect_timeout: seconds for connecting, for all addresses of a host together.
        total_timeout: wall-clock seconds for everything, from the name lookup to the last byte.
        max_bytes: the largest accepted body.
        max_keys: the largest number of keys in a set.
        resolver: looks up the addresses of a host.

    Raises:
        ValueError: `extra_authorities` contains no readable certificate.
    """

    allowed_networks: tuple[Network, ...] = ()
    refused_networks: tuple[Network, ...] = ()
    allowed_ports: frozenset[int] = frozenset({443})
    extra_authorities: str | None = None
    proxy: Proxy | None = None
    connect_timeout: float = 2.0
    total_timeout: float = 5.0
    max_bytes: int = 262_144
    max_keys: int = MAX_KEYS
    resolver: Resolver = system_resolver

    def __post_init__(self) -> None:
        if self.extra_authorities is not None:
            load_pem_x509_certificates(self.extra_authorities.encode())


@dataclass(frozen=True, slots=True)
class FetchedDocument:
    """The server's response, not validated yet.

    Attributes:
        untrusted_document: the body as sent; None for 304 Not Modified.
        claims_html: whether the Content-Type says that the body is a web page.
        etag: None if there is none, or it must not be stored and sent again.
        max_age: seconds from Cache-Control, not clamped, or None.
    """

    untrusted_document: bytes | None = field(repr=False)
    claims_html: bool
    etag: str | None
    max_age: int | None


class _OneExchange(HTTP11Connection):
    # Limits the header section to this size plus one TLS record (16 KiB).
    MAX_INCOMPLETE_EVENT_SIZE = 24 * 1024


def fetch(
    location: str,
    *,
    verify_certificate: bool,
    ca_bundle: str | None = None,
    policy: FetchPolicy,
    etag: str | None,
    journal: Journal,
) -> FetchedDocument:
    """Fetch the document at `location`: one name lookup, one connection, one request, no redirects.

    Uses the low-level HTTP client, which reads no proxy, cookie, credential or other setting from the environment. The
    only proxy is that of `policy`.

    Args:
        location: as typed.
        verify_certificate: the certificate setting of this registration.
        ca_bundle: the CA certificates, in PEM, that this registration trusts in addition to the system's. Ignored
            without `verify_certificate`.
        policy: the operator's limits.
        etag: of the document fetched before, if there is one.
        journal: records the finding of each step.

    Raises:
        ProbeFailed: with the problem, which `journal` also records for the step that failed.
    """
    deadline = Deadline(policy.total_timeout)
    settings = tls.CertificateSettings(
        verify_certificate=verify_certificate, ca_bundle=ca_bundle, extra_authorities=policy.extra_authorities
    )
    with journal.step(Step.ADDRESS) as note:
        parsed = parse_location(location)
        if parsed.port not in policy.allowed_ports:
            raise ProbeFailed(Problem.PORT_REFUSED)
        look_up = checked_addresses if policy.proxy is None else checked_addresses_beside_proxy
        addresses = look_up(
            parsed,
            allowed_networks=policy.allowed_networks,
            refused_networks=policy.refused_networks,
            resolver=policy.resolver,
            deadline=deadline,
        )
        note.passed(_address_sentence(parsed, addresses))
    with ExitStack() as stack:
        with journal.step(Step.CONNECT) as note:
            connecting = deadline.within(policy.connect_timeout)
            stream: ByteStream = TcpStream(
                stack.enter_context(_connect(parsed, addresses, policy, connecting)),
                deadline=connecting,
                # Room for the handshake, the header section and the framing of a body in small chunks.
                max_bytes=2 * policy.max_bytes + 128 * 1024,
            )
            if policy.proxy is not None:
                stream = proxy.open_tunnel(
                    policy.proxy,
                    stream,
                    parsed,
                    extra_authorities=policy.extra_authorities,
                    user_agent=USER_AGENT,
                    connecting=connecting,
                )
            stream.deadline = deadline
            # A name that only the proxy can look up may be internal.
            internal = not (addresses and all(map(is_public, addresses)))
            secure = partial(tls.secure, stream, parsed.host, settings, within=connecting if internal else deadline)
            no_connection = Problem.CONNECTION_FAILED if policy.proxy is None else Problem.PROXY_NO_CONNECTION
            handshake = tls.concealed(secure, connecting, no_connection) if internal else secure
            note.passed(_connect_sentence(policy))
        with journal.step(Step.TLS) as note:
            secured = handshake()
            journal.certificate_expires_at = secured.facts.expires_at
            describe_certificate(secured, note)
        with journal.step(Step.HTTP) as note:
            fetched = _exchange(
                secured.stream, parsed, _storable(etag), policy.max_bytes, statuses={} if internal else _OF_STATUS
            )
            note.passed(_http_sentence(fetched))
    return fetched


def _connect(
    location: JwksLocation, addresses: Sequence[Address], policy: FetchPolicy, connecting: Deadline
) -> socket.socket:
    if policy.proxy is not None:
        return proxy.connect(policy.proxy, policy.resolver, connecting)
    return transport.connect(addresses, location.port, connecting)


def _exchange(
    stream: TlsStream, location: JwksLocation, etag: str | None, max_bytes: int, *, statuses: Mapping[int, Problem]
) -> FetchedDocument:
    host = location.host.encode("ascii")
    headers = [
        (b"Host", location.host_and_port.encode("ascii")),
        (b"User-Agent", USER_AGENT.encode("ascii")),
        (b"Accept", b"application/jwk-set+json, application/json"),
        # Without compression there are no decompression bombs (J-09).
        (b"Accept-Encoding", b"identity"),
        (b"Connection", b"close"),
    ]
    if etag is not None:
        headers.append((b"If-None-Match", etag.encode("ascii")))
    url = URL(scheme=b"https", host=host, port=location.port, target=location.target.encode("ascii"))
    try:
        response = _OneExchange(Origin(b"https", host, location.port), stream).handle_request(
            Request(b"GET", url, headers=headers)
        )
        not_modified = _check_status(response.status, statuses, asked_for_modification=etag is not None)
        document = None if not_modified else _body(response, max_bytes)
    except RemoteProtocolError:
        raise ProbeFailed(Problem.HTTP_MALFORMED) from None
    return FetchedDocument(
        untrusted_document=document,
        claims_html=any("html" in value.lower() for value in _values(response, b"content-type")),
        etag=_storable(next(iter(_values(response, b"etag")), None)) or (etag if not_modified else None),
        max_age=_max_age(_values(response, b"cache-control")),
    )


def _check_status(status: int, statuses: Mapping[int, Problem], *, asked_for_modification: bool) -> bool:
    """Whether the response is 304 Not Modified. Any status but that and 200 fails, without reading the body.

    `statuses` maps statuses to specific problems; the others have the problem of their class.
    """
    if status == 200:  # noqa: PLR2004
        return False
    if status == 304:  # noqa: PLR2004
        if asked_for_modification:
            return True
        raise ProbeFailed(Problem.NOT_MODIFIED_UNASKED)
    by_class = {3: Problem.REDIRECT_NOT_FOLLOWED, 4: Problem.HTTP_REFUSED, 5: Problem.HTTP_SERVER_FAULT}
    raise ProbeFailed(statuses.get(status) or by_class.get(status // 100, Problem.HTTP_STATUS))


def _body(response: Response, max_bytes: int) -> bytes:
    if _values(response, b"content-encoding"):
        raise ProbeFailed(Problem.CONTENT_ENCODING)
    body = bytearray()
    for part in response.iter_stream():
        body += part
        if len(body) > max_bytes:
            raise ProbeFailed(Problem.TOO_LARGE)
    return bytes(body)


def _values(response: Response, name: bytes) -> list[str]:
    return [value.decode("latin-1") for each, value in response.headers if each.lower() == name]


def _storable(etag: str | None) -> str | None:
    """The etag, unless it is too long or malformed (RFC 9110 section 8.8.3)."""
    return etag if etag is not None and len(etag) <= MAX_ETAG_LENGTH and _ETAG.fullmatch(etag) else None


def _max_age(cache_control: Sequence[str]) -> int | None:
    for directive in ",".join(cache_control).split(","):
        match = _MAX_AGE.fullmatch(directive.strip(" \t"))
        if match is not None:
            # Ten digits are 300 years; Python refuses numbers of more than 4,300 digits.
            return int(match[1][:_MAX_AGE_DIGITS])
    return None


def _address_sentence(location: JwksLocation, addresses: Sequence[Address]) -> str:
    sentence = f"The location is valid and {location.host} is allowed."
    return sentence if addresses else f"{sentence} Its address is not known here; this service's proxy looks it up."


def _connect_sentence(policy: FetchPolicy) -> str:
    if policy.proxy is None:
        return "The server accepts connections."
    return "The server accepts connections. They go through this service's proxy."


def _http_sentence(fetched: FetchedDocument) -> str:
    if fetched.untrusted_document is None:
        return "The server answers that the key set has not changed."
    return f"The server answers with {len(fetched.untrusted_document):,} bytes."
