"""Step 1: the one access token of a request (RFC 6750 section 2.1; never from a query or a form)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from watchword.core.decision import Reason

_CHARACTERS: Final = bytes(range(0x21, 0x7F)).translate(None, b'",')
"""Visible ASCII without the quotation mark and the comma, which only occur when a header is quoted or merged from
two. It is wider than what a token may hold: a foreign character in a token is a bad token, not a bad request."""


def token_of(authorization: Sequence[str], max_bytes: int) -> bytes | Reason:
    """Take the token, in ASCII, out of the values of all Authorization headers of the request.

    It has to be exactly one header of the form `Bearer <token>`, the scheme in any case (RFC 9110 section 11.1), with a
    token of at most `max_bytes`.
    """
    if not authorization:
        return Reason.TOKEN_MISSING
    if len(authorization) > 1:
        # Whoever takes the first and whoever takes the last would check different tokens (CASES T-20).
        return Reason.AUTHORIZATION_REPEATED
    scheme, _, rest = authorization[0].partition(" ")
    if scheme.lower() != "bearer":
        return Reason.AUTHORIZATION_MALFORMED
    token = rest.lstrip(" ")
    # Before anything else looks at the token, as all that follows takes time and memory by its length (CASES T-03).
    if len(token) > max_bytes:
        return Reason.TOKEN_TOO_LARGE
    try:
        written = token.encode("ascii")
    except UnicodeEncodeError:
        return Reason.AUTHORIZATION_MALFORMED
    if not written or written.translate(None, _CHARACTERS):
        # Nothing is left of a good token once the characters that it may have are taken out of it.
        return Reason.AUTHORIZATION_MALFORMED
    return written
