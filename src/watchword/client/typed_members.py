"""Reads the members of a mapping by type. Pure. Faults are collected, so that one run shows all of them."""

from __future__ import annotations

import difflib
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

from watchword.client.yaml_reading import Fault, Items, Members, Node, Place, Scalar
from watchword.client.yaml_writing import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")

_FLAGS: Final = {"true": True, "false": False}


class ValueRefused(Exception):
    """The value has another type; the sentence says which one is needed."""


def text(node: Node) -> str:
    """A text. Everything without quotes is one, except null, which is likely to be a mistake."""
    if not isinstance(node, Scalar):
        raise ValueRefused("must be a text.")
    if node.is_null:
        raise ValueRefused(f'cannot be null. If {node.text} is the text, write "{node.text}" in quotes.')
    if node.is_plain and node.text == "":
        raise ValueRefused('is empty. Write "" for the empty text.')
    return node.text


def text_or_null(node: Node) -> str | None:
    """A text that is not empty, or null. An empty value is refused, as it would silently mean "any"."""
    if isinstance(node, Scalar) and node.is_null:
        return None
    if isinstance(node, Scalar) and node.text == "":
        raise ValueRefused("is empty. Write null if you mean that.")
    return text(node)


def flag(node: Node) -> bool:
    if isinstance(node, Scalar) and node.is_plain and node.text in _FLAGS:
        return _FLAGS[node.text]
    raise ValueRefused("must be true or false, without quotes.")


def identifier(node: Node) -> str:
    """An id, in its usual form."""
    written = text(node)
    try:
        return str(uuid.UUID(hex=written))
    except ValueError:
        raise ValueRefused("is not an id, such as 0f8fad5b-d9cb-469f-a165-70867728950e.") from None


def items(node: Node) -> tuple[Node, ...]:
    if isinstance(node, Items):
        return node.items
    raise ValueRefused("must be a list. Write [] for an empty one.")


@dataclass(slots=True)
class Faults:
    """What was found so far."""

    found: list[Fault] = field(default_factory=list)

    def note(self, place: Place, sentence: str) -> None:
        self.found.append(Fault(place, sentence))


class MembersReader:
    """The members of one mapping.

    Args:
        what: begins the sentences about the mapping, such as "A server".
        known: the members that it can have; every other one is a fault.
    """

    def __init__(self, node: Node, what: str, *, known: Sequence[str], faults: Faults) -> None:
        self._what = what
        self._faults = faults
        self.place = node.place
        self.refused: set[str] = set()
        """The members about which a fault was noted."""
        self._members = node.members if isinstance(node, Members) else {}
        if not isinstance(node, Members):
            faults.note(node.place, f"{what} must consist of members in the form “name: value”.")
        for name, member in self._members.items():
            if name not in known:
                faults.note(member.place, f"“{printable(name)}” is not known here. {_suggestion(name, known)}")

    @property
    def places(self) -> dict[str, Place]:
        return {name: member.place for name, member in self._members.items()}

    def required(self, name: str, read: Callable[[Node], T], *, without: T, hint: str = "") -> T:
        """The value of a member; `without` after a fault was noted."""
        if name not in self._members:
            self.refused.add(name)
            self._faults.note(self.place, f"{self._what} needs the member “{name}”.{hint}")
            return without
        return self.optional(name, read, default=without)

    def optional(self, name: str, read: Callable[[Node], T], *, default: T) -> T:
        """The value of a member; `default` if there is none, or after a fault was noted."""
        member = self._members.get(name)
        if member is None:
            return default
        try:
            return read(member.value)
        except ValueRefused as refused:
            self.refused.add(name)
            self._faults.note(member.value.place, f"{name} {refused}")
            return default


def _suggestion(name: str, known: Sequence[str]) -> str:
    if name == "enabled" and "enabled_server" not in known:
        return "Which server is enabled stands in “enabled_server” at the top of the file."
    near = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean “{near[0]}”?" if near else f"Known: {', '.join(known)}."
