"""What verifiers report: usage, and tokens that name unknown keys, which may mean a key rotation.

Synchronous; feed.py runs these functions in threads of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import structlog
from django.conf import settings

from watchword.control.activity.batches import decode_batch
from watchword.control.activity.commands import apply_batch, review_thresholds
from watchword.control.activity.refused_batches import BatchImplausible, report_refused
from watchword.control.servers.forced_fetch_commands import force_for_repeated_key, force_for_unknown_key
from watchword.control.servers.models import KeySetState
from watchword.control.servers.rotation_commands import note_asked_for
from watchword.core.strict_json import JsonRefused, parse_object

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.fleet.models import VerifierCredential

MAX_PAIRS: Final = 100
MAX_BYTES: Final = 16 * 1024
SCHEMA: Final = 1
_log = structlog.get_logger("watchword.feed")

_MEMBERS: Final = frozenset({"schema", "pairs"})
_PAIR_MEMBERS: Final = frozenset({"organization", "kid"})
_REPEATED: Final = "repeated"
"""Absent in reports of older verifiers."""


class UnknownKey(NamedTuple):
    """A key that a token named; `repeated` if more than one token did."""

    organization: str
    kid: str
    repeated: bool = False


class ReportRefused(Exception):
    """The report has another form."""


def decode_report(body: bytes) -> frozenset[UnknownKey]:
    """Read a report.

    Raises:
        ReportRefused: the report has another form.
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

    At most once per organization, and not more often than the cool-downs allow, because clients choose the kids.
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


def apply_usage(credential: VerifierCredential, body: bytes, now: datetime) -> None:
    """Apply a batch, then review the thresholds of the organizations in it.

    Raises:
        BatchRefused: the batch is not of the agreed form.
        BatchImplausible: it cannot be true; reported to operators.
        DatabaseError: nothing was applied; the verifier sends it again.
    """
    batch = decode_batch(body)
    kept_days = settings.WATCHWORD.usage_kept_days
    try:
        applied = apply_batch(credential.pk, batch, now, kept_days=kept_days, known_since=credential.created_at)
    except BatchImplausible as refused:
        _log.error("usage_batch_implausible", verifier=credential.name, problem=refused.problem.value)
        report_refused(credential.pk, credential.name, refused.problem, now)
        raise
    if batch.dropped and not applied.again:
        _log.warning("usage_lines_dropped", lines=batch.dropped)
    if applied.unknown:
        _log.warning("usage_of_nobody", calls=applied.unknown)
    try:
        review_thresholds(applied.touched, now)
    except Exception as fault:  # noqa: BLE001 - the batch is applied, so the response must not say otherwise.
        # The next batch reviews again, and so does the worker.
        _log.error("threshold_not_reviewed", fault=type(fault).__name__)
