"""Spellings: the members of a JWK as products write them, read as what alone they can mean.

RFC 7517 and RFC 7518 allow one spelling of a key. Products write others that can mean only one key too, and their
customers cannot change that. What is read here goes on in its canonical form, so that the thumbprint, the stored key
and every decision are those of the key, however it was spelled. Tokens are never read like this (T-08, T-10).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from watchword.core import base64url
from watchword.core.strict_json import is_absent

if TYPE_CHECKING:
    from collections.abc import Mapping

_TO_URL: Final = str.maketrans("+/", "-_")


def member(jwk: Mapping[str, object], name: str) -> object:
    """The value of a member, None if it is absent.

    A serializer that writes every field of an object writes absent ones as null, as an empty text or as an empty list
    (.NET: `"d": null` in a public key). None of these is a value that a member of a JWK can have.
    """
    value = jwk.get(name)
    return None if is_absent(value) else value


def octets(value: str) -> bytes:
    """Decode base64url, also when it is padded, or in the standard alphabet.

    Cloud Foundry UAA, IdentityServer3 and Amazon Cognito have published keys in the standard alphabet. Everything else
    has no single meaning or no known sender, and is refused: both alphabets in one value, padding that does not fill
    the last group, white space, unused bits that are not zero.

    Raises:
        base64url.Base64urlRefused: for these.
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
    """A number without zero octets before it (Base64urlUInt, RFC 7518 section 2); zero is no octet at all.

    Java's `BigInteger.toByteArray` puts one before a number whose first bit is set.
    """
    return number.lstrip(b"\x00")


def of_length(number: bytes, length: int) -> bytes:
    """A number with zero octets before it up to a length (RFC 7518 section 6.2.1.2); a longer number stays longer.

    A product that drops the zeros before a coordinate publishes a short one for one key in 128.
    """
    return shortest(number).rjust(length, b"\x00")
