"""The labels of the log's codes: closed tables. A test finds every action that the code uses."""

from __future__ import annotations

from typing import Final

from watchword.control.base.actor import Interface
from watchword.control.base.refusals import RefusalReason

ACTIONS: Final = {
    "server_added": "Add authorization server",
    "server_edited": "Edit authorization server",
    "server_enabled": "Enable authorization server",
    "server_disabled": "Disable authorization server",
    "server_deleted": "Delete authorization server",
    "validation_attempted": "Validate JWKS location",
    "refresh_requested": "Refresh keys",
    "keys_changed": "Keys changed",
    "withdrawn_keys_named": "Tokens use withdrawn keys",
    "fetches_failing": "Key fetches fail",
    "fetches_recovered": "Key fetches succeed again",
    "certificate_expiring": "Server certificate expires soon",
    "signed_in": "Sign in",
    "password_accepted": "Enter password before second factor",
    "signed_out": "Sign out",
    "identity_confirmed": "Confirm identity",
    "password_set": "Set password",
    "sign_in_link_created": "Create sign-in link",
    "session_ended": "End session",
    "factor_added": "Add second factor",
    "factor_renamed": "Rename passkey",
    "factor_removed": "Remove second factor",
    "factors_reset": "Reset second factors",
    "recovery_codes_replaced": "Replace recovery codes",
    "role_created": "Create role",
    "role_edited": "Edit role",
    "role_deleted": "Delete role",
    "api_role_created": "Create API role",
    "api_role_edited": "Edit API role",
    "api_role_deleted": "Delete API role",
    "api_key_created": "Create API key",
    "api_key_revoked": "Revoke API key",
    "role_changed": "Change role of administrator",
    "administrator_created": "Create administrator",
    "administrator_renamed": "Rename administrator",
    "administrator_deactivated": "Deactivate administrator",
    "administrator_reactivated": "Reactivate administrator",
    "operator_created": "Create operator",
    "operator_deactivated": "Deactivate operator",
    "operator_reactivated": "Reactivate operator",
    "sessions_ended": "Sign out everywhere",
    "sign_in_settings_changed": "Change sign-in settings",
    "single_sign_on_changed": "Change single sign-on",
    "email_domain_assigned": "Assign e-mail domain",
    "email_domain_removed": "Remove e-mail domain",
    "provider_account_linked": "Link account at identity provider",
    "organization_created": "Create organization",
    "organization_suspended": "Suspend organization",
    "organization_reinstated": "Reinstate organization",
    "subscription_set": "Set API subscription",
    "subscription_renewed": "Renew API subscription",
    "threshold_changed": "Change API call threshold",
    "threshold_reached": "API call threshold warning",
    "verifier_created": "Create verifier credential",
    "verifier_rotated": "New verifier credential",
    "verifier_previous_revoked": "Revoke previous verifier credential",
    "verifier_revoked": "Revoke verifier credential",
    "usage_refused": "Refuse impossible usage report",
    "feed_epoch_rotated": "Restart feed",
    "change_attempted": "Change without permission",
    "requests_refused": "Suspicious requests",
    "audit_log_exported": "Export audit log",
    "audit_events_purged": "Purge old audit events",
}
"""They must fit both results, Success and Refused."""

INTERFACES: Final = {
    Interface.PORTAL.value: "Portal",
    Interface.API.value: "API",
    Interface.COMMAND_LINE.value: "Command line",
    Interface.WORKER.value: "Worker",
}

RESULTS: Final = {"success": "Success", "refused": "Refused"}

FIELDS: Final = {
    "jwks_location": "JWKS location",
    "verify_certificate": "Certificate validation",
    "ca_bundle": "CA certificate",
    "audience": "Audience URI",
    "issuer": "Issuer URI",
    "client_id": "Client ID",
    "accepts_bound_tokens": "Accept tokens bound to a key or certificate",
    "required_role": "Required API Role",
    "accept_any": "Confirmed: every token of this server is accepted",
    "accept_anybody": "Confirmed: tokens that anyone can request are accepted",
    "second_factor_required": "Second factor required",
    "single_sign_on_only": "Single sign-on only",
    "emergency_administrator": "Emergency administrator",
    "client_secret": "Client secret",
    "subject": "Subject",
    "reference": "Reference",
    "role_claim": "Role claim",
    "role_values": "Roles by claim",
    "default_role": "Default role",
    "api_call_threshold": "API call threshold",
    "starts_at": "Start",
    "expires_at": "Expiry",
    "last_hash": "Hash of the last event",
    "keys_replaced_at_once": "All keys replaced at once",
}
"""Labels of fields whose name is not the portal's label."""

REASONS: Final = {
    RefusalReason.PERMISSION_MISSING.code: "the role lacks the permission",
    RefusalReason.SESSION_ENDED.code: "the session had ended",
    RefusalReason.API_KEY_UNUSABLE.code: "the API key was revoked or had expired",
    RefusalReason.INSUFFICIENT_SCOPE.code: "the access token names no API role",
    RefusalReason.SUBSCRIPTION_INACTIVE.code: "no active API subscription",
    RefusalReason.ORGANIZATION_SUSPENDED.code: "the organization is suspended",
    RefusalReason.NOT_FOUND.code: "not found",
    RefusalReason.SINGLE_SIGN_ON_REQUIRED.code: "the organization requires single sign-on",
    RefusalReason.PASSKEY_REFUSED.code: "the passkey was not verified",
    RefusalReason.CEREMONY_EXPIRED.code: "the passkey's response came too late or twice",
}


def label_of(code: str) -> str:
    """Return a label for a code in no table, such as one of an earlier version."""
    return code.replace("_", " ").capitalize()
