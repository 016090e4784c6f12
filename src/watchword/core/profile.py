"""What a token says of its origin, kept for counting: bounded, and without the person that it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from watchword.core.claims import CLIENT_CLAIMS
from watchword.core.decision import TokenProfile

if TYPE_CHECKING:
    from watchword.core.compact import UnverifiedToken
    from watchword.core.strict_json import JsonValue

MAX_VALUE: Final = 256
"""Characters of one value. Whoever writes a longer one, perhaps to fill a memory, is recognised by its beginning."""

MAX_AUDIENCES: Final = 8


def profile_of(token: UnverifiedToken) -> TokenProfile:
    """The profile of a token, verified or not. It never raises: a token that is refused anyway must stay so."""
    header, claims = token.header, token.claims
    client_claim = client_id = None
    for name in CLIENT_CLAIMS:
        if name in claims:
            client_claim, client_id = name, claims[name]
            break
    audience = claims.get("aud")
    if isinstance(audience, list):
        audience = ", ".join([entry for entry in audience[:MAX_AUDIENCES] if isinstance(entry, str)])
    return TokenProfile(
        issuer=_said(claims.get("iss")),
        audience=_said(audience),
        client_claim=client_claim,
        client_id=_said(client_id),
        kid=_said(token.kid),
        alg=_said(header.get("alg")),
        typ=_said(header.get("typ")),
    )


def _said(value: JsonValue) -> str | None:
    if not isinstance(value, str):
        return None
    return value if len(value) <= MAX_VALUE else value[: MAX_VALUE - 1] + "…"
