"""Step 1: the one access token of a request (RFC 6750 section 2.1; never from a query or a form)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from watchword.core.decision import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

_CHARACTERS: Final = bytes(range(0x21, 0x7F)).translate(None, b'",')
"""Visible ASCII without the quotation mark and the comma, which only occur when a header is quoted or merged from
two. It is wider than what a token may hold: a foreign character in a token is a bad token, not a bad request."""

_SCHEME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""RFC 9110 section 11.1."""


def text_of(authorization: Sequence[str], max_bytes: int) -> str | Reason:
    """Take the token out of the values of all Authorization headers of the request.

    It has to be exactly one header of the form `Bearer <token>`, the scheme in any case (RFC 9110 section 11.1), with a
    token of at most `max_bytes`. The text is the same however many spaces a client sends before the token; its
    characters are for `characters_of` to judge.
    """
    if not authorization:
        return Reason.TOKEN_MISSING
    if len(authorization) > 1:
        # Two programs of which one takes the first and one the last would check different tokens (T-20).
        return Reason.AUTHORIZATION_REPEATED
    scheme, separator, rest = authorization[0].partition(" ")
    if scheme != "Bearer" and scheme.lower() != "bearer":
        # A word alone may be a token whose scheme was forgotten.
        is_another = separator and _SCHEME.fullmatch(scheme) is not None
        return Reason.SCHEME_NOT_BEARER if is_another else Reason.AUTHORIZATION_MALFORMED
    token = rest.lstrip(" ")
    # Before anything else looks at the token, as all that follows takes time and memory by its length (T-03).
    return token if len(token) <= max_bytes else Reason.TOKEN_TOO_LARGE


def characters_of(token: str) -> bytes | Reason:
    """The token in ASCII, once each of its characters may stand in one."""
    try:
        written = token.encode("ascii")
    except UnicodeEncodeError:
        return Reason.AUTHORIZATION_MALFORMED
    if not written or written.translate(None, _CHARACTERS):
        # Nothing is left of a good token once the characters that it may have are taken out of it.
        return Reason.AUTHORIZATION_MALFORMED
    return written
