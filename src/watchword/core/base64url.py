"""Base64url as in RFC 7515 section 2, with exactly one accepted spelling of the same bytes."""

from __future__ import annotations

from binascii import Error, a2b_base64, b2a_base64
from typing import Final

_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_TO_STANDARD: Final = bytes.maketrans(b"-_+/=", b"+/!!!")
"""Characters of the standard alphabet, and padding, become a character that no alphabet contains."""

_PADDING: Final = (b"", b"", b"==", b"=")
_LAST: Final = (_ALPHABET, b"", _ALPHABET[::16], _ALPHABET[::4])
"""By the length modulo 4: the padding that the decoder expects, and the characters that may come last, whose unused
bits are zero. A length of 1 modulo 4 is impossible."""


class Base64urlRefused(Exception):
    """The text is not the one canonical base64url spelling of any bytes."""


def encode(octets: bytes) -> str:
    return b2a_base64(octets, newline=False).rstrip(b"=").translate(_TO_URL).decode("ascii")


def decode(text: str) -> bytes:
    """Decode a text like `decode_ascii`.

    Raises:
        Base64urlRefused: also for characters outside ASCII.
    """
    try:
        return decode_ascii(text.encode("ascii"))
    except UnicodeEncodeError:
        raise Base64urlRefused from None


def decode_ascii(written: bytes) -> bytes:
    """Decode canonical base64url: no padding, no foreign characters, unused bits zero.

    Without `strict_mode`, Python's decoder drops foreign characters, and it always ignores unused bits. Then many texts
    would mean one token, and a modified text could bypass a list of revoked tokens (T-07 to T-11).

    Raises:
        Base64urlRefused: for every other text.
    """
    over = len(written) % 4
    if written and written[-1] not in _LAST[over]:
        raise Base64urlRefused
    try:
        return a2b_base64(written.translate(_TO_STANDARD) + _PADDING[over], strict_mode=True)
    except Error:
        raise Base64urlRefused from None
