"""A strict JSON parser: it refuses everything that another parser could read differently.

Python's own parser accepts UTF-16, a byte order mark, NaN, 1e400 and duplicate names, and fails on deep nesting with a
RecursionError. `parse_object` reads tokens, key sets and everything else from outside.
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
"""RFC 8259 section 2. Python's own white space includes more characters."""

# Possessive, and an unterminated string matches to the end of the text. Otherwise each of its escaped quotes would be
# tried as the start of another string, and a token of 16 KiB could take a second (T-03).
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_TO_SQUARE: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_OPENING: Final = ord("[")


class JsonRefused(Exception):
    """The bytes are not a strict JSON object."""


def is_absent(value: object) -> bool:
    """Whether a member counts as missing: null, an empty text or an empty list.

    Many libraries write all members of an object, unset ones as null or empty. Not for members that demand something of
    the reader, such as `crit`.
    """
    return value is None or value == "" or value == []  # noqa: PLR1714 - `in` is slower.


def parse_object(octets: bytes) -> JsonObject:
    """Read one JSON object from UTF-8 bytes.

    Refuses, in addition to bad syntax (RFC 8259, RFC 7493): a top level that is not an object, other encodings, a byte
    order mark, duplicate names, also if spelled with escapes, NaN and Infinity, numbers that overflow or are longer
    than MAX_NUMBER_LENGTH, nesting deeper than MAX_DEPTH, and lone surrogates.

    Raises:
        JsonRefused: for all of these; it contains no part of the text.
    """
    try:
        text = octets.decode("utf-8").strip(_WHITESPACE)
        # Most claims are one flat object; this check is faster than counting brackets.
        if ("[" in text or text.find("{", 1) > 0) and text.count("[") + text.count("{") > MAX_DEPTH:
            _check_depth(octets)
        value, end = _scan(text, 0)
        if "\\" in text and "\\u" in text:
            # An escape can encode half of a surrogate pair, which UTF-8 cannot contain: it would fail later, when the
            # string is written for the first time.
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, StopIteration):
        # ValueError includes json.JSONDecodeError and both Unicode errors; StopIteration means that no value begins.
        raise JsonRefused from None
    if end != len(text) or not isinstance(value, dict):
        raise JsonRefused
    return value


def _check_depth(octets: bytes) -> None:
    """Check the nesting before the recursive parser reads the text (T-05).

    Takes linear time, because it visits each bracket outside of strings once. Whether the brackets match is checked by
    the parser, which stops at the first one that does not.
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
        # Of two members with the same name, one parser may use the first and another the last (T-12, T-13).
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
# The function that `raw_decode` calls. The type stubs confuse the scanner with its argument.
_scan: Final = make_scanner(_DECODER)  # type: ignore[arg-type]
