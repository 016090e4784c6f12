"""Properties of the parsers: they refuse in their own way only, and what they accept has one spelling."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from watchword.core import base64url
from watchword.core.base64url import Base64urlRefused
from watchword.core.bearer import characters_of, text_of
from watchword.core.compact import parse
from watchword.core.decision import Reason
from watchword.core.jwk import IgnoredKey, KeySetRefused, SigningKey, admit, admit_key
from watchword.core.strict_json import MAX_DEPTH, JsonRefused, parse_object

SCALARS = st.none() | st.booleans() | st.integers(-(10**60), 10**60) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(SCALARS | TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=20)
OBJECTS = st.dictionaries(TEXTS, VALUES)

JSON_PIECES = st.sampled_from(
    [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        '"',
        '"a"',
        '"b"',
        "1",
        "1e999",
        "-0",
        "NaN",
        "true",
        "null",
        " ",
        "\n",
        "\\u",
        "d800",
    ]
)


@given(st.binary())
def test_base64url_survives_decoding(octets: bytes) -> None:
    assert base64url.decode(base64url.encode(octets)) == octets


@given(st.text(alphabet="ABCgw089-_+/= \n\u00c4", max_size=12) | st.text(max_size=12))
def test_base64url_accepts_only_canonical_text(text: str) -> None:
    try:
        octets = base64url.decode(text)
    except Base64urlRefused:
        return
    assert base64url.encode(octets) == text


@given(st.binary(max_size=300) | st.lists(JSON_PIECES, max_size=30).map(lambda pieces: "".join(pieces).encode()))
def test_json_is_read_or_refused(octets: bytes) -> None:
    try:
        value = parse_object(octets)
    except JsonRefused:
        return
    assert value == json.loads(octets)


@given(OBJECTS, st.booleans())
def test_json_object_is_read_as_it_was_written(value: dict[str, object], escaped: bool) -> None:  # noqa: FBT001
    written = json.dumps(value, ensure_ascii=escaped).encode()
    if depth_of(value) > MAX_DEPTH:
        with pytest.raises(JsonRefused):
            parse_object(written)
    else:
        assert parse_object(written) == value


def depth_of(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


@given(st.integers(1, 2 * MAX_DEPTH), st.text(alphabet='[]{}\\"a'), st.booleans())
@example(depth=MAX_DEPTH, text='\\"[[[{', in_list=True)
def test_depth_ignores_brackets_in_texts(depth: int, text: str, in_list: bool) -> None:  # noqa: FBT001
    value: object = text
    for _ in range(depth - 1):
        value = [value] if in_list else {text: value}
    octets = json.dumps({"x": value, "y": [text] * 20}).encode()
    if depth <= MAX_DEPTH:
        assert parse_object(octets)["y"] == [text] * 20
    else:
        with pytest.raises(JsonRefused):
            parse_object(octets)


@given(st.text(max_size=200) | st.lists(st.text(alphabet="eyJ9.AQ-_", max_size=30), max_size=5).map(".".join))
def test_token_is_parsed_or_refused(text: str) -> None:
    token = parse(text.encode())
    if isinstance(token, Reason):
        return
    assert f"{token.signing_input.decode()}.{base64url.encode(token.signature)}" == text


@given(st.lists(st.text(max_size=40) | st.text(max_size=40).map("Bearer ".__add__), max_size=3))
def test_bearer_token_is_found_or_refused(values: list[str]) -> None:
    text = text_of(values, 16_384)
    token = text if isinstance(text, Reason) else characters_of(text)
    if isinstance(token, Reason):
        return
    assert len(values) == 1
    assert values[0][:7].lower() == "bearer "
    assert values[0].endswith(token.decode("ascii"))
    assert not set(token) & set(' \t\r\n,"')


MEMBER_NAMES = st.sampled_from(["kty", "kid", "use", "key_ops", "alg", "n", "e", "crv", "x", "y", "d", "k", "x5c"])
MEMBER_VALUES = VALUES | st.sampled_from(["RSA", "EC", "OKP", "oct", "P-256", "Ed25519", "RS256", "sig", "AQAB", "AA"])
JWKS = st.dictionaries(MEMBER_NAMES, MEMBER_VALUES)


@given(JWKS | VALUES)
def test_key_is_admitted_or_ignored(jwk: object) -> None:
    assert isinstance(admit_key(jwk), SigningKey | IgnoredKey)


@given(st.binary(max_size=200) | st.lists(JWKS, max_size=5).map(lambda keys: json.dumps({"keys": keys}).encode()))
def test_key_set_is_admitted_or_refused(document: bytes) -> None:
    try:
        keys = admit(document)
    except KeySetRefused:
        return
    assert keys.keys
