"""Events and the chain's state as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchword.control.audit.actions import ACTIONS, FIELDS, INTERFACES, REASONS, RESULTS, label_of
from watchword.control.audit.checkpoint import OVERDUE
from watchword.control.base.audit_log import SUCCESS

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.audit.models import AuditCheckpoint, AuditEvent


@dataclass(frozen=True, slots=True)
class Difference:
    """One changed field; None if it had or has no value."""

    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event as text for the page and the CSV export."""

    event: AuditEvent

    @property
    def what(self) -> str:
        return ACTIONS.get(self.event.action) or label_of(self.event.action)

    @property
    def interface(self) -> str:
        return INTERFACES.get(self.event.interface) or label_of(self.event.interface)

    @property
    def result(self) -> str:
        return RESULTS[self.event.result]

    @property
    def succeeded(self) -> bool:
        return self.event.result == SUCCESS

    @property
    def why_refused(self) -> str | None:
        """The reason of a refusal. The event has its code as the new value of `reason`."""
        if self.succeeded or "reason" not in self.event.changes:
            return None
        code = str(self.event.changes["reason"][1])
        return REASONS.get(code) or label_of(code)

    @property
    def differences(self) -> tuple[Difference, ...]:
        if not self.succeeded:
            return ()
        return tuple(
            Difference(FIELDS.get(name) or label_of(name), _shown(before), _shown(after))
            for name, (before, after) in self.event.changes.items()
        )


@dataclass(frozen=True, slots=True)
class ChainState:
    """The worker's verification state; None before its first step."""

    checkpoint: AuditCheckpoint | None
    now: datetime

    @property
    def fault(self) -> str | None:
        return None if self.checkpoint is None else self.checkpoint.fault

    @property
    def is_overdue(self) -> bool:
        return self.checkpoint is not None and self.now - self.checkpoint.verified_at > OVERDUE


def _shown(value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
