"""Base64url as RFC 7515 section 2 writes it, and no other spelling of the same bytes."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode


class Base64urlRefused(Exception):
    """The text is not the one canonical base64url spelling of any bytes."""


def encode(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Decode canonical base64url: no padding, no foreign characters, unused bits zero.

    Python's decoder drops foreign characters and ignores unused bits, so many texts would stand for one token and a
    list of revoked tokens could be walked around (CASES T-07 to T-11). Writing the bytes again and comparing leaves
    exactly one text, whatever the decoder tolerates.

    Raises:
        Base64urlRefused: for every other text.
    """
    try:
        octets = urlsafe_b64decode(text.encode("ascii") + b"==")
    except (UnicodeEncodeError, binascii.Error):
        raise Base64urlRefused from None
    if encode(octets) != text:
        raise Base64urlRefused
    return octets
