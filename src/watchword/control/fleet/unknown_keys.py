"""What verifiers report of tokens that name a key nobody knows yet: perhaps the authorization server has rotated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from watchword.control.servers.key_set_commands import force_for_repeated_key, force_for_unknown_key
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
_REPEATED: Final = "repeated"
"""Left out by verifiers of the time before it was known."""


class UnknownKey(NamedTuple):
    """A key that a token named. `repeated` says that more than one did."""

    organization: str
    kid: str
    repeated: bool = False


class ReportRefused(Exception):
    """The report is not of the agreed form."""


def decode_report(body: bytes) -> frozenset[UnknownKey]:
    """Read a report.

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


def force_refreshes(keys: frozenset[UnknownKey], now: datetime) -> int:
    """Bring forward the fetch of every key set in which a reported kid is missing; returns how many.

    Each organization at most once, and at most as often as the cool-downs allow: what a verifier reports was typed by
    whoever sent the token.
    """
    note_asked_for(frozenset((key.organization, key.kid) for key in keys), now)
    reported: dict[str, set[UnknownKey]] = {}
    for key in keys:
        reported.setdefault(key.organization, set()).add(key)
    stored = KeySetState.objects.filter(server__organization_id__in=reported, server__enabled=True)
    forced = 0
    for organization_id, document in stored.values_list("server__organization_id", "document"):
        known = {jwk.get("kid") for jwk in document or ()}
        missing = [key for key in reported[organization_id] if key.kid not in known]
        if missing:
            forced += force_for_unknown_key(organization_id, now) or (
                any(key.repeated for key in missing) and force_for_repeated_key(organization_id, now)
            )
    return forced


def _decode_pair(pair: object) -> UnknownKey:
    if not isinstance(pair, dict) or pair.keys() - {_REPEATED} != _PAIR_MEMBERS:
        raise ReportRefused
    organization_id, kid, repeated = pair["organization"], pair["kid"], pair.get(_REPEATED, False)
    # U+0000 cannot be a parameter of a PostgreSQL query.
    if not isinstance(organization_id, str) or not isinstance(kid, str) or "\0" in organization_id:
        raise ReportRefused
    if not isinstance(repeated, bool):
        raise ReportRefused
    return UnknownKey(organization_id, kid, repeated)
