"""Step 3: parses the compact form of a JWS (RFC 7515 section 7.1); every token has exactly one spelling."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from watchword.core import base64url
from watchword.core.base64url import Base64urlRefused
from watchword.core.claims import UnverifiedClaims
from watchword.core.decision import Reason
from watchword.core.header import UnverifiedHeader, read_header
from watchword.core.strict_json import JsonRefused, parse_object

_DOT: Final = 0x2E
"""As a number, because CPython searches for a text by first raising and dropping an exception."""

_CACHED_HEADERS: Final = 256
_MAX_CACHED_HEADER: Final = 256
"""An authorization server writes the same header into all tokens of a key, so parsed headers are cached by their exact
text. The number and the length of the texts are bounded, which limits the cache to less than a megabyte. A flood of
made-up headers only makes the verifier parse each header again."""


class UnverifiedToken(NamedTuple):
    """A well-formed token of unknown origin.

    Attributes:
        header: the JOSE header.
        claims: the claims.
        signing_input: the bytes that the signature covers.
        signature: the signature.
    """

    header: UnverifiedHeader
    claims: UnverifiedClaims
    signing_input: bytes
    signature: bytes


def parse(token: bytes) -> UnverifiedToken | Reason:
    """Parse a token: three parts of canonical base64url, the first two strict JSON objects.

    The caller has checked its length.
    """
    # No `split`, which would make a million texts of a token with a million dots (T-04).
    signing_input, _, signature_part = token.rpartition(b".")
    header_part, dot, claims_part = signing_input.partition(b".")
    if not dot or _DOT in claims_part:
        return Reason.TOKEN_MALFORMED
    try:
        header = _header(header_part)
        if type(header) is Reason:
            return header
        claims_octets = base64url.decode_ascii(claims_part)
        signature = base64url.decode_ascii(signature_part)
    except Base64urlRefused:
        return Reason.TOKEN_MALFORMED
    try:
        claims = UnverifiedClaims(parse_object(claims_octets))
    except JsonRefused:
        return Reason.CLAIMS_MALFORMED
    return UnverifiedToken(header, claims, signing_input, signature)


def _header(part: bytes) -> UnverifiedHeader | Reason:
    return _cached_header(part) if len(part) <= _MAX_CACHED_HEADER else _read_header(part)


def _read_header(part: bytes) -> UnverifiedHeader | Reason:
    octets = base64url.decode_ascii(part)
    try:
        return read_header(parse_object(octets))
    except JsonRefused:
        return Reason.HEADER_MALFORMED


_cached_header = lru_cache(maxsize=_CACHED_HEADERS)(_read_header)
