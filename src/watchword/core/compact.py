"""Step 3: the compact form of a JWS (RFC 7515 section 7.1), of which every token has exactly one spelling."""

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
"""As a number, which CPython looks for at once; for a text it first raises an exception inside and drops it."""

_REMEMBERED_HEADERS: Final = 256
_LONGEST_REMEMBERED_HEADER: Final = 256
"""An authorization server writes the same header into all tokens that it signs with a key. Its meaning is remembered by
its exact text: at most this many, and none longer than this many characters, so that not even a megabyte can ever be
taken up. Whoever floods a verifier with made-up headers only has every header read again."""


class UnverifiedToken(NamedTuple):
    """A well-formed token of unknown origin.

    Attributes:
        header: the header; RFC 7515 calls it the JOSE header.
        claims: what it claims.
        signing_input: the bytes that the signature is about.
        signature: the signature.
    """

    header: UnverifiedHeader
    claims: UnverifiedClaims
    signing_input: bytes
    signature: bytes


def parse(token: bytes) -> UnverifiedToken | Reason:
    """Take a token apart: three parts of canonical base64url, the first two strict JSON objects.

    The caller has bounded its length.
    """
    # Nowhere is a token of a million dots made a million texts (T-04).
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
    return _remembered_header(part) if len(part) <= _LONGEST_REMEMBERED_HEADER else _read_header(part)


def _read_header(part: bytes) -> UnverifiedHeader | Reason:
    octets = base64url.decode_ascii(part)
    try:
        return read_header(parse_object(octets))
    except JsonRefused:
        return Reason.HEADER_MALFORMED


_remembered_header = lru_cache(maxsize=_REMEMBERED_HEADERS)(_read_header)
