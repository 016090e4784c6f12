"""Verifies an access token for the API by the kernel, with what the database says now and not what a verifier knows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from django.conf import settings

from watchword.control.api.addresses import base_url
from watchword.control.servers.trust import server_trust_of
from watchword.core.claims import SignedClaims
from watchword.core.compact import parse
from watchword.core.decision import Allow, Reason
from watchword.core.named_organization import roles_named
from watchword.core.trust import ANY, SubscriptionPeriod, Trust
from watchword.core.verify import decide

if TYPE_CHECKING:
    from watchword.core.decision import Decision
    from watchword.core.trust import ServerTrust

_ALWAYS: Final = SubscriptionPeriod(starts_at=0, expires_at=2**53)


def verified_roles(text: str, organization: str, now: float) -> tuple[tuple[str, ...], str | None] | Reason:
    """Verify a token of the organization's enabled server.

    Suspension and subscription do not count here: like administrators in the portal, clients may still read, and the
    commands refuse their changes. What the registration requires at gateways, an API role, is not required either: each
    operation requires its own right.

    Args:
        text: the token, as `bearer.text_of` returned it.
        organization: of the address; it need not exist.
        now: Unix seconds.

    Returns:
        The API roles that the token names, and its client ID; or why it is refused.
    """
    decision = _decide(text, _trust_of(organization), now)
    if not isinstance(decision, Allow):
        return decision.reason
    token = parse(text.encode())
    if isinstance(token, Reason):  # pragma: no cover - it has just been verified.
        return token
    cloud_name = settings.WATCHWORD.cloud_name
    # The kernel has verified the signature of exactly this text.
    claims = SignedClaims(token.claims)
    roles = () if cloud_name is None else roles_named(claims, cloud_name, organization)
    return roles, decision.claims.client_id


def _decide(text: str, trust: Trust, now: float) -> Decision:
    """Decide with the registration's Audience URI, else with the API's own."""
    decision = decide(text, trust, now, now + 1)
    if isinstance(decision, Allow) or decision.reason is not Reason.AUDIENCE_MISMATCH or trust.server is None:
        return decision
    return decide(text, replace(trust, server=replace(trust.server, audience=base_url())), now, now + 1)


def _trust_of(organization: str) -> Trust:
    server = server_trust_of(organization)
    return Trust(
        organization=organization,
        revision=0,
        suspended=False,
        subscription=_ALWAYS,
        server=None if server is None else _for_this_api(server),
    )


def _for_this_api(server: ServerTrust) -> ServerTrust:
    """The registration with two stricter rules: a token is for some API, and one bound to a key needs its proof.

    A blank Audience URI means any audience at gateways. Here an ID token, or a token for another API of the same
    server, could then change the registration. Nothing here checks the proof of a bound token.
    """
    audience = base_url() if server.audience is ANY else server.audience
    return replace(server, audience=audience, accepts_bound_tokens=False, required_role=None)
