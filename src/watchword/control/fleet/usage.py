"""What verifiers report of the calls that they decided. Synchronous; feed.py runs it in threads of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from django.conf import settings

from watchword.control.activity.batches import MAX_BYTES, BatchRefused, decode_batch
from watchword.control.activity.commands import apply_batch, review
from watchword.control.activity.refused_batches import BatchImplausible, report_refused

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.fleet.models import VerifierCredential

__all__ = ["MAX_BYTES", "BatchImplausible", "BatchRefused", "take_in"]

_log = structlog.get_logger("watchword.feed")


def take_in(credential: VerifierCredential, body: bytes, now: datetime) -> None:
    """Add a batch up, then see to the thresholds of the organizations in it.

    Raises:
        BatchRefused: the batch is not of the agreed form.
        BatchImplausible: it cannot be true; operators are informed.
        DatabaseError: nothing of it was added up; the verifier sends it again.
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
        review(applied.touched, now)
    except Exception as fault:  # noqa: BLE001 - the batch has been added up, and must not be answered as if it had not.
        # The next batch asks again, and so does the worker.
        _log.error("threshold_not_reviewed", fault=type(fault).__name__)
