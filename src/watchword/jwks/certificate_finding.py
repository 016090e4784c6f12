"""Describes the certificate of a key server, as the finding of a validation's TLS step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword.outbound.certificate import now_utc

if TYPE_CHECKING:
    from watchword.jwks.findings import Note
    from watchword.outbound.tls import Secured


def describe_certificate(secured: Secured, note: Note) -> None:
    """Note the issuer and the expiry of the server's certificate, and what the administrator should do."""
    facts, now = secured.facts, now_utc()
    ending = (
        ()
        if secured.attached is None
        else tuple(anchor for anchor in secured.attached.anchors if anchor.expires_soon(now))
    )
    if not secured.verify_certificate:
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
            "Attach its successor as well before that day.",
        )
    else:
        note.passed(facts.describe())
