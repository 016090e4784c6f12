"""Which changes need recent proof of who makes them, and what counts as recent. Pure.

A change needs proof if it alters who may call the API or open the portal, what proves who a person is, or what an
organization pays for, and if it cannot be undone. So an unattended browser is not enough for it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

CLOCK_DIFFERENCE: Final = timedelta(minutes=1)
"""How far the clocks of two portals may differ. Proof from further in the future does not count, so that a clock that
was set back does not prolong it."""

NEEDS_PROOF: Final = frozenset(
    {
        "server_added",
        "server_edited",
        "server_enabled",
        "server_disabled",
        "server_deleted",
        "password_set",
        "sign_in_link_created",
        "session_ended",
        "sessions_ended",
        "factor_added",
        "factor_removed",
        "factors_reset",
        "recovery_codes_replaced",
        "sign_in_settings_changed",
        "single_sign_on_changed",
        "email_domain_assigned",
        "email_domain_removed",
        "role_created",
        "role_edited",
        "role_deleted",
        "role_changed",
        "api_role_created",
        "api_role_edited",
        "api_role_deleted",
        "api_key_created",
        "api_key_revoked",
        "administrator_created",
        "administrator_deactivated",
        "administrator_reactivated",
        "operator_created",
        "operator_deactivated",
        "operator_reactivated",
        "organization_created",
        "organization_suspended",
        "organization_reinstated",
        "subscription_set",
        "subscription_renewed",
        "threshold_changed",
        "verifier_created",
        "verifier_rotated",
        "verifier_previous_revoked",
        "verifier_revoked",
        "feed_epoch_rotated",
        "audit_events_purged",
    }
)
"""The actions that need proof."""

NEEDS_NONE: Final = frozenset(
    {
        # The proof itself.
        "signed_in",
        "password_accepted",
        "identity_confirmed",
        # A part of the sign-in.
        "provider_account_linked",
        # A person who leaves an unattended browser must not have to wait.
        "signed_out",
        # They change no access.
        "validation_attempted",
        "refresh_requested",
        "administrator_renamed",
        "factor_renamed",
        # The page shows all that the export holds.
        "audit_log_exported",
        # No person does them.
        "keys_changed",
        "withdrawn_keys_named",
        "fetches_failing",
        "fetches_recovered",
        "certificate_expiring",
        "threshold_reached",
        "usage_refused",
        "requests_refused",
        "change_attempted",
    }
)
"""The actions that need none, with the reasons. An action in neither table needs proof."""


def needs_proof(action: str) -> bool:
    return action not in NEEDS_NONE


def is_recent(proven_at: datetime | None, now: datetime, lifetime: timedelta) -> bool:
    """Whether the last proof is younger than `lifetime`."""
    return proven_at is not None and -CLOCK_DIFFERENCE <= now - proven_at < lifetime
