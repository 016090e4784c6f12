"""What an administrator typed into the fields of a registration, as far as the database or the settings decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.identity.api_queries import api_role_names
from watchword.control.servers import rules
from watchword.control.servers.ca_bundle import checked_ca_bundle
from watchword.control.servers.sources import KeySource
from watchword.jwks.problem import Problem
from watchword.outbound.address import LocationRefused, parse_location
from watchword.outbound.ca_bundle import CaBundleRefused

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.servers.models import AuthorizationServer
    from watchword.control.servers.rules import ServerFields


def checked_fields(
    organization_id: str, fields: ServerFields, now: datetime, server: AuthorizationServer | None
) -> tuple[KeySource, str | None]:
    """Return the key source, and the CA certificates to store, which stay stored while validation is off.

    Args:
        organization_id: whose API roles the registration can require.
        fields: as typed.
        now: when the certificates must be valid.
        server: as it is stored. Unchanged, its certificates may have expired, and the cloud name be gone: other fields
            can still be changed.

    Raises:
        Refusal: fields_invalid with a sentence for each invalid field.
    """
    faults: dict[str, str] = {}
    location = ""
    ca_bundle = None
    try:
        ca_bundle = checked_ca_bundle(fields.authority, now, kept=None if server is None else server.ca_bundle)
    except CaBundleRefused as refused:
        faults["authority"] = refused.sentence
    try:
        parsed = parse_location(fields.jwks_location)
    except LocationRefused as refused:
        problem = Problem.of(refused.failure)
        faults["jwks_location"] = f"{problem.sentence} {problem.fix}"
    else:
        location = parsed.url
    if server is None or fields.required_role != (server.required_role or ""):
        role_fault = _fault_of_role(organization_id, fields.required_role)
        if role_fault is not None:
            faults["required_role"] = role_fault
    faults |= rules.check_fields(fields)
    if faults:
        raise Refusal(RefusalReason.FIELDS_INVALID, field_errors=faults)
    source = KeySource.named(location, verify_certificate=fields.verify_certificate, ca_bundle=ca_bundle)
    return source, ca_bundle


def _fault_of_role(organization_id: str, typed: str) -> str | None:
    if typed == "":
        return None
    # The actor's organization is locked, as it is while a role is renamed or deleted.
    if typed not in api_role_names(organization_id):
        return "There is no API role of this name. Create it under Role Management."
    if settings.WATCHWORD.cloud_name is None:
        # Verifiers would deny every token: without the cloud name they cannot know the scope.
        return "No API role can be required: the API provider has not set a cloud name, with which each scope begins."
    return None
