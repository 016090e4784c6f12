"""Reading the feed and the verifiers. Synchronous; feed.py runs these functions in threads of its own."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate
from typing import TYPE_CHECKING, Final

import structlog
from django.db.models import Min, Q, Subquery, TextField
from django.db.models.functions import Cast, Coalesce
from django.utils import timezone

from watchword.control.fleet.models import SECRET_MAX, FeedState, TrustRecord, VerifierCredential, secret_hash
from watchword.control.fleet.rules import SILENT_AFTER
from watchword.feed import Page, encode_page

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from django.db.models import QuerySet

PAGE_LENGTH: Final = 500
PAGE_CHARACTERS: Final = 16 * 1024 * 1024
"""Of the documents in a page, unless the first one alone is longer, so that verifiers do not refuse a page with a few
large key sets for its size."""

SEEN_STEP: Final = timedelta(seconds=5)
"""How often a verifier's row is updated, so that not every request writes."""

_NAMED_IN_LOG: Final = 5

_log = structlog.get_logger("watchword.feed")


@dataclass(frozen=True, slots=True)
class Head:
    """The feed's epoch, its newest revision, and the number of revoked credentials."""

    epoch: str
    revision: int
    revocations: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """What a verifier reports about itself: free text of an authenticated client, cut to 64 characters.

    Attributes:
        not_understood: some of the organizations whose trust it cannot read.
        not_understood_count: the number of all of them.
    """

    node: str | None
    version: str | None
    not_understood: tuple[str, ...] = ()
    not_understood_count: int = 0


def head() -> Head:
    """Return the head with one query of one row: it is polled often and must be cheap."""
    state = FeedState.objects.filter(id=1).first()
    if state is None:
        state, _ = FeedState.objects.get_or_create(id=1)
    return Head(state.epoch, state.revision, state.revocations)


def read_page(epoch: str, after: int) -> bytes | None:
    """Return the page of changes after a revision as JSON, or None when there is nothing new.

    A verifier of another epoch, or with a higher revision than the feed's, starts from the beginning.
    """
    newest = head()
    starts_over = epoch != newest.epoch or after > newest.revision
    if starts_over:
        after = 0
    records = list(
        TrustRecord.objects.filter(revision__gt=after)
        .order_by("revision")
        # As stored text: parsing and serialising 500 documents would be wasted work.
        .values_list("revision", Cast("document", TextField()))[: PAGE_LENGTH + 1]
    )
    if not records and not starts_over:
        return None
    kept = _fitting([len(document) for _, document in records])
    complete = len(records) == kept
    records = records[:kept]
    # The last record's revision, not the counter's: verifiers would never see a change that committed between the two
    # queries.
    revision = records[-1][0] if records else after
    return _as_json(Page(newest.epoch, after, revision, complete, ()), [document for _, document in records])


def _fitting(lengths: Sequence[int]) -> int:
    """Return how many of the first documents fit into a page: at least one, if there is one."""
    within = sum(total <= PAGE_CHARACTERS for total in accumulate(lengths))
    return min(len(lengths), PAGE_LENGTH, max(within, 1))


def nothing_new(seen: Head) -> bytes:
    """Return the page for a verifier that is up to date."""
    return _as_json(Page(seen.epoch, seen.revision, seen.revision, complete=True, changes=()), [])


def _as_json(page: Page, documents: Sequence[str]) -> bytes:
    around, _, end = json.dumps(encode_page(page)).rpartition("[]")
    return f"{around}[{','.join(documents)}]{end}".encode()


def verifier_of_secret(secret: str) -> VerifierCredential | None:
    """Return the credential with this secret and the present `revocations`; None for an unknown or revoked one.

    After a rotation, the previous secret counts until its time.
    """
    if not secret or len(secret) > SECRET_MAX:
        return None
    hashed = secret_hash(secret)
    # In the same statement, so that a later revocation ends the wait that may follow.
    so_far = Coalesce(Subquery(FeedState.objects.filter(id=1).values("revocations")), 0)
    is_newest, is_previous = Q(secret_hash=hashed), Q(previous_secret_hash=hashed, previous_until__gt=timezone.now())
    credential = (
        VerifierCredential.objects.filter(is_newest | is_previous, revoked_at__isnull=True)
        .annotate(so_far=so_far)
        .first()
    )
    # The database compares hashes of a random secret, so its timing reveals nothing. Comparing in constant time makes
    # that obvious.
    if credential is None or not any(
        hmac.compare_digest(stored or "", hashed)
        for stored in (credential.secret_hash, credential.previous_secret_hash)
    ):
        return None
    credential.revocations, credential.presented_hash = credential.so_far, hashed
    return credential


