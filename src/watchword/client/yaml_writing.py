"""Writes JSON values as YAML that every reader understands in the same way. Pure."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Value = str | int | float | bool | Mapping[str, "Value"] | Sequence["Value"] | None

# Everything else is quoted: `no`, `1e3` and `2026-01-01` are no texts for many readers.
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_RESERVED: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_STEP: Final = "  "


def write_yaml(value: Value) -> str:
    """The value as one document, with a line break at its end."""
    return "".join(f"{line}\n" for line in _lines(value))


def visible(text: str) -> str:
    """The text in double quotes; characters that a terminal obeys or does not show are escaped."""
    return printable(json.dumps(text, ensure_ascii=False))


def printable(text: str) -> str:
    """The text on one line; characters that a terminal obeys or does not show are escaped."""
    return "".join(character if character.isprintable() else _escape(character) for character in text)


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\U{code:08X}" if code > 0xFFFF else f"\\u{code:04X}"  # noqa: PLR2004 - the last character of four digits.


def _lines(value: Value) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for name, below in value.items():
            yield from _after(f"{_text(name)}:", below, indent=_STEP)
    elif isinstance(value, (list, tuple)) and value:
        for item in value:
            # The members of an item begin on the line of its dash.
            first, *rest = list(_lines(item)) if _is_nested(item) else list(_after("", item, indent=""))
            yield f"- {first.lstrip()}"
            yield from (f"{_STEP}{line}" if line else "" for line in rest)
    else:
        yield from _after("", value, indent="")


def _is_nested(value: Value) -> bool:
    return isinstance(value, (dict, list, tuple)) and bool(value)


def _after(name: str, value: Value, *, indent: str) -> Iterator[str]:
    """The value after the name of its member."""
    begin = f"{name} " if name else ""
    if _is_nested(value):
        yield name
        yield from (f"{indent}{line}" if line else "" for line in _lines(value))
    elif isinstance(value, str) and name and _fits_block(value):
        yield f"{begin}|" if value.endswith("\n") else f"{begin}|-"
        yield from (f"{indent}{line}" if line else "" for line in value.removesuffix("\n").split("\n"))
    else:
        yield f"{begin}{_scalar(value)}"


def _scalar(value: Value) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return "{}"
    return "[]" if isinstance(value, (list, tuple)) else json.dumps(value)


def _text(text: str) -> str:
    return text if _PLAIN.fullmatch(text) and text.lower() not in _RESERVED else visible(text)


def _fits_block(text: str) -> bool:
    """Whether the text is the same as a literal block, which keeps PEM readable."""
    lines = text.removesuffix("\n").split("\n")
    return (
        len(lines) > 1
        and all(line.isprintable() for line in lines)
        and lines[0] != ""
        and lines[-1] != ""
        # An indented first line would need an indentation indicator; blanks at the end are easily lost in editors.
        and all(line == line.rstrip() for line in lines)
        and not lines[0].startswith(" ")
    )
