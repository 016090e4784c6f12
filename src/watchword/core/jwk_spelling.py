"""Reads the members of a JWK in the spellings that products use, if they are unambiguous.

RFC 7517 and RFC 7518 allow one spelling of a key. Some products write others that still mean exactly one key, and their
customers cannot change that. The values are then used in canonical form, so that the thumbprint, the stored key and
every decision do not depend on the spelling. Tokens are never read like this (T-08, T-10).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from watchword.core import base64url
from watchword.core.strict_json import is_absent

if TYPE_CHECKING:
    from collections.abc import Mapping

_TO_URL: Final = str.maketrans("+/", "-_")


def member(jwk: Mapping[str, object], name: str) -> object:
    """The value of a member; None if it is absent.

    Some serializers write all fields of an object, absent ones as null, an empty text or an empty list (.NET: `"d":
    null` in a public key). No member of a JWK can have such a value.
    """
    value = jwk.get(name)
    return None if is_absent(value) else value


def octets(value: str) -> bytes:
    """Decode base64url, also if it is padded or in the standard alphabet.

    Cloud Foundry UAA, IdentityServer3 and Amazon Cognito have published keys in the standard alphabet. Other spellings
    are ambiguous or unknown in practice, and refused: both alphabets in one value, padding that does not fill the last
    group, white space, unused bits that are not zero.

    Raises:
        base64url.Base64urlRefused: for all of these.
    """
    bare = value.rstrip("=")
    if bare != value and value != bare + "=" * (-len(bare) % 4):
        raise base64url.Base64urlRefused
    if "+" in bare or "/" in bare:
        if "-" in bare or "_" in bare:
            raise base64url.Base64urlRefused
        bare = bare.translate(_TO_URL)
    return base64url.decode(bare)


def shortest(number: bytes) -> bytes:
    """A number without leading zero bytes (Base64urlUInt, RFC 7518 section 2); zero becomes empty.

    Java's `BigInteger.toByteArray` adds one to a number whose first bit is set.
    """
    return number.lstrip(b"\x00")


def of_length(number: bytes, length: int) -> bytes:
    """A number with leading zero bytes up to a length (RFC 7518 section 6.2.1.2); a longer number stays longer.

    A product that drops the leading zeros publishes a short coordinate for one key in 128.
    """
    return shortest(number).rjust(length, b"\x00")
