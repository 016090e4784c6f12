"""Reading the feed and the fleet. Synchronous; feed.py runs these in threads of its own."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate
from typing import TYPE_CHECKING, Final

import structlog
from django.db.models import Q, Subquery, TextField
from django.db.models.functions import Cast, Coalesce

from watchword.control.fleet.credentials import SECRET_MAX, secret_hash
from watchword.control.fleet.models import FeedState, TrustRecord, VerifierCredential
from watchword.control.fleet.rules import SILENT_AFTER
from watchword.feed import Page, encode_page

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from django.db.models import QuerySet

PAGE_LENGTH: Final = 500
PAGE_CHARACTERS: Final = 16 * 1024 * 1024
"""Of the documents in a page, unless the first one alone is longer. Large key sets of a few organizations must not make
a page that verifiers refuse for its size."""

SEEN_STEP: Final = timedelta(seconds=5)
"""How often one verifier's figures are written; a write per request would load the database for nothing."""

_NAMED_IN_LOG: Final = 5

_log = structlog.get_logger("watchword.feed")


@dataclass(frozen=True, slots=True)
class Head:
    """Where the feed is: its epoch, the newest revision given out, and how many credentials were revoked."""

    epoch: str
    revision: int
    revocations: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """What a verifier says of itself. Free text of an authenticated party, cut to 64 characters.

    Attributes:
        not_understood: some of the organizations whose trust it cannot read, and
        not_understood_count: how many there are.
    """

    node: str | None
    version: str | None
    not_understood: tuple[str, ...] = ()
    not_understood_count: int = 0


def head() -> Head:
    """One query of one row; the feed's poller lives on it being cheap."""
    state = FeedState.objects.filter(id=1).first()
    if state is None:
        state, _ = FeedState.objects.get_or_create(id=1)
    return Head(state.epoch, state.revision, state.revocations)


def read_page(epoch: str, after: int) -> bytes | None:
    """The page of changes after a revision as JSON, or None when there is nothing new.

    A reader of another epoch, or one that claims to know more than there is, starts from the beginning.
    """
    newest = head()
    starts_over = epoch != newest.epoch or after > newest.revision
    if starts_over:
        after = 0
    records = list(
        TrustRecord.objects.filter(revision__gt=after)
        .order_by("revision")
        # As the text that is stored: half a thousand documents would be taken apart only to be put together again.
        .values_list("revision", Cast("document", TextField()))[: PAGE_LENGTH + 1]
    )
    if not records and not starts_over:
        return None
    kept = _fitting([len(document) for _, document in records])
    complete = len(records) == kept
    records = records[:kept]
    # The revision reached is that of the last record seen, not the counter's: a change that committed between the two
    # queries would be skipped for ever.
    revision = records[-1][0] if records else after
    return _as_json(Page(newest.epoch, after, revision, complete, ()), [document for _, document in records])


def _fitting(lengths: Sequence[int]) -> int:
    """How many of the first documents make a page: at least one, if there is one."""
    within = sum(total <= PAGE_CHARACTERS for total in accumulate(lengths))
    return min(len(lengths), PAGE_LENGTH, max(within, 1))


def nothing_new(seen: Head) -> bytes:
    """The page for somebody who knows everything."""
    return _as_json(Page(seen.epoch, seen.revision, seen.revision, complete=True, changes=()), [])


def _as_json(page: Page, documents: Sequence[str]) -> bytes:
    around, _, end = json.dumps(encode_page(page)).rpartition("[]")
    return f"{around}[{','.join(documents)}]{end}".encode()


def verifier_of_secret(secret: str) -> VerifierCredential | None:
    """The verifier that holds the secret, as of so many `revocations`; None for an unknown or revoked one."""
    if not secret or len(secret) > SECRET_MAX:
        return None
    hashed = secret_hash(secret)
    # In the same statement: a revocation after it ends the wait that may follow.
    so_far = Coalesce(Subquery(FeedState.objects.filter(id=1).values("revocations")), 0)
    credential = (
        VerifierCredential.objects.filter(secret_hash=hashed, revoked_at__isnull=True).annotate(so_far=so_far).first()
    )
    # The database's comparison may stop at the first difference; it compares hashes of a random secret, so its time
    # tells nothing. The constant-time comparison spares the next reader that thought.
    if credential is None or not hmac.compare_digest(credential.secret_hash, hashed):
        return None
    credential.revocations = credential.so_far
    return credential


def is_revoked(credential_id: int) -> bool:
    return not VerifierCredential.objects.filter(pk=credential_id, revoked_at__isnull=True).exists()


def credentials_in_force() -> frozenset[int]:
    return frozenset(VerifierCredential.objects.filter(revoked_at__isnull=True).values_list("pk", flat=True))


def note_seen(credential: VerifierCredential, caller: Caller, revision: int, now: datetime) -> None:
    """Keep what the console shows of the verifier, at most once per SEEN_STEP, unless it lacks other organizations."""
    not_understood = {
        "not_understood": list(caller.not_understood),
        "not_understood_count": caller.not_understood_count,
    }
    is_new = any(getattr(credential, name) != value for name, value in not_understood.items())
    # Looked at before the UPDATE, which would take SQLite's one write lock also when it changes no row.
    if not is_new and credential.last_seen_at is not None and credential.last_seen_at > now - SEEN_STEP:
        return
    due = VerifierCredential.objects.filter(pk=credential.pk)
    if not is_new:
        due = due.filter(Q(last_seen_at__isnull=True) | Q(last_seen_at__lte=now - SEEN_STEP))
    due.update(last_seen_at=now, last_revision=revision, node=caller.node, version=caller.version, **not_understood)
    if is_new:
        _log.warning(
            "trust_not_understood_by_verifier",
            verifier=credential.name,
            organizations=caller.not_understood_count,
            named=list(caller.not_understood[:_NAMED_IN_LOG]),
        )


def following_verifiers(now: datetime) -> QuerySet[VerifierCredential]:
    """Those in `VerifierState.FOLLOWING`."""
    return VerifierCredential.objects.filter(revoked_at__isnull=True, last_seen_at__gte=now - SILENT_AFTER)


def verifiers_that_do_not_understand(organization_id: str, now: datetime) -> tuple[tuple[str, ...], int]:
    """The names of the verifiers that cannot read the organization's trust, and how many verifiers follow. One query.

    A verifier that lacks very many organizations names only some of them, and is then missing here.
    """
    rows = list(following_verifiers(now).order_by("name").values_list("name", "not_understood"))
    return tuple(name for name, organizations in rows if organization_id in organizations), len(rows)
