"""Pages of a list by the keys of its order: as fast at the end of a long list as at its beginning, without a count."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from django.db.models import Model, Q

from watchword.core.characters import is_printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from django.db.models import QuerySet

M = TypeVar("M", bound=Model)
R = TypeVar("R")

AFTER: Final = "after"
BEFORE: Final = "before"
PAGE_LENGTH: Final = 50
_BETWEEN: Final = "~"
_POSITION_MAX: Final = 200


def moment(text: str) -> datetime:
    """Raises ValueError for what is no instant that a database could hold."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("an instant has a time zone")
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("beyond the calendar") from error


@dataclass(frozen=True, slots=True)
class Key:
    """One column of an order.

    Attributes:
        field: its path, such as `subscription__expires_at`.
        read: makes its value of the text in an address; raises ValueError.
    """

    field: str
    read: Callable[[str], Any]

    def of(self, row: Model) -> str:
        value = attrgetter(self.field.replace("__", "."))(row)
        return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)


@dataclass(frozen=True, slots=True)
class Order:
    """A total order, so that a position names one place: the last key is unique. All keys go the same way."""

    keys: tuple[Key, ...]
    descending: bool = False

    def sorted(self, rows: QuerySet[M], *, backwards: bool) -> QuerySet[M]:
        sign = "-" if self.descending != backwards else ""
        return rows.order_by(*(f"{sign}{key.field}" for key in self.keys))

    def beyond(self, position: tuple[Any, ...], *, backwards: bool) -> Q:
        """What comes after the position, or before it."""
        farther = "lt" if self.descending != backwards else "gt"
        first, *rest = zip(self.keys, position, strict=True)
        key, value = first
        if not rest:
            return Q((f"{key.field}__{farther}", value))
        last, unique = rest[0]
        # The first line alone lets an index begin at the position; the second is what is meant.
        return Q((f"{key.field}__{farther}e", value)) & (
            Q((f"{key.field}__{farther}", value)) | Q((key.field, value), (f"{last.field}__{farther}", unique))
        )

    def position_of(self, row: Model) -> str:
        return _BETWEEN.join(key.of(row) for key in self.keys)

    def position(self, text: str | None) -> tuple[Any, ...] | None:
        """The position in an address; None where there is none, or one that was tampered with."""
        if not text or len(text) > _POSITION_MAX or not is_printable(text):
            return None
        parts = text.split(_BETWEEN)
        if len(parts) != len(self.keys):
            return None
        try:
            return tuple(key.read(part) for key, part in zip(self.keys, parts, strict=True))
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """Some rows of a list.

    Attributes:
        after, before: where the next and the previous page begin; None where there is none.
    """

    rows: tuple[R, ...]
    after: str | None
    before: str | None

    @property
    def is_whole(self) -> bool:
        """Whether the list has no other page."""
        return self.after is None and self.before is None

    def of(self, rows: Sequence[Any]) -> Page[Any]:
        """The same page with its rows as they are shown."""
        return Page(tuple(rows), self.after, self.before)


def page_of(rows: QuerySet[M], order: Order, asked: Mapping[str, str], *, length: int = PAGE_LENGTH) -> Page[M]:
    """The page that an address asks for, in one query.

    Args:
        rows: the whole list, in any order.
        order: how it is sorted.
        asked: the address's query; `after` or `before` holds a position. Anything else begins at the first page.
        length: rows on a page.
    """
    before = order.position(asked.get(BEFORE))
    backwards = before is not None
    position = before if backwards else order.position(asked.get(AFTER))
    if position is not None:
        rows = rows.filter(order.beyond(position, backwards=backwards))
    # One row more than is shown tells whether there is another page.
    found = list(order.sorted(rows, backwards=backwards)[: length + 1])
    more, found = len(found) > length, found[:length]
    if backwards:
        found.reverse()
    if not found:
        return Page((), None, None)
    has_after, has_before = (True, more) if backwards else (more, position is not None)
    return Page(
        tuple(found),
        order.position_of(found[-1]) if has_after else None,
        order.position_of(found[0]) if has_before else None,
    )
