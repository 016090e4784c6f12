"""A page's form as a browser would send it."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Final

_BUTTONS: Final = frozenset({"submit", "button"})


class HtmlForm(HTMLParser):
    """The form that is sent to `action`.

    Attributes:
        fields: the values of each name, as the browser would send them.
        kinds: the type of each field, such as `text`, `textarea` or `select`.
        choices: the values of each checkbox, radio button and option.
    described_by: the ids of the texts about each field.
    """

    def __init__(self, page: str, action: str) -> None:
        super().__init__()
        self.fields: dict[str, list[str]] = {}
        self.kinds: dict[str, str] = {}
        self.choices: dict[str, list[str]] = {}
        self.described_by: dict[str, list[str]] = {}
        self._action = action
        self._inside = False
        self._open = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = held.get("action") == self._action and held.get("method") == "post"
        name = held.get("name", "")
        if not self._inside:
            return
        if name:
            self.described_by[name] = held.get("aria-describedby", "").split()
        if tag == "input":
            self._input(held.get("type", "text"), name, held)
        elif tag in {"textarea", "select"}:
            self._open = name
            self.kinds[name] = tag
            self.fields[name] = [""] if tag == "textarea" else []
        elif tag == "option" and "disabled" not in held:
            self.choices.setdefault(self._open, []).append(held["value"])
            if "selected" in held:
                self.fields[self._open] = [held["value"]]

    def handle_data(self, data: str) -> None:
        if self.kinds.get(self._open) == "textarea":
            text = self.fields[self._open][0] + data
            self.fields[self._open] = [text.removeprefix("\n")]

    def handle_endtag(self, tag: str) -> None:
        if tag in {"textarea", "select"}:
            self._open = ""
        if tag == "form":
            self._inside = False

    def _input(self, kind: str, name: str, held: dict[str, str]) -> None:
        if kind in _BUTTONS or "disabled" in held:
            return
        self.kinds[name] = kind
        if kind in {"checkbox", "radio"}:
            self.choices.setdefault(name, []).append(held.get("value", "on"))
            if "checked" not in held:
                return
        self.fields.setdefault(name, []).append(held.get("value", "on" if kind in {"checkbox", "radio"} else ""))
