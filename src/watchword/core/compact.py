"""Step 3: the compact form of a JWS (RFC 7515 section 7.1), of which every token has exactly one spelling."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple, NewType

from watchword.core import base64url
from watchword.core.base64url import Base64urlRefused
from watchword.core.claims import UnverifiedClaims
from watchword.core.decision import Reason, TokenRefused
from watchword.core.strict_json import JsonObject, JsonRefused, JsonValue, parse_object

UnverifiedHeader = NewType("UnverifiedHeader", Mapping[str, JsonValue])
"""What somebody wrote into a token's header: a request how to treat it, never an instruction."""


_REMEMBERED_HEADERS: Final = 256
_LONGEST_REMEMBERED_HEADER: Final = 256
"""An authorization server writes the same header into all tokens that it signs with a key. Its meaning is remembered by
its exact text: at most this many, and none longer than this many characters, so that no more than a few megabytes can
ever be taken up. Whoever floods a verifier with made-up headers only has every header read again."""


class UnverifiedToken(NamedTuple):
    """A well-formed token of unknown origin.

    Attributes:
        header: the header; RFC 7515 calls it the JOSE header.
        kid: the name of the key that it claims to be signed with, None if it names none.
        claims: what it claims.
        signing_input: the bytes that the signature is about.
        signature: the signature.
    """

    header: UnverifiedHeader
    kid: str | None
    claims: UnverifiedClaims
    signing_input: bytes
    signature: bytes


def parse(token: bytes) -> UnverifiedToken:
    """Take a token apart. The caller has bounded its length.

    Raises:
        TokenRefused: unless it is three parts of canonical base64url, the first two strict JSON objects.
    """
    try:
        # The limit keeps a token of a million dots from becoming a million texts (CASES T-04).
        header_part, claims_part, signature_part = token.split(b".", 3)
        header = _header(header_part)
        claims_octets = base64url.decode_ascii(claims_part)
        signature = base64url.decode_ascii(signature_part)
    except (ValueError, Base64urlRefused):
        # The first is any number of parts but three.
        raise TokenRefused(Reason.TOKEN_MALFORMED) from None
    kid = header.get("kid")
    if not isinstance(kid, str) and (kid is not None or "kid" in header):
        # `null` is not an absent kid (CASES A-16): RFC 7515 section 4.1.4 knows texts only.
        raise TokenRefused(Reason.HEADER_MALFORMED)
    claims = UnverifiedClaims(_object(claims_octets, Reason.CLAIMS_MALFORMED))
    return UnverifiedToken(header, kid, claims, token[: len(header_part) + 1 + len(claims_part)], signature)


def _header(part: bytes) -> UnverifiedHeader:
    return _remembered_header(part) if len(part) <= _LONGEST_REMEMBERED_HEADER else _read_header(part)


def _read_header(part: bytes) -> UnverifiedHeader:
    # Behind a proxy, as the same one is handed out for many tokens.
    return UnverifiedHeader(MappingProxyType(_object(base64url.decode_ascii(part), Reason.HEADER_MALFORMED)))


_remembered_header = lru_cache(maxsize=_REMEMBERED_HEADERS)(_read_header)


def _object(octets: bytes, reason: Reason) -> JsonObject:
    try:
        return parse_object(octets)
    except JsonRefused:
        raise TokenRefused(reason) from None
