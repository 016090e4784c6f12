"""Replacing keys, and the history of every key: used by the commands of administrators and of the worker."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from watchword.control.servers.models import KeyHistory
from watchword.core.jwk import SigningKey, admit_key

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from watchword.control.base.audit_log import Scalar
    from watchword.control.servers.models import KeySetState

WITHDRAWN_KEPT: Final = 256
"""Withdrawn keys kept per server, newest first, so that a server with ever new keys cannot fill the disk."""


@dataclass(frozen=True, slots=True)
class KeyChange:
    """Added and removed keys as "kid (thumbprint)", for the audit log; `abrupt` if no key stayed."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    abrupt: bool = False

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)

    def as_changes(self) -> dict[str, list[Scalar]]:
        """Return the change as the audit log's pairs of before and after."""
        changes: dict[str, list[Scalar]] = {}
        if self.added:
            changes["keys_added"] = [None, ", ".join(self.added)]
        if self.removed:
            changes["keys_removed"] = [", ".join(self.removed), None]
        return changes


def to_document(keys: Iterable[SigningKey]) -> list[dict[str, str]]:
    """Return the keys' public members in a fixed order, so that a server that reorders its keys changes nothing."""
    return [key.to_jwk() for key in sorted(keys, key=lambda key: (key.kid or "", key.thumbprint))]


def from_document(document: list[object] | None) -> tuple[SigningKey, ...]:
    """Return the stored keys, admitted again.

    Keys that the present rules refuse are dropped without an error: otherwise one such key would block every change of
    the organization's trust, even its suspension.
    """
    entries = [admit_key(jwk) for jwk in document or []]
    return tuple(entry for entry in entries if isinstance(entry, SigningKey))


def from_unix(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)


def put_keys(
    state: KeySetState, keys: tuple[SigningKey, ...], *, etag: str | None, fetched_at: datetime, good_until: datetime
) -> KeyChange:
    """Replace the keys in the caller's `state` by those of a good fetch, and update the history.

    The caller holds the organization's lock and saves the state.

    Raises:
        ValueError: `keys` is empty. An empty set never replaces keys (J-20, J-22).
    """
    if not keys:
        raise ValueError("keys are never replaced by an empty set")
    previous = from_document(state.document)
    before = {_label(key) for key in previous}
    after = {_label(key) for key in keys}
    state.document = to_document(keys)
    state.etag = etag
    # The history first: a removed key must not count as seen in this fetch.
    if before != after:
        _keep_history(state.server_id, keys, fetched_at)
    confirm_keys(state, fetched_at=fetched_at, good_until=good_until)
    return KeyChange(
        added=tuple(sorted(after - before)),
        removed=tuple(sorted(before - after)),
        abrupt=bool(previous) and {_identity(key) for key in previous}.isdisjoint(map(_identity, keys)),
    )


def confirm_keys(state: KeySetState, *, fetched_at: datetime, good_until: datetime) -> None:
    """Record in the caller's `state` and in the history that the stored keys are still published."""
    state.fetched_at = fetched_at
    state.good_until = good_until
    state.failing_since = None
    state.failures = 0
    state.problem = None
    state.failing_reported_at = None
    KeyHistory.objects.filter(server_id=state.server_id, withdrawn_at__isnull=True).update(last_seen_at=fetched_at)


def labels(state: KeySetState) -> tuple[str, ...]:
    """Return the stored keys, each as "kid (thumbprint)"."""
    return tuple(sorted(_label(key) for key in from_document(state.document)))


def _identity(key: SigningKey) -> tuple[str | None, str]:
    return key.kid, key.thumbprint


def _label(key: SigningKey) -> str:
    # With all declarations: the same key with another `alg` or for another issuer verifies other tokens.
    name = "without kid" if key.kid is None else key.kid
    declared = "" if key.alg is None else f" {key.alg}"
    bound = "" if key.issuer is None else f" for {key.issuer}"
    return f"{name}{declared}{bound} ({key.thumbprint})"


def _keep_history(server_id: UUID, keys: tuple[SigningKey, ...], at: datetime) -> None:
    rows = {(row.kid, row.thumbprint): row for row in KeyHistory.objects.filter(server_id=server_id)}
    current = {_identity(key): key for key in keys}
    KeyHistory.objects.filter(
        pk__in=[row.pk for identity, row in rows.items() if identity not in current and row.withdrawn_at is None]
    ).update(withdrawn_at=at)
    for identity, key in current.items():
        row = rows.get(identity) or KeyHistory(
            server_id=server_id, kid=key.kid, kty=key.kty, thumbprint=key.thumbprint, first_seen_at=at
        )
        row.alg, row.bits, row.last_seen_at, row.withdrawn_at = key.alg, key.bits, at, None
        row.asked_at = None
        row.save()
    _forget_oldest(server_id)


def _forget_oldest(server_id: UUID) -> None:
    withdrawn = KeyHistory.objects.filter(server_id=server_id, withdrawn_at__isnull=False)
    kept = withdrawn.order_by("-withdrawn_at", "-pk").values_list("pk", flat=True)[:WITHDRAWN_KEPT]
    withdrawn.exclude(pk__in=list(kept)).delete()
