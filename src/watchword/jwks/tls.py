"""TLS with one key server: under which certificates it is set up, and what an administrator is told of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn

from watchword.jwks.authority import AuthorityRefused, read_authority
from watchword.jwks.certificate import context_for, now_utc, read_certificate
from watchword.jwks.chain import problem_with
from watchword.jwks.problem import ProbeFailed, Problem
from watchword.jwks.transport import TlsStream

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword.jwks.authority import AttachedAuthority
    from watchword.jwks.certificate import CertificateFacts
    from watchword.jwks.deadline import Deadline
    from watchword.jwks.findings import Note
    from watchword.jwks.transport import ByteStream

_OF_CERTIFICATES: Final = frozenset(each for each in Problem if each.code.startswith(("certificate_", "authority_")))
"""What only a TLS server can be the reason for. All else differs between a port that resets, one that is silent and one
where something else is spoken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateSettings:
    """What makes a server certificate acceptable to one registration.

    Attributes:
        verify_certificate: whether anything does; without it no authority is asked.
        authority: the CA certificates, in PEM, that this registration trusts; None for none.
        extra_authorities: those that the operator trusts for all registrations; None for none.
    """

    verify_certificate: bool
    authority: str | None = field(repr=False)
    extra_authorities: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Secured:
    """A connection over which TLS is set up, with what its server's certificate says."""

    stream: TlsStream
    facts: CertificateFacts
    attached: AttachedAuthority | None
    verify_certificate: bool

    def describe(self, note: Note) -> None:
        """Note the issuer and the expiry of the server's certificate, and what should be done about them."""
        facts, now = self.facts, now_utc()
        ending = (
            ()
            if self.attached is None
            else tuple(anchor for anchor in self.attached.anchors if anchor.expires_soon(now))
        )
        if not self.verify_certificate:
            note.warned(
                f"Certificate validation is off: who the server is was not checked. {facts.describe()}",
                'Enable "JWKS Server Certificate Validation" once the certificate is signed by a recognized '
                "authority, or now, by attaching the certificate of its authority.",
            )
        elif facts.expires_soon(now):
            note.warned(
                f"The certificate expires soon. {facts.describe()}",
                "Renew the server certificate; from its expiry on, no keys can be fetched.",
            )
        elif ending:
            note.warned(
                f"{facts.describe()} The attached CA certificate “{ending[0].name}” expires on "
                f"{ending[0].expires_at:%Y-%m-%d}.",
                "Attach its successor beside it before that day.",
            )
        else:
            note.passed(facts.describe())


def secure(
    below: ByteStream,
    hostname: str,
    settings: CertificateSettings,
    *,
    within: Deadline,
) -> Secured:
    """Set TLS up. No ticket of an earlier handshake is offered.

    Args:
        below: a connection to the server.
        hostname: whose certificate it must be.
        settings: of the registration.
        within: the time for setting it up; the stream's own deadline counts afterwards.

    Raises:
        ProbeFailed: with what the server presented, if that is why.
    """
    attached = _attached(settings)
    context = context_for(
        verify_certificate=settings.verify_certificate,
        extra_authorities=settings.extra_authorities,
        authority=None if attached is None else attached.pem,
    )
    stream = TlsStream(below, context, server_hostname=hostname)
    try:
        certificate = stream.handshake(within)
    except ProbeFailed as failure:
        if attached is None:
            raise
        raise ProbeFailed(problem_with(attached, failure, now_utc()), presented=failure.presented) from None
    return Secured(
        stream=stream,
        facts=read_certificate(certificate),
        attached=attached,
        verify_certificate=settings.verify_certificate,
    )


def concealed(
    handshake: Callable[[], Secured], connecting: Deadline, otherwise: Problem = Problem.CONNECTION_FAILED
) -> Callable[[], Secured]:
    """Shake hands with an internal host while connecting, and give the result in the step that it belongs to.

    The operator has opened a network of the inside for key sets. Without this, Validate would tell which of its ports
    are open and which of them speak TLS: by the step, by the problem and by the time taken (J-15). So all but a
    TLS server looks like a port that nobody listens at. Of a public host anybody can find that out by himself, and
    the distinction helps the administrator.

    Args:
        handshake: with the host.
        connecting: the time for connecting.
        otherwise: what every failure is called that is not about a certificate.

    Raises:
        ProbeFailed: `otherwise`, when the time for connecting is up.
    """
    try:
        secured = handshake()
    except ProbeFailed as failure:
        if failure.problem not in _OF_CERTIFICATES:
            connecting.wait_out()
            raise ProbeFailed(otherwise) from None
        problem, presented = failure.problem, failure.presented
    else:
        return lambda: secured

    def fail() -> NoReturn:
        raise ProbeFailed(problem, presented=presented)

    return fail


def _attached(settings: CertificateSettings) -> AttachedAuthority | None:
    if not settings.verify_certificate or settings.authority is None:
        return None
    try:
        return read_authority(settings.authority)
    except AuthorityRefused:
        # Rules have become stricter since it was attached.
        raise ProbeFailed(Problem.AUTHORITY_UNUSABLE) from None
