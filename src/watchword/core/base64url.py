"""Base64url as RFC 7515 section 2 writes it, and no other spelling of the same bytes."""

from __future__ import annotations

from binascii import Error, a2b_base64, b2a_base64
from typing import Final

_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_TO_STANDARD: Final = bytes.maketrans(b"-_", b"+/")


class Base64urlRefused(Exception):
    """The text is not the one canonical base64url spelling of any bytes."""


def encode(octets: bytes) -> str:
    return _encode(octets).decode("ascii")


def decode(text: str) -> bytes:
    """Decode canonical base64url: no padding, no foreign characters, unused bits zero.

    Python's decoder drops foreign characters and ignores unused bits, so many texts would stand for one token and a
    list of revoked tokens could be walked around (CASES T-07 to T-11). Writing the bytes again and comparing leaves
    exactly one text, whatever the decoder tolerates.

    Raises:
        Base64urlRefused: for every other text.
    """
    try:
        written = text.encode("ascii")
        octets = a2b_base64(written.translate(_TO_STANDARD) + b"==")
    except (UnicodeEncodeError, Error):
        raise Base64urlRefused from None
    if _encode(octets) != written:
        raise Base64urlRefused
    return octets


def _encode(octets: bytes) -> bytes:
    return b2a_base64(octets, newline=False).rstrip(b"=").translate(_TO_URL)
