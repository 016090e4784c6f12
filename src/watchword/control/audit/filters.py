"""The audit log's filters, read from the URL's query. Pure."""

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
"""No event is older."""

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
"""The value for events without an organization. No organization can have this id."""


@dataclass(frozen=True, slots=True)
class Active:
    """One set filter: its name and value in the URL, its label and value on the page."""

    name: str
    label: str
    value: str
    shown: str


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of a request.

    Attributes:
        typed: the values by name, only those that are set.
        since, until: from the beginning of the first day to the end of the last, UTC.
        faults: a sentence for each invalid value. The page then shows no events, because ignoring a filter would show
            events that do not match.
    """

    typed: Mapping[str, str] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None
    faults: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, query: Mapping[str, str], *, with_organization: bool) -> Filters:
        """Read the filters; other parameters are ignored."""
        names = [name for name in _LABELS if name != "organization" or with_organization]
        typed = {name: value for name in names if (value := query.get(name, "").strip())}
        faults = {name: fault for name, value in typed.items() if (fault := _fault(name, value)) is not None}
        since = None if "from" in faults else _midnight(typed.get("from"))
        to = None if "to" in faults else _midnight(typed.get("to"))
        until = None if to is None else to + timedelta(days=1)
        if since is not None and until is not None and since >= until:
            faults["to"] = "To is before From."
        return cls(typed, since, until, faults)

    @property
    def active(self) -> tuple[Active, ...]:
        return tuple(
            Active(name, _LABELS[name], value, _shown(name, value)) for name, value in self.typed.items()
        )  # fmt: skip

    def value(self, name: str) -> str:
        return self.typed.get(name, "")

    def address(self, *, without: str | None = None, **more: object) -> str:
        """Return the query string of these filters, beginning with `?`."""
        kept = {name: value for name, value in self.typed.items() if name != without}
        return f"?{urlencode({**kept, **more})}"

    def __str__(self) -> str:
        return "; ".join(f"{active.label}: {active.shown}" for active in self.active)


def _fault(name: str, value: str) -> str | None:
    if len(value) > LENGTH_MAX or "\0" in value:
        return f"{_LABELS[name]} is longer than {LENGTH_MAX} characters or contains an invalid character."
    if name in _CHOICES and value not in _CHOICES[name]:
        return f"{_LABELS[name]} must be a value of the list."
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
    # Times a few hours before and a day after must also be valid dates.
    return datetime.combine(day, time(), UTC) if EARLIEST <= day < date.max else None


def _shown(name: str, value: str) -> str:
    if name == "organization" and value == OWN:
        return "the provider's own"
    return _CHOICES.get(name, {}).get(value, value)
