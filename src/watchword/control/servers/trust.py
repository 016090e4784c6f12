"""An organization's trust: the only source of what the feed publishes."""

from __future__ import annotations

from watchword.control.organizations.models import Subscription, Suspension
from watchword.control.servers import rules
from watchword.control.servers.key_sets import from_document
from watchword.control.servers.models import KeySetState
from watchword.core.trust import ServerTrust, SubscriptionPeriod, Trust


def trust_of(organization_id: str) -> Trust:
    """Return the organization's present trust. The publisher replaces revision 0."""
    subscription = Subscription.objects.filter(organization_id=organization_id).first()
    return Trust(
        organization=organization_id,
        revision=0,
        suspended=Suspension.objects.filter(organization_id=organization_id, lifted_at__isnull=True).exists(),
        subscription=None
        if subscription is None
        else SubscriptionPeriod(
            starts_at=int(subscription.starts_at.timestamp()), expires_at=int(subscription.expires_at.timestamp())
        ),
        server=server_trust_of(organization_id),
    )


def server_trust_of(organization_id: str) -> ServerTrust | None:
    """Return what is trusted of the organization's enabled server; None without one."""
    state = (
        KeySetState.objects.select_related("server")
        .filter(server__organization_id=organization_id, server__enabled=True)
        .first()
    )
    if state is None:
        return None
    server = state.server
    return ServerTrust(
        id=str(server.pk),
        name=server.name,
        issuer=rules.expected(server.issuer),
        audience=rules.expected(server.audience),
        client_id=rules.expected(server.client_id),
        accepts_bound_tokens=server.accepts_bound_tokens,
        required_role=server.required_role,
        keys=from_document(state.document),
        # Without a good fetch there are no keys; 0 makes sure of it.
        keys_good_until=0 if state.good_until is None else int(state.good_until.timestamp()),
    )
