"""No request costs more than 100 times its size in memory, or 100 times the work of a normal one (T-03, T-05).

Work is counted, not timed: calls of functions, which are what the size of a token can multiply. Other tables bound the
cost of one call, such as the length of a number.
"""

from __future__ import annotations

import json
import sys
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from kit import acme, forge
from watchword.core import compact
from watchword.core.decision import Allow
from watchword.core.jwk import KeySetRefused, admit
from watchword.core.verify import LIMITS, verify

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = forge.ec_key("ec-1", "P-256")
TRUST = acme.trust(KEY)
ROOM = 12_000
"""Octets of claims that fit into a token of 16 KiB."""


def filled(piece: bytes, start: bytes = b'{"x":[', end: bytes = b"0]}") -> bytes:
    return start + piece * ((ROOM - len(start) - len(end)) // len(piece)) + end


FILLINGS: list[tuple[str, bytes]] = [
    ("numbers", filled(b"0,")),
    ("floats", filled(b"1.5,")),
    ("long numbers", filled(b"9" * 64 + b",")),
    ("empty lists", filled(b"[],")),
    ("empty objects", filled(b"{},")),
    ("objects of one member", filled(b'{"":0},')),
    ("objects in objects", filled(b'{"a":{"a":{"a":0}}},')),
    ("empty texts", filled(b'"",')),
    ("texts of one character beyond the first plane", filled('"\U0001f511",'.encode())),
    ("escapes", filled(b"\\u20ac", b'{"x":"', b'"}')),
    ("escaped quotes", filled(b'\\"', b'{"x":"', b'"}')),
    ("one text of the widest characters", filled(b"a", '{"x":"\U0001f511'.encode(), b'"}')),
    ("brackets in texts", filled(b"[{", b'{"x":"', b'"}')),
    ("brackets that are never closed", filled(b"[", b'{"x":', b"")),
    ("brackets that were never opened", filled(b"]", b'{"x":0', b"")),
    ("FK-07: 5,700 nested lists", b'{"x":' + b"[" * 5_700 + b"]" * 5_700 + b"}"),
    ("FK-07: lists that climb", filled(b"[[],", b'{"x":', b"")),
    ("as deep as allowed, again and again", filled(b"[" * 30 + b"]" * 30 + b",")),
    ("members", b"{" + b",".join(b'"%x":0' % number for number in range(1_400)) + b"}"),
    ("the same member", filled(b'"a":0,', b"{", b'"a":0}')),
    ("quotes that are never closed", filled(b'"a"b', b'{"x":', b"")),
    ("zeros", bytes(ROOM)),
    ("spaces", filled(b" ", b"{", b"}")),
]


def hostile_tokens() -> dict[str, str]:
    tokens = {f"claims of {name}": forge.token(KEY, "ES256", payload=octets) for name, octets in FILLINGS}
    headers = {
        f"a header of {name}": forge.token(KEY, "ES256", header_octets=octets, payload=b"{}")
        for name, octets in FILLINGS
    }
    good = forge.claims()
    lists = {
        "many audiences": forge.token(KEY, "ES256", aud=[str(number) for number in range(1_500)]),
        "many scopes": forge.token(KEY, "ES256", scope=..., scp=["a"] * 2_300),
        "good claims behind many numbers": forge.token(KEY, "ES256", payload={"x": [0] * 3_700, **good}),
    }
    texts = {
        "dots": "." * LIMITS.max_token_bytes,
        "foreign characters": "~" * LIMITS.max_token_bytes,
        "a token of the largest size that is no base64url": "A" * LIMITS.max_token_bytes,
        "a token a hundred times too large": "A" * LIMITS.max_token_bytes * 100,
    }
    return {**tokens, **headers, **lists, **texts}


HOSTILE = hostile_tokens()


def decide(token: str) -> Callable[[], object]:
    authorization = (f"Bearer {token}",)
    return lambda: verify(authorization, TRUST, now=forge.NOW, snapshot_good_until=forge.NOW + 1)


def calls(work: Callable[[], object]) -> int:
    """How many functions are called, those written in C included."""
    count = 0

    def note(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def peak(work: Callable[[], object]) -> int:
    """The most memory in use at once, in bytes."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


NORMAL = forge.token(KEY, "ES256")
SIGNATURE = 150
"""Calls that take as long as verifying the quickest signature: 25 µs for RSA with 2048 bits, at 0.15 µs a call."""


def test_normal_token_is_allowed_cheaply() -> None:
    assert isinstance(decide(NORMAL)(), Allow)
    assert 30 < calls(decide(NORMAL)) < 200


@pytest.mark.parametrize("token", HOSTILE.values(), ids=HOSTILE)
def test_t03_t05_no_request_takes_100_times_its_size_in_memory(token: str) -> None:
    decide(NORMAL)()
    assert peak(decide(token)) < 100 * len(token)


@pytest.mark.parametrize("token", HOSTILE.values(), ids=HOSTILE)
def test_t03_t05_no_request_takes_100_times_the_work_of_a_normal_one(token: str) -> None:
    assert calls(decide(token)) < 100 * (calls(decide(NORMAL)) + SIGNATURE)


def test_normal_token_takes_less_than_100_times_its_size() -> None:
    assert peak(decide(NORMAL)) < 100 * len(NORMAL)


def test_remembered_headers_are_few_and_small() -> None:
    """A flood of headers that are remembered takes less than a megabyte."""
    tokens = [
        forge.token(KEY, "ES256", header_octets=b'{"kid":"%0160d","alg":"ES256"}' % number, payload=b"{}")
        for number in range(3_000)
    ]
    assert 240 < len(tokens[0].partition(".")[0]) <= 256

    def flood() -> None:
        for token in tokens:
            decide(token)()

    assert peak(flood) < 2**20


def test_longer_headers_are_not_remembered() -> None:
    remembered = compact._cached_header.cache_info
    for size, reads in ((120, 1), (200, 0)):
        token = forge.token(KEY, "ES256", header_changes={"x": "x" * size})
        before = remembered().misses
        decide(token)()
        decide(token)()
        assert remembered().misses - before == reads


def test_remembered_header_cannot_be_changed() -> None:
    token: Any = compact.parse(NORMAL.encode())
    for field in token.header._fields:
        with pytest.raises(AttributeError):
            setattr(token.header, field, None)


def test_fk_07_no_key_set_takes_more_than_two_calls_an_octet() -> None:
    """For any nesting; other tables bound the cost of one call."""
    pieces = (
        b"[],",
        b"{},",
        b"0,",
        b'"",',
        b'{"":0},',
        b"[" * 29 + b"]" * 29 + b",",
        b"9" * 64 + b",",
        b"1.5,",
        b'\\"',
    )
    documents = [b'{"keys":[' + piece * (260_000 // len(piece)) + b"0]}" for piece in pieces]
    documents += [b'{"keys":' + b"[" * 130_000 + b"]" * 130_000 + b"}", b'{"keys":' + b'{"":' * 60_000, b"[" * 260_000]
    for document in documents:

        def read(document: bytes = document) -> None:
            with pytest.raises(KeySetRefused):
                admit(document)

        assert calls(read) < 2 * len(document)


def test_w12_no_key_set_takes_100_times_its_size_in_memory() -> None:
    for piece in (b"[],", b"{},", b"0,", b'"",', b'{"":0},'):
        document = b'{"keys":[' + piece * (260_000 // len(piece)) + b"0]}"
        assert json.loads(document)

        def read(document: bytes = document) -> None:
            with pytest.raises(KeySetRefused):
                admit(document)

        assert peak(read) < 100 * len(document)
