"""Steps 4 and 5: reads the header and chooses the one key that may verify the token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from watchword.core import key_binding
from watchword.core.algorithms import ALGORITHMS, Algorithm
from watchword.core.decision import Reason
from watchword.core.profile import HeaderProfile, header_profile
from watchword.core.strict_json import JsonObject, JsonValue, is_absent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watchword.core.jwk import SigningKey

REFUSED_MEMBERS: Final = frozenset({"crit", "b64"})
"""`crit` demands extensions, none of which exist here; `b64` changes what is signed (RFC 7797; T-01, T-02). Both
are refused whatever their value.

No code here reads another member than `alg`, `kid` and `typ`: RFC 7515 section 4 wants the others ignored. The members
`jwk`, `jku`, `x5u`, `x5c`, `x5t` and `x5t#S256` bring or name a key of the sender's choice (A-14, A-15); `zip`
has a meaning in encrypted tokens alone (T-16), and ForgeRock AM writes `"zip": "NONE"` into every token."""

ACCESS_TOKEN: Final = "at+jwt"  # noqa: S105 - a media type.
ACCEPTED_TYPES: Final = frozenset({"jwt", "jws", "jose", ACCESS_TOKEN})
"""A JWT (RFC 7519 section 5.1), an access token (RFC 9068 section 2.1), or any JWS in the compact form, which is what
`JOSE` says (RFC 7515 section 4.1.9). In any case of ASCII letters, and with or without `application/`."""

_MEDIA: Final = "application/"


class UnverifiedHeader(NamedTuple):
    """The header as its sender wrote it. The verifier never follows it, it only compares it with its own rules.

    Attributes:
        kid: the name of the key that the token claims to be signed with; None if it names none.
        algorithm: the result of step 4, first half: the named row of the table; or the reason to refuse the token, for
            another algorithm, a demand for special processing, or another kind of token.
        says_access_token: whether `typ` says that this is an access token, and nothing else (RFC 9068).
        profile: the part that is counted.
    """

    kid: str | None
    algorithm: Algorithm | Reason
    says_access_token: bool
    profile: HeaderProfile


def read_header(members: JsonObject) -> UnverifiedHeader | Reason:
    """Read a header. The result depends on the members only, so callers may cache it.

    Refuses a `kid` that is not a text (RFC 7515 section 4.1.4, A-16).
    """
    kid = members.get("kid")
    if is_absent(kid):
        kid = None
    elif not isinstance(kid, str):
        return Reason.HEADER_MALFORMED
    typ = _type(members.get("typ"))
    return UnverifiedHeader(kid, _algorithm(members, typ), typ == ACCESS_TOKEN, header_profile(members))


def _type(typ: JsonValue) -> str | None:
    """The named type if it is accepted, empty if none is named, None for every other."""
    if is_absent(typ):
        return ""
    if not isinstance(typ, str) or not typ.isascii():
        return None
    name = typ.lower().removeprefix(_MEDIA)
    return name if name in ACCEPTED_TYPES else None


def _algorithm(members: JsonObject, typ: str | None) -> Algorithm | Reason:
    alg = members.get("alg")
    algorithm = ALGORITHMS.get(alg) if isinstance(alg, str) else None
    if algorithm is None:
        return Reason.ALGORITHM_NOT_ACCEPTED
    if not REFUSED_MEMBERS.isdisjoint(members):
        return Reason.HEADER_NOT_ACCEPTED
    return Reason.TYPE_NOT_ACCEPTED if typ is None else algorithm


def choose_key(
    keys: Sequence[SigningKey], kid: str | None, algorithm: Algorithm, claims: Mapping[str, JsonValue]
) -> SigningKey | Reason:
    """Step 5: the one key that may have signed the token.

    Args:
        keys: the keys of the organization's server; keys of other organizations are never passed here (A-21, M-01).
        kid: the key that the token names, or None.
        algorithm: must be one of those that the key may be used with (A-06 to A-09).
        claims: of the token, unverified. They can only rule out a key that is bound to an issuer.
    """
    if kid is None:
        fitting = [key for key in keys if algorithm.name in key.algorithms]
        if len({key.thumbprint for key in fitting}) > 1:
            # Trying one after the other would let a token choose how much work it causes.
            return Reason.KEY_AMBIGUOUS
        # After that, so that no binding makes a choice clear.
        return next((key for key in fitting if _is_for(key, claims)), Reason.NO_MATCHING_KEY)
    for key in keys:
        if key.kid == kid and algorithm.name in key.algorithms and _is_for(key, claims):
            return key
    # A key that is named is that key or none.
    named = [key for key in keys if key.kid == kid]
    if named and not any(algorithm.name in key.algorithms for key in named):
        return Reason.KEY_ALGORITHM_MISMATCH
    return Reason.NO_MATCHING_KEY


def _is_for(key: SigningKey, claims: Mapping[str, JsonValue]) -> bool:
    return key.issuer is None or key_binding.is_met(key.issuer, claims)
