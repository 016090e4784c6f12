"""What verifiers report of tokens that name a key nobody knows yet: perhaps the authorization server has rotated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from watchword.control.servers.key_set_commands import force_for_unknown_key
from watchword.control.servers.models import KeySetState
from watchword.control.servers.rotation_commands import note_asked_for
from watchword.core.strict_json import JsonRefused, parse_object

if TYPE_CHECKING:
    from datetime import datetime

MAX_PAIRS: Final = 100
MAX_BYTES: Final = 16 * 1024
SCHEMA: Final = 1
_MEMBERS: Final = frozenset({"schema", "pairs"})
_PAIR_MEMBERS: Final = frozenset({"organization", "kid"})


class ReportRefused(Exception):
    """The report is not of the agreed form."""


def decode_report(body: bytes) -> frozenset[tuple[str, str]]:
    """Read a report as (organization, kid) pairs.

    Raises:
        ReportRefused: for anything that is not exactly of the agreed form.
    """
    try:
        document = parse_object(body)
    except JsonRefused:
        raise ReportRefused from None
    pairs = document.get("pairs")
    if document.keys() != _MEMBERS or document["schema"] != SCHEMA or not isinstance(pairs, list):
        raise ReportRefused
    if len(pairs) > MAX_PAIRS:
        raise ReportRefused
    return frozenset(_decode_pair(pair) for pair in pairs)


def force_refreshes(pairs: frozenset[tuple[str, str]], now: datetime) -> int:
    """Bring forward the fetch of every key set in which a reported kid is missing; returns how many.

    Each organization at most once, and at most once per cool-down: what a verifier reports was typed by whoever sent
    the token.
    """
    note_asked_for(pairs, now)
    reported: dict[str, set[str]] = {}
    for organization_id, kid in pairs:
        reported.setdefault(organization_id, set()).add(kid)
    stored = KeySetState.objects.filter(server__organization_id__in=reported, server__enabled=True)
    forced = 0
    for organization_id, document in stored.values_list("server__organization_id", "document"):
        known = {key.get("kid") for key in document or ()}
        if not reported[organization_id] <= known:
            forced += force_for_unknown_key(organization_id, now)
    return forced


def _decode_pair(pair: object) -> tuple[str, str]:
    if not isinstance(pair, dict) or pair.keys() != _PAIR_MEMBERS:
        raise ReportRefused
    organization_id, kid = pair["organization"], pair["kid"]
    # U+0000 cannot be a parameter of a PostgreSQL query.
    if not isinstance(organization_id, str) or not isinstance(kid, str) or "\0" in organization_id:
        raise ReportRefused
    return organization_id, kid
