"""Step 3: the compact form of a JWS (RFC 7515 section 7.1), of which every token has exactly one spelling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

from watchword.core import base64url
from watchword.core.base64url import Base64urlRefused
from watchword.core.claims import UnverifiedClaims
from watchword.core.decision import Reason, TokenRefused
from watchword.core.strict_json import JsonObject, JsonRefused, parse_object

UnverifiedHeader = NewType("UnverifiedHeader", JsonObject)
"""What somebody wrote into a token's header: a request how to treat it, never an instruction."""


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
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


def parse(token: str) -> UnverifiedToken:
    """Take a token apart. The caller has bounded its length.

    Raises:
        TokenRefused: unless it is three parts of canonical base64url, the first two strict JSON objects.
    """
    # The limit keeps a token of a million dots from becoming a million texts (CASES T-04).
    parts = token.split(".", maxsplit=3)
    if len(parts) != _PARTS:
        raise TokenRefused(Reason.TOKEN_MALFORMED)
    try:
        header_octets, claims_octets, signature = map(base64url.decode, parts)
    except Base64urlRefused:
        raise TokenRefused(Reason.TOKEN_MALFORMED) from None
    header = _object(header_octets, Reason.HEADER_MALFORMED)
    kid = header.get("kid")
    if "kid" in header and not isinstance(kid, str):
        # `null` is not an absent kid (CASES A-16): RFC 7515 section 4.1.4 knows texts only.
        raise TokenRefused(Reason.HEADER_MALFORMED)
    return UnverifiedToken(
        header=UnverifiedHeader(header),
        kid=kid if isinstance(kid, str) else None,
        claims=UnverifiedClaims(_object(claims_octets, Reason.CLAIMS_MALFORMED)),
        signing_input=token.rpartition(".")[0].encode("ascii"),
        signature=signature,
    )


def _object(octets: bytes, reason: Reason) -> JsonObject:
    try:
        return parse_object(octets)
    except JsonRefused:
        raise TokenRefused(reason) from None


_PARTS = 3
