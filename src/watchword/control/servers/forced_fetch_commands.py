"""Bringing the fetch of a key set forward: for an unknown kid, for a repeated one, or for an administrator."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Q

from watchword.control.servers.key_sets import from_unix
from watchword.control.servers.models import KeySetState
from watchword.jwks.schedule import FORCED_COOL_DOWN, HEAD_START, REPEATED_APART, spend_on_repeated_kid

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


def force_for_unknown_key(organization_id: str, now: datetime) -> bool:
    """Bring forward the next fetch of the organization's enabled server, at most once per `FORCED_COOL_DOWN`.

    The stamp is set before the fetch, so that failed fetches count, too (J-16). The background refresh continues: a
    forced fetch only makes `due_at` earlier.

    Returns:
        Whether a fetch was brought forward.
    """
    server_id = KeySetState.objects.filter(
        server__organization_id=organization_id, server__enabled=True
    ).values_list("server_id", flat=True).first()  # fmt: skip
    return server_id is not None and bring_forward(server_id, now, stamp="forced_at")


def force_for_repeated_key(organization_id: str, now: datetime) -> bool:
    """Bring forward the fetch of the organization's enabled server for a kid that more than one token named.

    These fetches have a separate allowance, which tokens with random kids cannot use up. Nothing is spent while a fetch
    is due or in progress; the verifier reports again as long as requests wait.

    Returns:
        Whether a fetch was brought forward.
    """
    state = KeySetState.objects.filter(server__organization_id=organization_id, server__enabled=True).first()
    if state is None or state.due_at <= now or (state.lease_until is not None and now < state.lease_until):
        return False
    if state.attempted_at is not None and 0 <= (now - state.attempted_at).total_seconds() < REPEATED_APART:
        return False
    before = state.spent_until
    spent = spend_on_repeated_kid(now.timestamp(), None if before is None else before.timestamp())
    if spent is None:
        return False
    # Of concurrent reports only one spends, and none if a fetch was claimed meanwhile.
    unchanged = KeySetState.objects.filter(pk=state.pk, spent_until=before, fetch_number=state.fetch_number)
    return unchanged.update(spent_until=from_unix(spent), due_at=ahead_of_background(now)) == 1


def bring_forward(server_id: UUID, now: datetime, *, stamp: str) -> bool:
    """Make the key set due now, unless that happened less than `FORCED_COOL_DOWN` ago for the same reason.

    Args:
        server_id: whose key set.
        now: the time of the request.
        stamp: `forced_at` for an unknown kid, `requested_at` for an administrator.
    """
    # A stamp in the future, from before the clock was set back, does not block.
    cooled = (
        Q(**{f"{stamp}__isnull": True})
        | Q(**{f"{stamp}__lte": now - timedelta(seconds=FORCED_COOL_DOWN)})
        | Q(**{f"{stamp}__gt": now})
    )
    if KeySetState.objects.filter(cooled, server_id=server_id).update(**{stamp: now}) != 1:
        return False
    due = ahead_of_background(now)
    KeySetState.objects.filter(server_id=server_id, due_at__gt=due).update(due_at=due)
    return True


def ahead_of_background(now: datetime) -> datetime:
    return now - timedelta(seconds=HEAD_START)
