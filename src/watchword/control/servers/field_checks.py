"""What an administrator typed into the fields of a registration, as far as the database or the settings decide."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from django.conf import settings

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.servers import rules
from watchword.control.servers.ca_bundle import checked_ca_bundle
from watchword.control.servers.sources import KeySource
from watchword.core.trust import API_ROLE
from watchword.jwks.address import LocationRefused, parse_location
from watchword.jwks.ca_bundle import CaBundleRefused

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.servers.models import AuthorizationServer
    from watchword.control.servers.rules import ServerFields

_ROLE: Final = re.compile(API_ROLE)


def checked_fields(
    fields: ServerFields, now: datetime, server: AuthorizationServer | None
) -> tuple[KeySource, str | None]:
    """Return the key source, and the CA certificates to store, which stay stored while validation is off.

    Args:
        fields: as typed.
        now: when the certificates must be valid.
        server: as it is stored. Unchanged, its certificates may have expired, and its API role need not be possible any
            more: other fields can still be changed.

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
        faults["jwks_location"] = f"{refused.problem.sentence} {refused.problem.fix}"
    else:
        location = parsed.url
    role_fault = _fault_of_role(fields.required_role, None if server is None else server.required_role)
    if role_fault is not None:
        faults["required_role"] = role_fault
    faults |= rules.check_fields(fields)
    if faults:
        raise Refusal(RefusalReason.FIELDS_INVALID, field_errors=faults)
    source = KeySource.named(location, verify_certificate=fields.verify_certificate, ca_bundle=ca_bundle)
    return source, ca_bundle


def _fault_of_role(typed: str, kept: str | None) -> str | None:
    if typed in {"", kept}:
        return None
    if _ROLE.fullmatch(typed) is None:
        return "The API role must have 1 to 16 characters: the letters A to Z and a to z, and the digits 0 to 9."
    if settings.WATCHWORD.cloud_name is None:
        # Verifiers would deny every token: without the cloud name they cannot know the scope.
        return "No API role can be required: the API provider has not set a cloud name, with which each scope begins."
    return None
