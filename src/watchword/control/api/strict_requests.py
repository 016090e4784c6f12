"""Reads bodies, query strings and If-Match strictly: what another reader could understand differently is a problem."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from ninja.parser import Parser

from watchword.control.api.problems import MOST_ERRORS, Fault, Invalid, fault, fields_invalid
from watchword.core.strict_json import MAX_DEPTH, JsonRefused, parse_object

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from django.http import HttpRequest

    from watchword.control.api.problems import Problem

_JSON: Final = re.compile(r'application/json\s*(?:;\s*charset="?utf-?8"?\s*)?', re.IGNORECASE)
_ETAG: Final = re.compile(r'"([!#-~]{1,100})"')
_MOST_PARAMETERS: Final = 50


class GuardedParser(Parser):
    """Gives django-ninja the body that the operation's guard has read: its own parser would hide what is wrong."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        members: dict[str, Any] = request.members  # type: ignore[attr-defined]
        return members


def read_body(octets: bytes) -> dict[str, Any]:
    """Read the body.

    Raises:
        Problem: body_malformed; fields_invalid for a text with U+0000, which no database column can hold.
    """
    try:
        members: dict[str, Any] = parse_object(octets)
    except JsonRefused:
        raise _malformed(octets) from None
    nul = _errors(_with_nul(members, ""), "The text contains the character U+0000.")
    if nul:
        raise fields_invalid(nul)
    return members


def check_content_type(request: HttpRequest) -> None:
    """Refuse a body that is not declared as JSON, or that is declared as compressed.

    Raises:
        Problem: media_type_unsupported.
    """
    declared = _JSON.fullmatch(request.headers.get("Content-Type", "").strip())
    if declared is None or request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise fault(Fault.TYPE_UNSUPPORTED)


def check_query(request: HttpRequest, known: Collection[str]) -> None:
    """Refuse a query string with unknown or repeated parameters, or one that is no UTF-8.

    Raises:
        Problem: query_invalid.
    """
    text = request.META.get("QUERY_STRING", "")
    if not text:
        return
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=_MOST_PARAMETERS
        )
    except ValueError:
        raise fault(Fault.QUERY_INVALID) from None
    names = [name for name, _ in pairs]
    errors = {}
    for name, value in pairs:
        if name not in known:
            errors[name] = "Unknown parameter."
        elif names.count(name) > 1:
            errors[name] = "The parameter is repeated."
        elif "\0" in value:
            errors[name] = "The value contains the character U+0000."
    if errors:
        raise fault(
            Fault.QUERY_INVALID,
            errors=[Invalid(f"/{escaped(name)}", detail, "query") for name, detail in errors.items()],
        )


def etag(identity: object, version: int) -> str:
    """Return the ETag of one version. It names the object, so that another object's is never taken for it."""
    return f'"{identity}.{version}"'


def expected_etag(header: str | None) -> str:
    """Return the ETag that If-Match names.

    Raises:
        Problem: if_match_missing, if_match_malformed; version_stale for a weak one, which no present version can equal
            (RFC 9110 section 13.1.1).
    """
    if header is None:
        raise fault(Fault.IF_MATCH_MISSING)
    if header.startswith("W/"):
        raise fault(Fault.VERSION_DIFFERS)
    named = _ETAG.fullmatch(header)
    if named is None:
        raise fault(Fault.IF_MATCH_MALFORMED)
    return header


def expected_version(header: str | None, identity: object) -> int:
    """Return the version that If-Match names.

    Raises:
        Problem: as `expected_etag`; version_stale for one of another object, too.
    """
    begin, _, version = expected_etag(header)[1:-1].rpartition(".")
    if begin != str(identity) or not re.fullmatch(r"0|[1-9][0-9]{0,8}", version):
        raise fault(Fault.VERSION_DIFFERS)
    return int(version)


def escaped(name: str) -> str:
    """Return the name as a part of a JSON pointer, cut to a bearable length: the client chose it."""
    return name[:100].replace("~", "~0").replace("/", "~1")


class _Pairs(list[tuple[str, Any]]):
    """An object with its members as written."""


def _malformed(octets: bytes) -> Problem:
    """Say what is wrong with a body that the strict parser refused, by reading it again with Python's own."""
    try:
        written = json.loads(octets.decode(), object_pairs_hook=_Pairs)
    except UnicodeDecodeError:
        return fault(Fault.BODY_MALFORMED, why="It is not UTF-8.")
    except json.JSONDecodeError as error:
        return fault(Fault.BODY_MALFORMED, why=f"It is not JSON at line {error.lineno}, column {error.colno}.")
    except (RecursionError, ValueError):
        return fault(Fault.BODY_MALFORMED, why="It is nested too deeply or contains too long a number.")
    if not isinstance(written, _Pairs):
        return fault(Fault.BODY_MALFORMED, why="It is another value.")
    duplicates = _errors(_duplicates(written, "", 1), "The member is repeated.")
    if duplicates:
        return fault(Fault.BODY_MALFORMED, why="A member is repeated.", errors=duplicates)
    return fault(
        Fault.BODY_MALFORMED,
        why=f"It contains NaN, Infinity, too large a number, half of a surrogate pair or more than {MAX_DEPTH} levels.",
    )


def _errors(pointers: Iterator[str], detail: str) -> list[Invalid]:
    return [Invalid(pointer, detail) for pointer in islice(pointers, MOST_ERRORS)]


def _duplicates(value: object, pointer: str, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        # Python's own parser reads more levels than Python can call functions.
        return
    if isinstance(value, _Pairs):
        # Counted once, because a body can have tens of thousands of members.
        counted = Counter(name for name, _ in value)
        yield from (f"{pointer}/{escaped(name)}" for name in sorted(counted) if counted[name] > 1)
        for name, member in value:
            yield from _duplicates(member, f"{pointer}/{escaped(name)}", depth + 1)
    elif isinstance(value, list):
        for number, member in enumerate(value):
            yield from _duplicates(member, f"{pointer}/{number}", depth + 1)


def _with_nul(value: object, pointer: str) -> Iterator[str]:
    if isinstance(value, str):
        if "\0" in value:
            yield pointer
    elif isinstance(value, dict):
        for name, member in value.items():
            if "\0" in name:
                yield pointer
            yield from _with_nul(member, f"{pointer}/{escaped(name)}")
    elif isinstance(value, list):
        for number, member in enumerate(value):
            yield from _with_nul(member, f"{pointer}/{number}")
