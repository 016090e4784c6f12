"""Failures of the feed: why the control plane's response cannot be used, as a code and as a sentence for the log."""

from __future__ import annotations

import errno
import socket
import ssl
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import httpcore2

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class FeedUnavailable(Exception):
    """No usable response.

    Attributes:
        code: from a closed set, or `http_` and the status.
        cause: a sentence for the log. It contains no remote text and no credential.
    """

    def __init__(self, code: str, cause: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.cause = cause


class CredentialRefused(FeedUnavailable):
    """The control plane does not know this verifier's credential, or has revoked it."""

    def __init__(self) -> None:
        super().__init__(
            "credential_refused", "401: the portal does not know this verifier's credential, or it was revoked"
        )


_STATUSES: Final[Mapping[int, str]] = MappingProxyType(
    {
        400: "400: the request was not understood; a proxy in front of the portal may expect https",
        403: "403: something in front of the portal refuses this verifier",
        404: "404: no feed at this address; feed_url must be the origin of the portal, with its feed_port if set",
        407: "407: a proxy on the way demands credentials",
        408: "408: the request did not arrive in time",
        413: "413: the request is too large for the portal or a proxy in front of it",
        421: "421: the proxy in front of the portal does not serve this host name",
        429: "429: too many requests for the portal or a proxy in front of it",
        500: "500: the portal failed; see its log",
        502: "502: the proxy in front of the portal cannot reach it",
        503: "503: the portal cannot reach its database, or a proxy in front of it cannot reach the portal",
        504: "504: the portal did not answer the proxy in front of it in time",
    }
)
_REDIRECTS: Final = range(300, 400)


def unexpected_status(status: int) -> FeedUnavailable:
    if status in _REDIRECTS:
        cause = f"{status}: a redirect, which is not followed; feed_url must be the origin of the portal"
    else:
        cause = _STATUSES.get(status, f"{status}: not a response of the portal's feed")
    return FeedUnavailable(f"http_{status}", cause)


_TIMEOUTS: Final[Mapping[type[httpcore2.TimeoutException], str]] = MappingProxyType(
    {
        httpcore2.ConnectTimeout: "the connection was not accepted in time; a firewall may drop it",
        httpcore2.WriteTimeout: "the request could not be sent in time",
        httpcore2.PoolTimeout: "all connections to the portal are in use",
    }
)


def timed_out(failure: httpcore2.TimeoutException) -> FeedUnavailable:
    return FeedUnavailable("timed_out", _TIMEOUTS.get(type(failure), "connected, but the response took too long"))


_ERRNOS: Final[Mapping[int | None, str]] = MappingProxyType(
    {
        errno.ECONNREFUSED: "connection refused: nothing listens at this address and port",
        errno.ECONNRESET: "the connection was reset",
        errno.EPIPE: "the connection was closed while the request was sent",
        errno.EHOSTUNREACH: "no route to this host",
        errno.ENETUNREACH: "no route to this network",
        errno.ETIMEDOUT: "the connection timed out",
        errno.EACCES: "this machine forbids the connection",
        errno.EPERM: "this machine forbids the connection",
        errno.EMFILE: "this process has no file descriptors left",
        errno.ENFILE: "this machine has no file descriptors left",
        errno.EADDRNOTAVAIL: "this machine has no address or port left for the connection",
    }
)

# https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/
_CERTIFICATES: Final[Mapping[int, str]] = MappingProxyType(
    {
        9: "is not valid yet; compare the clocks",
        10: "has expired",
        18: "is self-signed; name it in feed_ca_file if it is yours",
        19: "is from an unknown CA; name that in feed_ca_file if it is yours",
        20: "is from an unknown CA, or an intermediate certificate is missing",
        21: "is from an unknown CA, or an intermediate certificate is missing",
        23: "was revoked",
        62: "is for another host name",
        64: "is for another address",
    }
)
_TLS: Final[Mapping[str | None, str]] = MappingProxyType(
    {
        "WRONG_VERSION_NUMBER": "the port does not speak TLS; feed_url may have to begin with http://",
        "RECORD_LAYER_FAILURE": "the port does not speak TLS; feed_url may have to begin with http://",
        "HTTP_REQUEST": "the port does not speak TLS; feed_url may have to begin with http://",
        "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the server demands a client certificate",
        "SSLV3_ALERT_HANDSHAKE_FAILURE": "no TLS cipher or certificate in common with the server",
        "TLSV1_ALERT_PROTOCOL_VERSION": "no TLS version in common with the server",
        "UNSUPPORTED_PROTOCOL": "no TLS version in common with the server",
        "TLSV1_UNRECOGNIZED_NAME": "the server does not serve this host name",
        "UNEXPECTED_EOF_WHILE_READING": "the server closed the connection in the TLS handshake",
    }
)


def connection_failure(failure: Exception) -> FeedUnavailable:
    """Translate an exception of the HTTP library. Its own text may contain the request, and so the credential."""
    for cause in _chain(failure):
        match cause:
            case ssl.SSLCertVerificationError():
                # Only exceptions that OpenSSL raised have a code.
                number = getattr(cause, "verify_code", 0)
                why = _CERTIFICATES.get(number, f"does not verify (OpenSSL error {number})")
                return FeedUnavailable("tls_failed", f"the portal's certificate {why}")
            case ssl.SSLError():
                return FeedUnavailable(
                    "tls_failed", _TLS.get(getattr(cause, "reason", None), "the TLS handshake failed")
                )
            case socket.gaierror():
                return FeedUnavailable("connection_failed", "the host name is unknown to this machine's resolver")
            case OSError() if cause.errno in _ERRNOS:
                return FeedUnavailable("connection_failed", _ERRNOS[cause.errno])
    if isinstance(failure, httpcore2.ProtocolError):
        return FeedUnavailable("protocol_error", "the response is not HTTP, or ended too early")
    return FeedUnavailable("connection_failed", "the connection failed")


def _chain(failure: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = failure
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
