from __future__ import annotations

import json
from typing import Any

import pytest

from kit.people import NOW
from kit.usage import OKTA, batch, line
from watchword.control.activity.batches import MAX_LINES, BatchRefused, decode_batch

LINE = line(NOW)


def changed(**changes: Any) -> bytes:
    return batch(1, LINE | changes)


def test_batch_is_decoded() -> None:
    read = decode_batch(batch(7, line(NOW, calls=3), line(NOW, outcome="token_expired", profile=None)))

    assert (read.node, read.boot, read.sequence) == ("edge-1", "0123456789abcdef0123456789abcdef", 7)
    allowed, expired = read.lines
    assert (allowed.kind.organization, allowed.kind.outcome, allowed.calls) == ("acme", None, 3)
    assert allowed.kind.values()["issuer"] == OKTA["issuer"]
    assert (expired.kind.outcome, expired.kind.read) == ("token_expired", "nothing")
    assert allowed.kind.digest != expired.kind.digest


def test_different_kinds_have_different_digests() -> None:
    kinds: list[dict[str, Any]] = [
        {},
        {"organization": "globex"},
        {"server": None},
        {"outcome": "token_expired"},
        {"profile": "other"},
        {"profile": {**OKTA, "kid": None}},
        {"profile": {**OKTA, "kid": OKTA["alg"], "alg": OKTA["kid"]}},
    ]

    digests = {decode_batch(changed(**changes)).lines[0].kind.digest for changes in kinds}

    assert len(digests) == len(kinds)


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        batch(1, LINE, schema=2),
        batch(1, LINE, schema=True),
        batch(1, LINE, more=1),
        batch(1),
        batch(1, *[LINE] * (MAX_LINES + 1)),
        batch(1, LINE, lines={}),
        batch(0, LINE),
        batch("1", LINE),
        batch(2**53, LINE),
        batch(1, LINE, node=""),
        batch(1, LINE, node="a b"),
        batch(1, LINE, node="n" * 65),
        batch(1, LINE, node=None),
        batch(1, LINE, boot="xyz"),
        batch(1, LINE, boot="0" * 33),
        json.dumps({"schema": 1}).encode(),
    ],
)
def test_batch_of_another_form_is_refused_whole(bad: bytes) -> None:
    with pytest.raises(BatchRefused):
        decode_batch(bad)


@pytest.mark.parametrize(
    "odd",
    [
        "line",
        {"begins": 0},
        *(LINE | changes for changes in (
            {"begins": -1}, {"begins": 1.5}, {"begins": float("nan")}, {"calls": 0}, {"calls": True},
            {"begins": 10**30}, {"revision": 10**30}, {"revision": None},
            {"organization": "ACME"}, {"organization": 1}, {"organization": "ac\0me"}, {"organization": None},
            {"outcome": ["token_expired"]}, {"outcome": 1}, {"outcome": ""}, {"outcome": "x" * 33},
            {"outcome": "a\0b"}, {"server": 1}, {"profile": {**OKTA, "kid": 1}},
        )),
    ],
)  # fmt: skip
def test_fi_02_odd_line_is_left_out_and_the_others_count(odd: Any) -> None:
    read = decode_batch(batch(1, LINE, odd, line(NOW, calls=7)))
    assert ([one.calls for one in read.lines], read.dropped) == ([1, 7], 1)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("a\0b", "a\ufffdb"),
        ("a\ud800b", "a\ufffdb"),
        ("a\u202eb", "a\ufffdb"),
        ("a\U000e0041b", "a\ufffdb"),
        ("k" * 300, "k" * 256),
        # Which of these an interpreter calls printable depends on its version.
        ("\U0001fae9\u1c89", "\U0001fae9\u1c89"),
    ],
    ids=ascii,
)
def test_fi_02_value_that_cannot_be_stored_is_replaced(value: str, kept: str) -> None:
    read = decode_batch(changed(profile={**OKTA, "issuer": value}))
    assert (read.lines[0].kind.values()["issuer"], read.dropped) == (kept, 0)


@pytest.mark.parametrize("profile", ["another", [], {"issuer": "x"}])
def test_fi_02_calls_count_whatever_their_profile_is(profile: object) -> None:
    (read,) = decode_batch(changed(profile=profile)).lines
    assert (read.calls, read.kind.read) == (1, "other")


def test_fi_02_codes_of_newer_verifiers_count() -> None:
    (read,) = decode_batch(changed(outcome="token_bound", more=1, profile={**OKTA, "tenancy": "x"})).lines
    assert (read.kind.outcome, read.kind.values()["issuer"]) == ("token_bound", OKTA["issuer"])
