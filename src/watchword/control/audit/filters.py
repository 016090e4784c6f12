"""The filters of the audit log, as the address holds them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from watchword.control.audit.actions import ACTIONS, INTERFACES, RESULTS

if TYPE_CHECKING:
    from collections.abc import Mapping

LENGTH_MAX: Final = 254

EARLIEST: Final = date(1970, 1, 1)
"""No event is older than computers' clocks."""

_CHOICES: Final = {"action": ACTIONS, "result": RESULTS, "interface": INTERFACES}
_LABELS: Final = {
    "organization": "Organization",
    "who": "Who",
    "action": "What",
    "target": "Target",
    "result": "Result",
    "interface": "Interface",
    "from": "From",
    "to": "To",
}

OWN: Final = "-"
"""Instead of an organization: the events that belong to none. No organization can be called so."""


@dataclass(frozen=True, slots=True)
class Active:
    """One filter that is set: its name in the address, what it is called, its value there and on the page."""

    name: str
    label: str
    value: str
    shown: str


@dataclass(frozen=True, slots=True)
class Filters:
    """What was asked for.

    Attributes:
        typed: the address' values by name, only those that are set.
        since, until: from the beginning of the one day to the end of the other, UTC.
        faults: a sentence for each value that cannot be read. Then nothing is shown: without the filter the page
            would show more than was asked for, and look as if that were all.
    """

    typed: Mapping[str, str] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None
    faults: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, query: Mapping[str, str], *, with_organization: bool) -> Filters:
        """Read them from the address; other parameters are none of ours."""
        names = [name for name in _LABELS if name != "organization" or with_organization]
        typed = {name: value for name in names if (value := query.get(name, "").strip())}
        faults = {name: fault for name, value in typed.items() if (fault := _fault(name, value)) is not None}
        since = None if "from" in faults else _midnight(typed.get("from"))
        to = None if "to" in faults else _midnight(typed.get("to"))
        until = None if to is None else to + timedelta(days=1)
        if since is not None and until is not None and since >= until:
            faults["to"] = "To lies before From."
        return cls(typed, since, until, faults)

    @property
    def active(self) -> tuple[Active, ...]:
        return tuple(
            Active(name, _LABELS[name], value, _shown(name, value)) for name, value in self.typed.items()
        )  # fmt: skip

    def value(self, name: str) -> str:
        return self.typed.get(name, "")

    def address(self, *, without: str | None = None, **more: object) -> str:
        """The query string that holds these filters, beginning with `?`."""
        kept = {name: value for name, value in self.typed.items() if name != without}
        return f"?{urlencode({**kept, **more})}"

    def __str__(self) -> str:
        return "; ".join(f"{active.label}: {active.shown}" for active in self.active)


def _fault(name: str, value: str) -> str | None:
    if len(value) > LENGTH_MAX or "\0" in value:
        return f"{_LABELS[name]} is longer than {LENGTH_MAX} characters or holds one that no text can hold."
    if name in _CHOICES and value not in _CHOICES[name]:
        return f"{_LABELS[name]} must be one of the list."
    if name in {"from", "to"} and _midnight(value) is None:
        return f"{_LABELS[name]} must be a date since {EARLIEST.year}, such as 2026-11-24."
    return None


def _midnight(value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return None
    # What is computed from it, hours before and a day after, must be a date that Python knows, too.
    return datetime.combine(day, time(), UTC) if EARLIEST <= day < date.max else None


def _shown(name: str, value: str) -> str:
    if name == "organization" and value == OWN:
        return "the provider's own"
    return _CHOICES.get(name, {}).get(value, value)
