"""Finds out what a document is that admission refused, for a more precise problem. It never admits a key."""

from __future__ import annotations

import json
import re
from typing import Final

from watchword.core.strict_json import parse_object
from watchword.jwks.problem import Problem

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_XML: Final = re.compile(rb"(?i)<\?xml(?!.{0,2000}<html)|<(?:\w+:)?(?:entit|error)", re.DOTALL)
"""XML except XHTML, and the first elements of SAML metadata and of object storage errors."""


def without_mark(document: bytes) -> bytes:
    """The document without the byte order mark that some editors write."""
    return document.removeprefix(_BYTE_ORDER_MARK)


def is_markup(document: bytes) -> bool:
    """Whether it looks like HTML or XML."""
    return _text(document).startswith(b"<")


def more_precisely(problem: Problem, document: bytes) -> Problem:
    """A more precise problem, if admission reports the same one for several mistakes."""
    if problem is Problem.NOT_JSON:
        return _not_strict_json(document)
    if problem is Problem.NOT_A_KEY_SET:
        return _no_list_of_keys(document)
    return problem


def _not_strict_json(document: bytes) -> Problem:
    if not _text(document):
        return Problem.EMPTY_ANSWER
    if is_markup(document):
        return Problem.XML_DOCUMENT if _XML.match(_text(document)) else Problem.HTML_PAGE
    try:
        # Numbers stay text, because converting long ones takes quadratic time.
        read = json.loads(_text(document).decode("utf-8"), parse_int=str, parse_float=str, parse_constant=_refuse)
    except RecursionError:
        return Problem.JSON_AMBIGUOUS
    except ValueError:
        return Problem.NOT_JSON
    return Problem.JSON_AMBIGUOUS if isinstance(read, dict) else Problem.NOT_A_KEY_SET


def _no_list_of_keys(document: bytes) -> Problem:
    members = parse_object(_text(document))  # Admission has already parsed it.
    if "jwks_uri" in members:
        return Problem.METADATA
    if "kty" in members:
        return Problem.SINGLE_KEY
    # Authentik publishes `{}` until a signing key is chosen; others write null for no keys.
    no_keys = not members or ("keys" in members and members["keys"] is None)
    return Problem.EMPTY_KEY_SET if no_keys else Problem.NOT_A_KEY_SET


def _text(document: bytes) -> bytes:
    return without_mark(document).strip()


def _refuse(_name: str) -> None:
    raise ValueError
