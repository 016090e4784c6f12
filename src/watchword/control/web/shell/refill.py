"""Puts typed text into the fields of a form that was rendered without it, for every form in the same way."""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Attributes = list[tuple[str, str | None]]

_CHOSEN: Final = frozenset({"checkbox", "radio"})
# Passwords are never put into a page. The others hold nothing that a person typed.
_LEFT: Final = frozenset({"password", "file", "submit", "button", "image", "reset"})


def refilled(page: str, action: str, fields: Mapping[str, Sequence[str]]) -> str:
    """The page with `fields` in its form that is sent to `action`. All the rest stays as it is, octet for octet."""
    form = _Form(page, action, fields)
    form.feed(page)
    form.close()
    for start, end, text in sorted(form.edits, reverse=True):
        page = page[:start] + text + page[end:]
    return page


class _Form(HTMLParser):
    """Finds what has to be written where.

    Attributes:
        edits: the start and end of each piece to be replaced, and the text to replace it with.
    """

    def __init__(self, page: str, action: str, fields: Mapping[str, Sequence[str]]) -> None:
        super().__init__(convert_charrefs=False)
        self.edits: list[tuple[int, int, str]] = []
        self._lines = [0, *(end.end() for end in re.finditer("\n", page))]
        self._action = action
        self._fields = fields
        self._inside = False
        self._select = ""
        self._textarea: tuple[int, str] | None = None
        self._counter: tuple[int, str, str] | None = None

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        held = dict(attrs)
        if tag == "form":
            self._inside = held.get("method") == "post" and held.get("action") == self._action
        if not self._inside:
            return
        if tag == "input":
            self._fill_input(attrs)
        elif tag == "select":
            self._select = held.get("name") or ""
        elif tag == "option" and self._select in self._fields:
            self._mark(tag, attrs, "selected", chosen=held.get("value") in self._fields[self._select])
        elif tag == "textarea" and held.get("name") in self._fields:
            self._textarea = self._end_of_tag(), self._value(held)
        elif "data-counter" in held:
            self._counter = self._end_of_tag(), held["data-counter"] or "", held.get("data-limit") or ""

    handle_startendtag = handle_starttag

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag == "textarea" and self._textarea is not None:
            start, value = self._textarea
            # Browsers drop the first line end of a textarea.
            self.edits.append((start, self._here(), "\n" + escape(value)))
            self._textarea = None
        elif self._counter is not None:
            start, counted, limit = self._counter
            # The counter of a field stands above it.
            self._counter = None
            name = counted.removeprefix("id_")
            if name in self._fields:
                self.edits.append((start, self._here(), f"{len(self._fields[name][0])} / {escape(limit)}"))

    def _fill_input(self, attrs: Attributes) -> None:
        held = dict(attrs)
        kind, name = held.get("type") or "text", held.get("name") or ""
        if kind in _CHOSEN and "disabled" not in held:
            self._mark("input", attrs, "checked", chosen=(held.get("value") or "on") in self._fields.get(name, ()))
        elif kind not in _CHOSEN | _LEFT and name in self._fields:
            self._write("input", [*((n, v) for n, v in attrs if n != "value"), ("value", self._value(held))])

    def _value(self, held: Mapping[str, str | None]) -> str:
        return self._fields[held.get("name") or ""][0]

    def _mark(self, tag: str, attrs: Attributes, mark: str, *, chosen: bool) -> None:
        self._write(tag, [*((n, v) for n, v in attrs if n != mark), *([(mark, None)] if chosen else [])])

    def _write(self, tag: str, attrs: Attributes) -> None:
        text = " ".join([tag, *(name if value is None else f'{name}="{escape(value)}"' for name, value in attrs)])
        self.edits.append((self._here(), self._end_of_tag(), f"<{text}>"))

    def _here(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def _end_of_tag(self) -> int:
        return self._here() + len(self.get_starttag_text() or "")
