"""The current trust of all organizations: an immutable view, replaced as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from watchword.feed import PAGE_SCHEMA, Organizations

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword.core.trust import NotUnderstood
    from watchword.feed import Snapshot


@dataclass(frozen=True, slots=True)
class View:
    """A snapshot, when the control plane last confirmed it, and until when it is valid (Unix seconds)."""

    snapshot: Snapshot
    heard_at: float
    good_until: float


class CurrentSnapshot:
    """Holds the current view. Only the feed's thread writes it; every thread reads it without a lock.

    Attributes:
        on_swap: functions that the feed's thread calls after it replaced the view.
        schema_unknown: whether the feed's pages have a schema that this version does not understand.
        page_refused: whether the feed's last page could not be applied, so that no change arrives.
        stopping: whether the process is about to stop. It still answers, but should get no new traffic.
    """

    def __init__(self, *, hard_limit: float, soft_limit: float | None = None) -> None:
        """Start without a snapshot.

        Args:
            hard_limit: seconds without contact to the control plane after which every request is denied.
            soft_limit: seconds after which operators are warned; the hard limit if omitted.
        """
        self._hard_limit = hard_limit
        self._soft_limit = hard_limit if soft_limit is None else min(soft_limit, hard_limit)
        self.on_swap: list[Callable[[], None]] = []
        self.schema_unknown = False
        self.page_refused = False
        self.stopping = False
        self.view: View | None = None
        """None before the first snapshot; every request is then denied."""

    def swap(self, snapshot: Snapshot, *, heard_at: float) -> None:
        """Use `snapshot` from now on; `heard_at` (Unix seconds) is when the control plane last confirmed it."""
        # One assignment of one object: a request sees the old view or the new one, never a mixture.
        self.view = View(snapshot, heard_at, heard_at + self._hard_limit)
        for call in self.on_swap:
            call()

    def confirm(self, heard_at: float) -> None:
        """Extend the view's validity, because the control plane reported no change."""
        if self.view is not None:
            self.swap(self.view.snapshot, heard_at=heard_at)

    def not_understood(self) -> list[NotUnderstood]:
        """The organizations whose tokens are refused because this version cannot read their trust."""
        return [] if self.view is None else Organizations.of(self.view.snapshot.organizations).not_understood()

    def is_stale(self, now: float) -> bool:
        """Whether there is a snapshot older than the soft limit."""
        return self.view is not None and not now < self.view.heard_at + self._soft_limit

    def why_not_ready(self, now: float) -> str | None:
        """A sentence for the operator if gateways should not send requests here, else None."""
        return "Stopping." if self.stopping else self.why_undecidable(now)

    def why_undecidable(self, now: float) -> str | None:
        """A sentence for the operator if requests cannot be decided, else None."""
        view = self.view
        if view is None:
            if self.schema_unknown:
                return f"No snapshot yet: {_SCHEMA_UNKNOWN}"
            return "No snapshot yet: the feed has not answered and there is no usable copy on disk."
        if not now < view.good_until:
            return f"The snapshot is {now - view.heard_at:.0f} s old; the limit is {self._hard_limit:.0f} s."
        return None

    def warning(self, now: float) -> str | None:
        """Sentences for the operator about problems that affect some requests now, or all of them later; else None."""
        if self.view is None:
            return None
        sentences = []
        if self.schema_unknown:
            sentences.append(f"{_SCHEMA_UNKNOWN[0].upper()}{_SCHEMA_UNKNOWN[1:]}")
        elif self.page_refused:
            sentences.append("The control plane's last page of changes cannot be applied: no change arrives.")
        if self.schema_unknown or self.page_refused or self.is_stale(now):
            age = now - self.view.heard_at
            sentences.append(f"The snapshot is {age:.0f} s old; the limit is {self._hard_limit:.0f} s.")
        if organizations := [trust.organization for trust in self.not_understood()]:
            sentences.append(_not_understood(organizations))
        return " ".join(sentences) or None


def _not_understood(organizations: list[str]) -> str:
    named = ", ".join(organizations[:_NAMED]) + (", ..." if len(organizations) > _NAMED else "")
    return (
        f"This verifier does not understand the trust of {len(organizations)} organization(s) "
        f"and refuses their tokens: {named}. Upgrade it."
    )


_NAMED: Final = 5
_SCHEMA_UNKNOWN: Final = (
    f"the control plane sends pages of another schema than {PAGE_SCHEMA}, the one that this version understands. "
    "Upgrade this verifier."
)