def secrets_in_force() -> frozenset[str]:
    """The hashes of all secrets that the feed accepts now."""
    valid = VerifierCredential.objects.filter(revoked_at__isnull=True)
    previous = valid.filter(previous_until__gt=timezone.now()).values_list("previous_secret_hash", flat=True)
    return frozenset(valid.values_list("secret_hash", flat=True)).union(filter(None, previous))


def oldest_credential(now: datetime) -> timedelta | None:
    """The age of the verifiers' oldest secret that is the newest of its verifier; None without a verifier."""
    created = Coalesce("rotated_at", "created_at")
    oldest = VerifierCredential.objects.filter(revoked_at__isnull=True).aggregate(oldest=Min(created))["oldest"]
    return None if oldest is None else now - oldest


def note_seen(credential: VerifierCredential, caller: Caller, revision: int, now: datetime) -> None:
    """Update what the console shows of the verifier, at most once per SEEN_STEP unless something else changed."""
    not_understood = {
        "not_understood": list(caller.not_understood),
        "not_understood_count": caller.not_understood_count,
    }
    lacks_others = any(getattr(credential, name) != value for name, value in not_understood.items())
    uses_newest = credential.presented_hash == credential.secret_hash
    is_new = lacks_others or (uses_newest and not credential.is_newest_used)
    # Checked before the UPDATE, which takes SQLite's write lock even if it changes no row.
    if not is_new and credential.last_seen_at is not None and credential.last_seen_at > now - SEEN_STEP:
        return
    # Not if the secret was rotated meanwhile: `is_newest_used` would then be about another one.
    due = VerifierCredential.objects.filter(pk=credential.pk, secret_hash=credential.secret_hash)
    if not is_new:
        due = due.filter(Q(last_seen_at__isnull=True) | Q(last_seen_at__lte=now - SEEN_STEP))
    due.update(
        last_seen_at=now,
        last_revision=revision,
        node=caller.node,
        version=caller.version,
        is_newest_used=credential.is_newest_used or uses_newest,
        **not_understood,
    )
    if lacks_others:
        _log.warning(
            "trust_not_understood_by_verifier",
            verifier=credential.name,
            organizations=caller.not_understood_count,
            named=list(caller.not_understood[:_NAMED_IN_LOG]),
        )


def following_verifiers(now: datetime) -> QuerySet[VerifierCredential]:
    """Verifiers in `VerifierState.FOLLOWING`."""
    return VerifierCredential.objects.filter(revoked_at__isnull=True, last_seen_at__gte=now - SILENT_AFTER)


def verifiers_that_do_not_understand(organization_id: str, now: datetime) -> tuple[tuple[str, ...], int]:
    """Return the verifiers that cannot read the organization's trust, and the number of following verifiers. One query.

    A verifier that cannot read very many organizations names only some, so it may be missing here.
    """
    rows = list(following_verifiers(now).order_by("name").values_list("name", "not_understood"))
    return tuple(name for name, organizations in rows if organization_id in organizations), len(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """How far an organization's trust has come.

    Attributes:
        revision: of its newest trust; None if none was published.
        verifiers: the number of following verifiers.
        up_to_date: the number of those that have reported this revision or a later one, and can read it.
    """

    revision: int | None
    verifiers: int
    up_to_date: int


def publication_of(organization_id: str, now: datetime) -> Publication:
    """Return how far the organization's trust has come. Two queries."""
    revision = TrustRecord.objects.filter(organization_id=organization_id).values_list("revision", flat=True).first()
    rows = list(following_verifiers(now).values_list("last_revision", "not_understood"))
    up_to_date = sum(
        revision is None or ((reported or 0) >= revision and organization_id not in not_understood)
        for reported, not_understood in rows
    )
    return Publication(revision=revision, verifiers=len(rows), up_to_date=up_to_date)
