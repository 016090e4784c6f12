"""Steps 4 and 5: what the header asks for, and the one key that may answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from watchword.core.algorithms import ALGORITHMS, Algorithm
from watchword.core.decision import Reason, TokenRefused
from watchword.core.jwk import is_kid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword.core.compact import UnverifiedHeader
    from watchword.core.jwk import SigningKey

REFUSED_MEMBERS: Final = frozenset({"crit", "b64", "zip"})
"""`crit` demands extensions, none of which exist here; `b64` changes what is signed (RFC 7797); `zip` asks to
decompress (CASES T-01, T-02, T-16). All three are refused whatever their value.

The members `jwk`, `jku`, `x5u`, `x5c`, `x5t` and `x5t#S256` bring or name a key of the sender's choice (CASES A-14,
A-15). They are not refused, as some authorization servers add thumbprints, but no code here reads them."""

ACCEPTED_TYPES: Final = frozenset({"jwt", "at+jwt", "application/at+jwt"})
"""RFC 7519 section 5.1 and RFC 9068 section 2.1, in any case (RFC 2045 section 5.1)."""


def accepted_algorithm(header: UnverifiedHeader) -> Algorithm:
    """Step 4: the row of the table that the header names.

    Raises:
        TokenRefused: for another algorithm, a demand for special processing, or another kind of token.
    """
    alg = header.get("alg")
    algorithm = ALGORITHMS.get(alg) if isinstance(alg, str) else None
    if algorithm is None:
        raise TokenRefused(Reason.ALGORITHM_NOT_ACCEPTED)
    if not REFUSED_MEMBERS.isdisjoint(header):
        raise TokenRefused(Reason.HEADER_NOT_ACCEPTED)
    if "typ" in header:
        typ = header["typ"]
        if not isinstance(typ, str) or typ.lower() not in ACCEPTED_TYPES:
            raise TokenRefused(Reason.TYPE_NOT_ACCEPTED)
    return algorithm


def choose_key(keys: Sequence[SigningKey], kid: str | None, algorithm: Algorithm) -> SigningKey:
    """Step 5: the one key that the token may be signed with.

    Args:
        keys: the keys of the one server that is asked about, so a key of another organization cannot be met here
            (CASES A-21, M-01).
        kid: the key that the token names, or None.
        algorithm: must be among those the key may be used with (CASES A-06 to A-09).

    Raises:
        TokenRefused: NO_MATCHING_KEY carries the `kid` that is not published, as it may be a new one.
    """
    if kid is None:
        fitting = [key for key in keys if algorithm.name in key.algorithms]
        if len({key.thumbprint for key in fitting}) > 1:
            # Trying one after the other would let a token choose how much work it causes (CASES A-19).
            raise TokenRefused(Reason.KEY_AMBIGUOUS)
        if not fitting:
            raise TokenRefused(Reason.NO_MATCHING_KEY)
        return fitting[0]
    for key in keys:
        if key.kid == kid and algorithm.name in key.algorithms:
            return key
    # A key that is named is that key or none (CASES ).
    if any(key.kid == kid for key in keys):
        raise TokenRefused(Reason.KEY_ALGORITHM_MISMATCH)
    raise TokenRefused(Reason.NO_MATCHING_KEY, unknown_kid=kid if is_kid(kid) else None)
