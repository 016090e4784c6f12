"""Step 1: the one access token of a request (RFC 6750 section 2.1; never from a query or a form)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from watchword.core.decision import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

_CHARACTERS: Final = bytes(range(0x21, 0x7F)).translate(None, b'",')
"""Visible ASCII without the quotation mark and the comma, which only occur if a header is quoted or merged from two.
Wider than the characters of a token: a foreign character in a token makes a bad token, not a bad request."""

_SCHEME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""RFC 9110 section 11.1."""


def text_of(authorization: Sequence[str], max_bytes: int) -> str | Reason:
    """The token in the values of all Authorization headers of the request.

    There must be exactly one header `Bearer <token>`, the scheme in any case (RFC 9110 section 11.1), with a token of
    at most `max_bytes`. Spaces before the token are removed. `characters_of` checks its characters.
    """
    if not authorization:
        return Reason.TOKEN_MISSING
    if len(authorization) > 1:
        # A program that reads the first header and one that reads the last would check different tokens (T-20).
        return Reason.AUTHORIZATION_REPEATED
    scheme, separator, rest = authorization[0].partition(" ")
    if scheme != "Bearer" and scheme.lower() != "bearer":
        # A single word may be a token without its scheme.
        is_another = separator and _SCHEME.fullmatch(scheme) is not None
        return Reason.SCHEME_NOT_BEARER if is_another else Reason.AUTHORIZATION_MALFORMED
    token = rest.lstrip(" ")
    # Checked first, because the time and memory of all later checks depend on the length (T-03).
    return token if len(token) <= max_bytes else Reason.TOKEN_TOO_LARGE


def characters_of(token: str) -> bytes | Reason:
    """The token as bytes, if all its characters are allowed."""
    try:
        written = token.encode("ascii")
    except UnicodeEncodeError:
        return Reason.AUTHORIZATION_MALFORMED
    if not written or written.translate(None, _CHARACTERS):
        # Removing all allowed characters from a good token leaves nothing.
        return Reason.AUTHORIZATION_MALFORMED
    return written
