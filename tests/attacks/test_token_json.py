"""Headers and claims that are not strict JSON objects (T-05, T-12 to T-14, C-02)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from kit import acme, forge
from watchword.core import strict_json
from watchword.core.decision import Reason

if TYPE_CHECKING:
    from collections.abc import Callable


KEY = forge.ec_key("ec-1", "P-256")
TRUST = acme.trust(KEY)


def refusal(token: str) -> Reason | None:
    return acme.reason(acme.decide(token, TRUST))


def header_of(text: bytes) -> str:
    return forge.token(KEY, "ES256", header_octets=text)


def claims_of(text: bytes) -> str:
    return forge.token(KEY, "ES256", payload=text)


OBJECT_ATTACKS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("T-12, T-13: a name twice, the same value", lambda good: good[:-1] + b"," + good[1:]),
    ("T-12, T-13: a name twice, once spelled with escapes", lambda good: good[:-1] + b',"x":1,"\\u0078":2}'),
    ("T-13: a name twice, deep inside", lambda good: good[:-1] + b',"x":[{"y":1,"y":1}]}'),
    ("T-05: nested 33 deep", lambda good: good[:-1] + b',"x":' + b"[" * 32 + b"]" * 32 + b"}"),
    ("T-05: nested 1,000 deep", lambda good: good[:-1] + b',"x":' + b"[" * 1_000 + b"]" * 1_000 + b"}"),
    ("T-05: nested 5,000 deep in objects", lambda good: good[:-1] + b',"x":' + b'{"":' * 2_000 + b"1" + b"}" * 2_001),
    ("T-05: opened 10,000 times and never closed", lambda _: b"[" * 10_000),
    ("T-14: UTF-16", lambda good: good.decode().encode("utf-16")),
    ("T-14: UTF-16 without byte order mark", lambda good: good.decode().encode("utf-16-le")),
    ("T-14: UTF-32", lambda good: good.decode().encode("utf-32")),
    ("T-14: a byte order mark", lambda good: b"\xef\xbb\xbf" + good),
    ("T-14: bytes that are not UTF-8", lambda good: good[:-1] + b',"x":"\xff"}'),
    ("T-14: an overlong encoding", lambda good: good[:-1] + b',"x":"\xc0\xaf"}'),
    ("T-14: a surrogate in UTF-8", lambda good: good[:-1] + b',"x":"\xed\xa0\x80"}'),
    ("T-14: half of a surrogate pair", lambda good: good[:-1] + b',"x":"\\ud800"}'),
    (
        "T-14: half of a surrogate pair in a claim that is passed on",
        lambda good: good.replace(b'"alice"', b'"\\udc00"').replace(b'"ec-1"', b'"\\udc00"'),
    ),
    ("T-14: half of a surrogate pair as a name", lambda good: good[:-1] + b',"\\udfff":1}'),
    ("T-14: half of a surrogate pair, deep inside", lambda good: good[:-1] + b',"x":[{"y":["\\uDBFF"]}]}'),
    ("C-02: NaN", lambda good: good[:-1] + b',"x":NaN}'),
    ("C-02: Infinity", lambda good: good[:-1] + b',"x":Infinity}'),
    ("C-02: -Infinity", lambda good: good[:-1] + b',"x":-Infinity}'),
    ("C-02: a number that overflows", lambda good: good[:-1] + b',"x":1e400}'),
    ("C-02: 4,000 digits", lambda good: good[:-1] + b',"x":' + b"9" * 4_000 + b"}"),
    ("C-02: 5,000 digits, more than Python converts", lambda good: good[:-1] + b',"x":' + b"9" * 5_000 + b"}"),
    ("C-02: 4,000 digits after the point", lambda good: good[:-1] + b',"x":0.' + b"9" * 4_000 + b"}"),
    ("a comment", lambda good: good[:-1] + b"/**/}"),
    ("a trailing comma", lambda good: good[:-1] + b",}"),
    ("single quotes", lambda good: good.replace(b'"', b"'")),
    ("a raw line feed in a text", lambda good: good[:-1] + b',"x":"\n"}'),
    ("trailing bytes", lambda good: good + b"x"),
    ("two objects", lambda good: good + good),
    ("a zero byte behind", lambda good: good + b"\x00"),
    ("a no-break space before, which is no white space of JSON", lambda good: "\u00a0".encode() + good),
    ("a list", lambda good: b"[" + good + b"]"),
    ("a text", lambda good: json.dumps(good.decode()).encode()),
    ("null", lambda _: b"null"),
    ("true", lambda _: b"true"),
    ("a number", lambda _: b"1"),
    ("nothing", lambda _: b""),
    ("white space", lambda _: b"  "),
]


@pytest.mark.parametrize("change", [row[1] for row in OBJECT_ATTACKS], ids=[row[0] for row in OBJECT_ATTACKS])
def test_header_and_claims_are_strict_json_objects(change: Callable[[bytes], bytes]) -> None:
    header = json.dumps(forge.header(KEY, "ES256")).encode()
    claims = json.dumps(forge.claims()).encode()
    assert refusal(header_of(header)) is refusal(claims_of(claims)) is None
    assert refusal(header_of(change(header))) is Reason.HEADER_MALFORMED
    assert refusal(claims_of(change(claims))) is Reason.CLAIMS_MALFORMED


@pytest.mark.parametrize(
    "header",
    [b'{"alg":"none","alg":"ES256","kid":"ec-1"}', b'{"alg":"ES256","alg":"none","kid":"ec-1"}'],
    ids=["none first", "none last"],
)
def test_t12_two_algorithms_are_refused_in_either_order(header: bytes) -> None:
    assert refusal(header_of(header)) is Reason.HEADER_MALFORMED


@pytest.mark.parametrize("part", [header_of, claims_of], ids=["header", "claims"])
def test_t05_nesting_of_100_000_exceeds_the_token_limit(part: Callable[[bytes], str]) -> None:
    assert refusal(part(b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}")) is Reason.TOKEN_TOO_LARGE


@pytest.mark.parametrize("name", ["iss", "aud", "exp", "client_id", "\\u0069ss", "\\u0065xp"])
def test_t13_repeated_claim_is_refused(name: str) -> None:
    good = json.dumps(forge.claims())
    assert refusal(claims_of(f'{good[:-1]},"{name}":"x"}}'.encode())) is Reason.CLAIMS_MALFORMED


@pytest.mark.parametrize(
    "text",
    [
        b'{"\\u0061lg":"ES256","kid":"ec-1"}',
        b' {"alg" : "ES256" ,\r\n\t"kid":"ec-1"} ',
        b'{"alg":"ES256","kid":"ec-1","x":"\\ud83d\\ude00"}',
    ],
    ids=["escaped name", "white space", "whole surrogate pair"],
)
def test_unusual_but_unambiguous_json_is_accepted(text: bytes) -> None:
    assert refusal(header_of(text)) is None


def test_t05_nesting_of_32_is_accepted_without_brackets_in_texts() -> None:
    deep: list[object] = [1]
    for _ in range(30):
        deep = [deep]
    assert refusal(forge.token(KEY, "ES256", x=[deep[0], deep[0]], y='[{"' * 100, z=[[], {}] * 100)) is None


@pytest.mark.parametrize("end", ["", "\\"], ids=["cut off", "cut off in an escape"])
def test_t03_unterminated_string_is_scanned_once(end: str) -> None:
    # If the scan restarted at each escaped quote, 16 KiB of them would cost a second of the verifier's core.
    unending = ('"' + '\\"' * 1_000 + end).encode()
    assert [match.group() for match in strict_json._STRING.finditer(unending)] == [unending]
