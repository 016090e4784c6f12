"""Finds the metadata of an issuer, for administrators who know only the issuer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from watchword.jwks.discovery_problems import METADATA_TYPED, OTHER_ISSUER, described, described_issuer
from watchword.jwks.fetch import fetch
from watchword.jwks.findings import Journal, ProbeFailed
from watchword.jwks.metadata import Metadata, UnusableMetadata, UrlRefused, metadata_locations, read_metadata
from watchword.jwks.problem import Problem
from watchword.outbound.deadline import Deadline
from watchword.outbound.failure import ExchangeFailed

if TYPE_CHECKING:
    from watchword.jwks.fetch import FetchPolicy

_PERHAPS_ELSEWHERE: Final = {
    Problem.HTTP_NOT_FOUND,
    Problem.HTTP_REFUSED,
    Problem.HTTP_SIGN_IN_DEMANDED,
    Problem.HTTP_FORBIDDEN,
    Problem.REDIRECT_NOT_FOLLOWED,
    Problem.HTTP_SERVER_FAULT,
    Problem.HTTP_STATUS,
    Problem.NOT_JSON,
}
"""Problems at a path that the server does not know. Every other problem would occur at its other paths too."""


@dataclass(frozen=True, slots=True)
class NotDiscovered:
    """Why no metadata can be used.

    Attributes:
        sentence: for the administrator who typed the issuer. Never log it: it may contain the document's issuer.
    """

    sentence: str


def discover(
    issuer: str, *, verify_certificate: bool, ca_bundle: str | None = None, policy: FetchPolicy
) -> Metadata | NotDiscovered:
    """Fetch the metadata of `issuer` within the limits of `policy`; never raises for a server's behavior.

    Up to two fetches, one after the other, share the time limit of one.

    Args:
        issuer: as typed. The document must name exactly this one (RFC 8414 section 3.3).
        verify_certificate: the certificate setting of the registration.
        ca_bundle: the CA certificates, in PEM, attached to the registration.
        policy: the operator's limits.
    """
    try:
        locations = metadata_locations(issuer)
    except UrlRefused as refused:
        return NotDiscovered(described_issuer(refused.fault))
    if "/.well-known/" in issuer:
        return NotDiscovered(METADATA_TYPED)
    deadline = Deadline(policy.total_timeout)
    failures: list[Problem] = []
    unusable: UnusableMetadata | None = None
    for location in locations:
        try:
            found = _read(
                location,
                verify_certificate=verify_certificate,
                ca_bundle=ca_bundle,
                policy=replace(policy, total_timeout=deadline.remaining()),
            )
        except ExchangeFailed:
            # The time was up before the turn of this location.
            failures.append(Problem.TIMED_OUT)
            break
        except ProbeFailed as failure:
            failures.append(failure.problem)
            if failure.problem not in _PERHAPS_ELSEWHERE:
                break
            continue
        if isinstance(found, UnusableMetadata):
            unusable = unusable or found
        elif found.issuer == issuer:
            return found
        else:
            return NotDiscovered(OTHER_ISSUER.format(named=found.issuer, typed=issuer))
    if unusable is not None:
        return NotDiscovered(f"{unusable.sentence} Enter the JWKS location yourself.")
    return NotDiscovered(described(failures))


def _read(
    location: str, *, verify_certificate: bool, ca_bundle: str | None, policy: FetchPolicy
) -> Metadata | UnusableMetadata:
    fetched = fetch(
        location,
        verify_certificate=verify_certificate,
        ca_bundle=ca_bundle,
        policy=policy,
        etag=None,
        journal=Journal(),
    )
    # A sign-in page of a proxy or firewall also has status 200 (J-13).
    found = None if fetched.claims_html else read_metadata(fetched.untrusted_document or b"")
    if found is None:
        raise ProbeFailed(Problem.NOT_JSON)
    return found
