"""The form in which `cryptography` wants an ECDSA signature: ASN.1, in DER (RFC 3279 section 2.2.3, X.690).

A JWS has the two numbers side by side. Between the two spellings nothing needs to be calculated; the library's own
`encode_dss_signature` goes by way of two big integers and takes four times as long.
"""

from __future__ import annotations

from typing import Final

_TOP_BIT: Final = 0x80

_INTEGER: Final = tuple(bytes((0x02, length)) for length in range(_TOP_BIT))
_INTEGER_AFTER_ZERO: Final = tuple(bytes((0x02, length + 1, 0x00)) for length in range(_TOP_BIT - 1))
"""What stands before the octets of a number, by their length. The second is for those whose first bit is set: without
a zero before it, that bit would make the number negative."""

_SEQUENCE: Final = tuple(
    bytes((0x30, length)) if length < _TOP_BIT else bytes((0x30, 0x81, length)) for length in range(0x100)
)
"""What stands before both numbers together, by their length; a length has a second form from 128 octets on."""


def encode(r: bytes, s: bytes) -> bytes:
    """Write two numbers above zero, both big-endian, of at most 124 octets each.

    Raises:
        IndexError: for zero, which has no place in a signature, and for what has no form here.
    """
    r, s = r.lstrip(b"\0"), s.lstrip(b"\0")
    first = (_INTEGER if r[0] < _TOP_BIT else _INTEGER_AFTER_ZERO)[len(r)] + r
    numbers = first + (_INTEGER if s[0] < _TOP_BIT else _INTEGER_AFTER_ZERO)[len(s)] + s
    return _SEQUENCE[len(numbers)] + numbers
