"""Fetches the document at a JWKS location through the guarded exchange, and notes how far each step came."""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from watchword.core.jwk import MAX_KEYS
from watchword.core.jwk_material import MIN_RSA_BITS
from watchword.jwks.findings import Journal, Note, Step
from watchword.outbound import exchange
from watchword.outbound.certificate import now_utc
from watchword.outbound.messages import OK, Request, Response, Target
from watchword.outbound.policy import OutboundPolicy
from watchword.outbound.tls import CertificateSettings, Secured

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_ETAG_LENGTH: Final = 512

_NOT_MODIFIED: Final = 304
_ETAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')
_MAX_AGE = re.compile(r'max-age[ \t]*=[ \t]*"?([0-9]+)"?', re.IGNORECASE | re.ASCII)
_MAX_AGE_DIGITS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchPolicy(OutboundPolicy):
    """The operator's limits for fetching key sets.

    Attributes:
        max_keys: the largest number of keys in a set.
        min_rsa_bits: the smallest RSA key that is admitted.
    """

    max_keys: int = MAX_KEYS
    min_rsa_bits: int = MIN_RSA_BITS


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


def fetch(
    location: str,
    *,
    verify_certificate: bool,
    ca_bundle: str | None = None,
    policy: FetchPolicy,
    etag: str | None,
    journal: Journal,
) -> FetchedDocument:
    """Fetch the document at `location` by one guarded exchange.

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
    settings = CertificateSettings(
        verify_certificate=verify_certificate, ca_bundle=ca_bundle, extra_authorities=policy.extra_authorities
    )
    etag = _storable(etag)
    with journal.step(Step.ADDRESS) as note:
        target = exchange.checked_target(location, policy)
        note.passed(_address_sentence(target))
    with ExitStack() as stack:
        with journal.step(Step.CONNECT) as note:
            handshake = stack.enter_context(exchange.connected(target, settings))
            note.passed(_connect_sentence(policy))
        with journal.step(Step.TLS) as note:
            secured = handshake()
            journal.certificate_expires_at = secured.facts.expires_at
            _describe_certificate(secured, note)
        with journal.step(Step.HTTP) as note:
            accepts = OK if etag is None else OK | {_NOT_MODIFIED}
            fetched = _read(exchange.sent(secured, target, _request(etag), accepts), etag)
            note.passed(_http_sentence(fetched))
    return fetched


def _request(etag: str | None) -> Request:
    return Request(
        accept="application/jwk-set+json, application/json",
        headers=() if etag is None else (("If-None-Match", etag),),
    )


def _read(response: Response, etag: str | None) -> FetchedDocument:
    not_modified = response.status == _NOT_MODIFIED
    return FetchedDocument(
        untrusted_document=None if not_modified else response.untrusted_body,
        claims_html=response.claims_html,
        etag=_storable(next(iter(response.values("etag")), None)) or (etag if not_modified else None),
        max_age=_max_age(response.values("cache-control")),
    )


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


def _address_sentence(target: Target) -> str:
    sentence = f"The location is valid and {target.location.host} is allowed."
    return (
        sentence if target.addresses else f"{sentence} Its address is not known here; this service's proxy looks it up."
    )


def _connect_sentence(policy: FetchPolicy) -> str:
    if policy.proxy is None:
        return "The server accepts connections."
    return "The server accepts connections. They go through this service's proxy."


def _http_sentence(fetched: FetchedDocument) -> str:
    if fetched.untrusted_document is None:
        return "The server answers that the key set has not changed."
    return f"The server answers with {len(fetched.untrusted_document):,} bytes."


def _describe_certificate(secured: Secured, note: Note) -> None:
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
