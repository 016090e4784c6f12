"""TLS with a server: validates its certificate, and hides what an internal host would reveal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn

from watchword.outbound.ca_bundle import CaBundleRefused, read_ca_bundle
from watchword.outbound.certificate import context_for, now_utc, read_certificate
from watchword.outbound.chain import failure_with
from watchword.outbound.failure import ExchangeFailed, Failure
from watchword.outbound.transport import TlsStream

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword.outbound.ca_bundle import CaBundle
    from watchword.outbound.certificate import CertificateFacts
    from watchword.outbound.deadline import Deadline
    from watchword.outbound.transport import ByteStream

_OF_CERTIFICATES: Final = frozenset(each for each in Failure if each.value.startswith(("certificate_", "authority_")))
"""Problems that only a TLS server can cause. The others differ between a port that resets, one that is silent and one
with another protocol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateSettings:
    """One registration's settings for server certificates.

    Attributes:
        verify_certificate: whether to validate them; if not, the other settings have no effect.
        ca_bundle: the CA certificates, in PEM, that this registration trusts; None for none.
        extra_authorities: those that the operator trusts for all registrations; None for none.
    """

    verify_certificate: bool
    ca_bundle: str | None = field(repr=False)
    extra_authorities: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Secured:
    """A TLS connection and the description of its server's certificate."""

    stream: TlsStream
    facts: CertificateFacts
    attached: CaBundle | None
    verify_certificate: bool


def secure(
    below: ByteStream,
    hostname: str,
    settings: CertificateSettings,
    *,
    within: Deadline,
) -> Secured:
    """Start TLS, without a session ticket of an earlier handshake.

    Args:
        below: a connection to the server.
        hostname: the host that the certificate must name.
        settings: of the registration.
        within: the deadline of the handshake; afterwards the stream's own deadline applies.

    Raises:
        ExchangeFailed: includes the presented certificates if they are the reason.
    """
    attached = _attached(settings)
    context = context_for(
        verify_certificate=settings.verify_certificate,
        extra_authorities=settings.extra_authorities,
        ca_bundle=None if attached is None else attached.pem,
    )
    stream = TlsStream(below, context, server_hostname=hostname)
    try:
        certificate = stream.handshake(within)
    except ExchangeFailed as failed:
        if attached is None:
            raise
        raise ExchangeFailed(failure_with(attached, failed, now_utc()), presented=failed.presented) from None
    return Secured(
        stream=stream,
        facts=read_certificate(certificate),
        attached=attached,
        verify_certificate=settings.verify_certificate,
    )


def concealed(
    handshake: Callable[[], Secured], connecting: Deadline, otherwise: Failure = Failure.CONNECTION_FAILED
) -> Callable[[], Secured]:
    """Do the handshake with an internal host in the connect step, and return a function with the result for the TLS
    step.

    If the operator allows an internal network, the step, the failure and the time of a validation would reveal which of
    its ports are open and which speak TLS (J-15). So everything but a TLS server looks like a closed port. For a public
    host every client can find this out, and the difference helps the administrator.

    Args:
        handshake: with the host.
        connecting: the deadline of the connect step.
        otherwise: the failure for every failure that is not about a certificate.

    Raises:
        ExchangeFailed: `otherwise`, when the deadline is reached.
    """
    try:
        secured = handshake()
    except ExchangeFailed as failed:
        if failed.failure not in _OF_CERTIFICATES:
            connecting.wait_out()
            raise ExchangeFailed(otherwise) from None
        failure, presented = failed.failure, failed.presented
    else:
        return lambda: secured

    def fail() -> NoReturn:
        raise ExchangeFailed(failure, presented=presented)

    return fail


def _attached(settings: CertificateSettings) -> CaBundle | None:
    if not settings.verify_certificate or settings.ca_bundle is None:
        return None
    try:
        return read_ca_bundle(settings.ca_bundle)
    except CaBundleRefused:
        # The rules became stricter after it was attached.
        raise ExchangeFailed(Failure.AUTHORITY_UNUSABLE) from None
