"""Step 2: may the organization's tokens be accepted at all, and is what is known fresh enough to say so?"""

from __future__ import annotations

from watchword.core.decision import Reason
from watchword.core.trust import NotUnderstood, ServerTrust, Trust


def entitled(
    trust: Trust | None, now: float, snapshot_good_until: float
) -> tuple[str, ServerTrust, float, float] | Reason:
    """Whose tokens are accepted, and whose signatures count, once every precondition holds; else the first that fails.

    What the provider or the administrator decided comes first, so that its reason is given however old the news is;
    freshness decides only about what would otherwise be verified. All times are Unix seconds, and compared so that
    one that is not a number refuses.

    Returns:
        organization: whose tokens are accepted.
        server: the enabled one.
        good_from, good_until: the trust entitles at every moment in [good_from, good_until).
    """
    if trust is None:
        return Reason.ORGANIZATION_UNKNOWN
    if isinstance(trust, NotUnderstood):
        return Reason.TRUST_NOT_UNDERSTOOD
    if trust.suspended:
        return Reason.ORGANIZATION_SUSPENDED
    subscription, server = trust.subscription, trust.server
    if subscription is None or not subscription.is_active(now):
        return Reason.SUBSCRIPTION_INACTIVE
    if server is None:
        return Reason.NO_ENABLED_SERVER
    if not now < snapshot_good_until:
        return Reason.TRUST_STALE
    if not server.keys:
        return Reason.KEYS_MISSING
    if not now < server.keys_good_until:
        return Reason.KEYS_STALE
    good_until = min(subscription.expires_at, server.keys_good_until)
    return trust.organization, server, subscription.starts_at, good_until
