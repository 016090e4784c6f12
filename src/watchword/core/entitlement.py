"""Step 2: may the organization's tokens be accepted at all, and is what is known fresh enough to say so?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword.core.decision import Reason, TokenRefused

if TYPE_CHECKING:
    from watchword.core.trust import ServerTrust, Trust


def entitled(trust: Trust | None, *, now: float, snapshot_good_until: float) -> tuple[Trust, ServerTrust]:
    """The trust and its enabled server, once every precondition holds.

    What the provider or the administrator decided comes first, so that its reason is given however old the news is;
    freshness decides only about what would otherwise be verified. All times are Unix seconds, and compared so that
    one that is not a number refuses.

    Raises:
        TokenRefused: with the first precondition that does not hold.
    """
    if trust is None:
        raise TokenRefused(Reason.ORGANIZATION_UNKNOWN)
    if trust.suspended:
        raise TokenRefused(Reason.ORGANIZATION_SUSPENDED)
    if trust.subscription is None or not trust.subscription.is_active(now):
        raise TokenRefused(Reason.SUBSCRIPTION_INACTIVE)
    if trust.server is None:
        raise TokenRefused(Reason.NO_ENABLED_SERVER)
    if not now < snapshot_good_until:
        raise TokenRefused(Reason.TRUST_STALE)
    if not trust.server.keys:
        raise TokenRefused(Reason.KEYS_MISSING)
    if not now < trust.server.keys_good_until:
        raise TokenRefused(Reason.KEYS_STALE)
    return trust, trust.server
