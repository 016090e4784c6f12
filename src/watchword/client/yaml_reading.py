"""A strict reader of a small part of YAML. Pure: text comes in, a tree with lines and columns comes out.

YAML readers disagree about much: `no` is a boolean for some, `0123` an octal number, and of two members with the same
name one reader takes the first and another the last. This one reads each scalar as text, to which the member's type
gives a meaning, and refuses anchors, aliases, tags, merge keys, directives, duplicate members and a second document.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import yaml
from yaml.reader import ReaderError

from watchword.client.yaml_writing import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_OCTETS: Final = 128 * 1024
"""Of a file. Two registrations with the largest CA certificates and values take 60 KiB."""

MAX_DEPTH: Final = 8
"""Nested lists and mappings."""

NULL_WORDS: Final = frozenset({"null", "Null", "NULL", "~"})
"""How YAML spells null without quotes."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a file; lines and columns start at 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at a place."""

    place: Place
    sentence: str

    def __str__(self) -> str:
        return f"{self.place}: {self.sentence}"


class FileRefused(Exception):
    """The file cannot be used; `faults` has at least one entry."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text. `is_plain`: neither in quotes nor a block, so that it may mean null, true or false."""

    place: Place
    text: str
    is_plain: bool

    @property
    def is_null(self) -> bool:
        return self.is_plain and self.text in NULL_WORDS


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a mapping. `place` is where its name stands."""

    place: Place
    value: Node


@dataclass(frozen=True, slots=True)
class Members:
    """A mapping; its members by name, in the file's order."""

    place: Place
    members: Mapping[str, Member]


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    place: Place
    items: tuple[Node, ...]


Node = Scalar | Members | Items


def read_yaml(octets: bytes, *, file: str, faults: list[Fault] | None = None) -> Node:
    """Read the one document of a file.

    Args:
        octets: the whole file.
        file: its name, for the places.
        faults: where to note what this reader does not accept but can read on after; None to raise it.

    Raises:
        FileRefused: it is not well-formed, or has something that this reader does not accept.
    """
    found: list[Fault] = [] if faults is None else faults
    node = _read(octets, file, found)
    if found and faults is None:
        raise FileRefused(*found)
    return node


def _read(octets: bytes, file: str, faults: list[Fault]) -> Node:
    begin = Place(file, 1, 1)
    if len(octets) > MAX_OCTETS:
        raise FileRefused(Fault(begin, f"The file is larger than {MAX_OCTETS // 1024} KiB."))
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError as failure:
        before = octets[: failure.start].decode("utf-8")
        raise FileRefused(Fault(_place_after(before, file), "The file is not UTF-8.")) from None
    try:
        return _Builder(text, file, faults).document()
    except ReaderError as failure:
        where = _place_after(text[: failure.position], file)
        raise FileRefused(
            Fault(where, f"The character U+{int(failure.character):04X} is not allowed in YAML.")
        ) from None
    except yaml.MarkedYAMLError as failure:
        mark = failure.problem_mark or failure.context_mark
        where = begin if mark is None else Place(file, mark.line + 1, mark.column + 1)
        raise FileRefused(Fault(where, f"This is not well-formed YAML: {printable(str(failure.problem))}.")) from None


def _place_after(text: str, file: str) -> Place:
    return Place(file, text.count("\n") + 1, len(text) - (text.rfind("\n") + 1) + 1)


class _Builder:
    """Builds the tree from the parser's events, because PyYAML's own tree no longer shows anchors and aliases."""

    def __init__(self, text: str, file: str, faults: list[Fault]) -> None:
        self._file = file
        self._faults = faults
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.SafeLoader)

    def document(self) -> Node:
        next(self._events)  # The begin of the stream.
        event = next(self._events)
        if not isinstance(event, yaml.DocumentStartEvent):
            raise self._refused(event, "The file is empty.")
        if event.version is not None or event.tags:
            raise self._refused(event, "Directives such as %YAML and %TAG are not accepted.")
        node = self._node(next(self._events), depth=0)
        next(self._events)  # The end of the document.
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            raise self._refused(event, "The file contains a second document. Write each into a file of its own.")
        return node

    def _node(self, event: yaml.Event, *, depth: int) -> Node:
        place = self._place(event)
        if isinstance(event, yaml.AliasEvent):
            self._note(place, "Aliases (*name) are not accepted. Write the value here, too.")
            return Scalar(place, "", is_plain=True)
        if getattr(event, "anchor", None) is not None:
            self._note(place, "Anchors (&name) are not accepted.")
        if getattr(event, "tag", None) is not None:
            self._note(place, "Tags (!name) are not accepted. The member decides the type of its value.")
        if depth >= MAX_DEPTH:
            raise self._refused(event, f"Lists and mappings are nested more than {MAX_DEPTH} deep.")
        if isinstance(event, yaml.ScalarEvent):
            return Scalar(place, event.value, is_plain=event.style is None)
        if isinstance(event, yaml.SequenceStartEvent):
            return Items(place, tuple(self._items(depth)))
        return Members(place, self._members(depth))

    def _items(self, depth: int) -> Iterator[Node]:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._node(event, depth=depth + 1)

    def _members(self, depth: int) -> dict[str, Member]:
        members: dict[str, Member] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            name = self._node(event, depth=depth + 1)
            if not isinstance(name, Scalar):
                raise FileRefused(Fault(name.place, "The name of a member must be a text."))
            if name.is_plain and name.text == "<<":
                self._note(name.place, "Merge keys (<<) are not accepted.")
                self._node(next(self._events), depth=depth + 1)
                continue
            value = self._node(next(self._events), depth=depth + 1)
            if name.text in members:
                line = members[name.text].place.line
                self._note(name.place, f"“{printable(name.text)}” stands here a second time, after line {line}.")
            else:
                members[name.text] = Member(name.place, value)
        return members

    def _note(self, place: Place, sentence: str) -> None:
        self._faults.append(Fault(place, sentence))

    def _refused(self, event: yaml.Event, sentence: str) -> FileRefused:
        return FileRefused(Fault(self._place(event), sentence))

    def _place(self, event: yaml.Event) -> Place:
        assert event.start_mark is not None  # noqa: S101 - tells the type: this parser sets it for each event.
        return Place(self._file, event.start_mark.line + 1, event.start_mark.column + 1)
