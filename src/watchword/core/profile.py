"""The profile of a token, for counting: bounded, and without its user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from watchword.core.claims import SignedClaims, UnverifiedClaims, client_claim
from watchword.core.decision import TokenProfile

if TYPE_CHECKING:
    from watchword.core.strict_json import JsonObject, JsonValue

MAX_VALUE: Final = 256
"""Characters of one value. Longer ones are cut, so that made-up tokens cannot fill the memory."""

MAX_AUDIENCES: Final = 8


class HeaderProfile(NamedTuple):
    """The header's part of a `TokenProfile`, with the same names."""

    kid: str | None
    alg: str | None
    typ: str | None


def header_profile(header: JsonObject) -> HeaderProfile:
    return HeaderProfile(_said(header.get("kid")), _said(header.get("alg")), _said(header.get("typ")))


def profile_of(header: HeaderProfile, claims: UnverifiedClaims | SignedClaims) -> TokenProfile:
    """The profile of a token, verified or not. Never raises, so that it cannot change a denial."""
    named_by = client_claim(claims)
    client_id = None if named_by is None else claims[named_by]
    audience = claims.get("aud")
    if isinstance(audience, list):
        audience = ", ".join([entry for entry in audience[:MAX_AUDIENCES] if isinstance(entry, str)])
    return TokenProfile(
        _said(claims.get("iss")), _said(audience), named_by, _said(client_id), header.kid, header.alg, header.typ
    )


def _said(value: JsonValue) -> str | None:
    if not isinstance(value, str) or not value:
        return None
    return value if len(value) <= MAX_VALUE else value[: MAX_VALUE - 1] + "…"
