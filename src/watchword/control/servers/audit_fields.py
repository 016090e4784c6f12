"""A registration in the audit log: its fields before and after a change, and what was confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword.control.servers.acceptance import AcceptedTokens
from watchword.control.servers.ca_bundle import fingerprints
from watchword.control.servers.shown_location import on_one_line

if TYPE_CHECKING:
    from watchword.control.base.audit_log import Scalar
    from watchword.control.servers.models import AuthorizationServer


def audit_fields_of(server: AuthorizationServer) -> dict[str, Scalar]:
    """Return every field as the log stores it, and what an administrator has confirmed."""
    return {
        "enabled": server.enabled,
        "name": server.name,
        "description": server.description,
        "jwks_location": on_one_line(server.jwks_location),
        "verify_certificate": server.verify_certificate,
        "ca_bundle": fingerprints(server.ca_bundle),
        "audience": server.audience,
        "issuer": server.issuer,
        "client_id": server.client_id,
        "accepts_bound_tokens": server.accepts_bound_tokens,
        "required_role": server.required_role,
        **confirmed(server),
    }


def confirmed(server: AuthorizationServer) -> dict[str, Scalar]:
    """Return the field in which accepting tokens of others was confirmed; empty if none was needed."""
    field = accepted(server).confirmed_by
    return {} if field is None else {field: True}


def accepted(server: AuthorizationServer) -> AcceptedTokens:
    return AcceptedTokens.of(
        server.jwks_location, audience=server.audience, issuer=server.issuer, client_id=server.client_id
    )
