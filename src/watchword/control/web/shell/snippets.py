"""Texts to copy, in tabs: what `portal/snippets.html` shows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Snippet:
    """One text.

    Attributes:
        name: of the file, or of what the text is.
        text: what Copy copies.
        url: where it can be downloaded; None if it cannot.
    """

    name: str
    text: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Hint:
    """What remains to do. `term`, if not empty, is what stands in the texts, or a setting."""

    term: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Tab:
    """Attributes: `name` is for the page's own use, `label` for people; `hints` stand between `note` and the texts."""

    name: str
    label: str
    note: str
    snippets: tuple[Snippet, ...]
    hints: tuple[Hint, ...] = ()
