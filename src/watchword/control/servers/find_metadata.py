"""The button "Find from issuer": asks an issuer's metadata for the JWKS location. Saves nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import timezone

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.servers.fetch_policy import fetch_policy
from watchword.control.servers.validate import BeginValidation, authority_to_ask, release_connection
from watchword.jwks.discovery import NotDiscovered, discover

if TYPE_CHECKING:
    from watchword.control.base.actor import Actor
    from watchword.jwks.metadata import Metadata


def find_metadata(
    actor: Actor, organization_id: str, issuer: str, *, verify_certificate: bool, authority: str = ""
) -> Metadata:
    """Fetch the metadata of an issuer on behalf of an administrator.

    It counts as a validation does: both make this service open connections.

    Args:
        actor: needs API Key Management in the organization.
        organization_id: must be entitled to changes.
        issuer: as typed; the metadata names exactly this one.
        verify_certificate: the certificate setting to ask with.
        authority: CA certificates as typed, to be trusted for this alone; "" for none.

    Raises:
        Refusal: fields_invalid (the authority, the issuer), not_found, permission_missing, subscription_inactive,
            organization_suspended, too_many_requests.
    """
    BeginValidation(organization_id=organization_id).run(actor, timezone.now())
    trusted = authority_to_ask(authority, asked=verify_certificate)
    release_connection()
    found = discover(
        issuer, verify_certificate=verify_certificate, authority=trusted, policy=fetch_policy(settings.WATCHWORD)
    )
    if isinstance(found, NotDiscovered):
        raise Refusal(RefusalReason.FIELDS_INVALID, field_errors={"issuer": found.sentence})
    return found
