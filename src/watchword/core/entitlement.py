"""Steps 5 and 7, as far as they are about the organization: whose keys count, and may its tokens be accepted?"""

from __future__ import annotations

from watchword.core.decision import Reason
from watchword.core.trust import NotUnderstood, ServerTrust, Trust


def verifying_server(trust: Trust | None) -> tuple[Trust, ServerTrust] | Reason:
    """The server whose keys may verify the organization's tokens, or why there is none."""
    if trust is None:
        return Reason.ORGANIZATION_UNKNOWN
    if isinstance(trust, NotUnderstood):
        return Reason.TRUST_NOT_UNDERSTOOD
    server = trust.server
    if server is None:
        return Reason.NO_ENABLED_SERVER
    return (trust, server) if server.keys else Reason.KEYS_MISSING


def entitled(trust: Trust, server: ServerTrust, now: float) -> tuple[float, float] | Reason:
    """When the organization's tokens are accepted, or why they are not now.

    What the provider decided comes before the age of the keys, so that old keys never hide its reason. All
    times are Unix seconds, and compared so that one that is not a number refuses.

    Returns:
        good_from, good_until: the trust entitles at every moment in [good_from, good_until).
    """
    if trust.suspended:
        return Reason.ORGANIZATION_SUSPENDED
    subscription = trust.subscription
    if subscription is None or not subscription.is_active(now):
        return Reason.SUBSCRIPTION_INACTIVE
    if not now < server.keys_good_until:
        return Reason.KEYS_STALE
    return subscription.starts_at, min(subscription.expires_at, server.keys_good_until)
