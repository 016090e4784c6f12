"""JSON read so that no second parser can understand the same bytes differently.

Python's own reader takes UTF-16, a byte order mark, NaN, 1e400 and duplicate names, and gives up on deep nesting with
a RecursionError. Tokens, key sets and anything else from outside come through `parse_object` instead.
"""

from __future__ import annotations

import json
import math
import re
from json.scanner import make_scanner
from typing import Final, NoReturn

JsonValue = None | bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"]
JsonObject = dict[str, JsonValue]

MAX_DEPTH: Final = 32
"""Nested arrays and objects, the outermost counted as 1."""

MAX_NUMBER_LENGTH: Final = 64
"""Characters of one number. Converting digits to an integer takes quadratic time (C-02)."""

_WHITESPACE: Final = " \t\n\r"
"""RFC 8259 section 2. Python's own idea of white space is wider."""

# Possessive, and a string that never ends reaches to the end of the text: else each of its escaped quotes would be
# tried as the start of another string, and a token of 16 KiB could cost a second (T-03).
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_TO_SQUARE: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_OPENING: Final = ord("[")


class JsonRefused(Exception):
    """The bytes are not a strict JSON object."""


def is_absent(value: object) -> bool:
    """Say whether a member is as good as missing: null, an empty text or an empty list.

    Many libraries write all members of an object, the unset ones as null or empty. Of no use where a member demands
    something of the reader, such as `crit`.
    """
    return value is None or value == "" or value == []  # noqa: PLR1714 - one with `in` takes longer.


def parse_object(octets: bytes) -> JsonObject:
    """Read one JSON object from UTF-8 bytes.

    Refused beside bad syntax (RFC 8259, RFC 7493): anything but an object at the top, other encodings, a byte order
    mark, duplicate names also when spelled with escapes, NaN and Infinity, numbers that overflow or are longer than
    MAX_NUMBER_LENGTH, nesting deeper than MAX_DEPTH, and lone surrogates.

    Raises:
        JsonRefused: for all of these; it carries no part of the text.
    """
    try:
        text = octets.decode("utf-8").strip(_WHITESPACE)
        # Most claims are one flat object, which is told faster than brackets are counted.
        if ("[" in text or text.find("{", 1) > 0) and text.count("[") + text.count("{") > MAX_DEPTH:
            _check_depth(octets)
        value, end = _scan(text, 0)
        if "\\" in text and "\\u" in text:
            # An escape can spell half of a surrogate pair, which no UTF-8 text can hold: it would blow up later,
            # wherever the string is first written.
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, StopIteration):
        # The first covers json.JSONDecodeError and both Unicode errors; the second says that no value begins there.
        raise JsonRefused from None
    if end != len(text) or not isinstance(value, dict):
        raise JsonRefused
    return value


def _check_depth(octets: bytes) -> None:
    """Bound the nesting before the recursive parser sees it (T-05).

    It looks once at each bracket outside of strings, so its work grows with the size of the text and no faster. Whether
    the brackets match is left to the parser, which stops at the first one that does not.
    """
    depth = 0
    for bracket in _STRING.sub(b"", octets).translate(_TO_SQUARE, _NO_BRACKETS):
        if bracket == _OPENING:
            depth += 1
            if depth > MAX_DEPTH:
                raise JsonRefused
        else:
            depth -= 1


def _object(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    members = dict(pairs)
    if len(members) != len(pairs):
        # Two parsers that keep different ones of two equal names read two different tokens (T-12, T-13).
        raise JsonRefused
    return members


def _integer(text: str) -> int:
    if len(text) > MAX_NUMBER_LENGTH:
        raise JsonRefused
    return int(text)


def _float(text: str) -> float:
    if len(text) > MAX_NUMBER_LENGTH:
        raise JsonRefused
    number = float(text)
    if not math.isfinite(number):
        raise JsonRefused
    return number


def _constant(_name: str) -> NoReturn:
    raise JsonRefused


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant, strict=True
)
# What `raw_decode` calls. The stubs take the scanner itself for what it is made from.
_scan: Final = make_scanner(_DECODER)  # type: ignore[arg-type]
