"""The trust that requests are decided by: one reference, replaced whole, never changed."""

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
    """One consistent state: what is known, and until when it may be believed (Unix seconds)."""

    snapshot: Snapshot
    heard_at: float
    good_until: float


class CurrentSnapshot:
    """Holds the current view. Written by the feed's thread alone, read by anyone without a lock.

    Attributes:
        on_swap: each is called, in the feed's thread, after the view was replaced.
        schema_unknown: whether the feed's pages are of a schema that this version does not understand.
        page_refused: whether the feed's last page could not be applied, so that no change arrives.
        leaving: the process has been asked to stop; it still answers, and nobody should be sent here any more.
    """

    def __init__(self, *, hard_limit: float, soft_limit: float | None = None) -> None:
        """Hold nothing yet.

        Args:
            hard_limit: seconds without word from the control plane after which nothing is decided any more.
            soft_limit: seconds after which operators are warned; the hard limit when left out.
        """
        self._hard_limit = hard_limit
        self._soft_limit = hard_limit if soft_limit is None else min(soft_limit, hard_limit)
        self.on_swap: list[Callable[[], None]] = []
        self.schema_unknown = False
        self.page_refused = False
        self.leaving = False
        self.view: View | None = None
        """None until something is known; every request is then denied."""

    def swap(self, snapshot: Snapshot, *, heard_at: float) -> None:
        """Decide by `snapshot` from now on; `heard_at` is when the control plane last confirmed it."""
        # One assignment of one object: a request sees the old view or the new one, never a mixture.
        self.view = View(snapshot, heard_at, heard_at + self._hard_limit)
        for call in self.on_swap:
            call()

    def confirm(self, heard_at: float) -> None:
        """The control plane says that nothing has changed."""
        if self.view is not None:
            self.swap(self.view.snapshot, heard_at=heard_at)

    def not_understood(self) -> list[NotUnderstood]:
        """The organizations whose tokens are refused because this version cannot read their trust."""
        return [] if self.view is None else Organizations.of(self.view.snapshot.organizations).not_understood()

    def is_stale(self, now: float) -> bool:
        """Whether there is a snapshot and it is beyond the soft limit."""
        return self.view is not None and not now < self.view.heard_at + self._soft_limit

    def why_not_ready(self, now: float) -> str | None:
        """A sentence for the operator while no gateway should ask here, None when all is well."""
        return "Stopping." if self.leaving else self.why_undecidable(now)

    def why_undecidable(self, now: float) -> str | None:
        """A sentence for the operator when requests cannot be decided, None when they can."""
        view = self.view
        if view is None:
            if self.schema_unknown:
                return f"No snapshot yet: {_SCHEMA_UNKNOWN}"
            return "No snapshot yet: the feed has not answered and there is no usable copy on disk."
        if not now < view.good_until:
            return f"The snapshot is {now - view.heard_at:.0f} s old; the limit is {self._hard_limit:.0f} s."
        return None

    def warning(self, now: float) -> str | None:
        """For the operator: what stops some requests from being decided, or will stop all. None if nothing does."""
        if self.view is None:
            return None
        sentences = []
        if self.schema_unknown:
            sentences.append(f"{_SCHEMA_UNKNOWN[0].upper()}{_SCHEMA_UNKNOWN[1:]}")
        elif self.page_refused:
            sentences.append("The control plane's last page of changes cannot be applied: no change arrives.")
        if self.schema_unknown or self.page_refused or self.is_stale(now):
            age = now - self.view.heard_at
            sentences.append(f"The snapshot is {age:.0f} s old; it is believed up to {self._hard_limit:.0f} s.")
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
