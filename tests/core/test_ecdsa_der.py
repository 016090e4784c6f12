"""The ASN.1 form of ECDSA signatures, compared with the library's own."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from watchword.core.signature import ecdsa_der

SIZES = (32, 48, 66)


@st.composite
def numbers(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Two numbers above zero of one size, among them short ones and those whose first bit is set."""
    size = draw(st.sampled_from(SIZES))
    r, s = (draw(st.integers(1, 256**size - 1) | st.integers(0, 8 * size - 1).map((1).__lshift__)) for _ in range(2))
    return r.to_bytes(size, "big"), s.to_bytes(size, "big")


@given(numbers())
def test_numbers_are_written_as_the_library_writes_them(both: tuple[bytes, bytes]) -> None:
    r, s = both
    assert ecdsa_der(r, s) == encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))


@pytest.mark.parametrize("size", SIZES)
def test_smallest_and_largest_numbers_are_written_correctly(size: int) -> None:
    for r, s in ((1, 256**size - 1), (256**size - 1, 1), (0x7F, 0x80), (0x80, 0x7F), (256**size - 1, 256**size - 1)):
        written = ecdsa_der(r.to_bytes(size, "big"), s.to_bytes(size, "big"))
        assert written == encode_dss_signature(r, s)


def test_zero_and_too_long_numbers_are_refused() -> None:
    one = b"\x01"
    for r, s in ((bytes(32), one), (one, bytes(32)), (b"", one), (one * 126, one * 126), (one * 128, one)):
        with pytest.raises(IndexError):
            ecdsa_der(r, s)
