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


def test_a_batch_says_who_counted_what_and_when() -> None:
    read = decode_batch(batch(7, line(NOW, calls=3), line(NOW, outcome="token_expired", profile=None)))

    assert (read.node, read.boot, read.sequence) == ("edge-1", "0123456789abcdef0123456789abcdef", 7)
    allowed, expired = read.lines
    assert (allowed.kind.organization, allowed.kind.outcome, allowed.calls) == ("acme", None, 3)
    assert allowed.kind.values()["issuer"] == OKTA["issuer"]
    assert (expired.kind.outcome, expired.kind.read) == ("token_expired", "nothing")
    assert allowed.kind.digest != expired.kind.digest


def test_what_differs_has_another_digest() -> None:
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
        batch(1, LINE, lines=["line"]),
        changed(more=1),
        changed(begins=-1),
        changed(begins=1.5),
        changed(calls=0),
        changed(calls=True),
        changed(calls=10**12),
        changed(revision=None),
        changed(organization="ACME"),
        changed(organization=1),
        changed(organization="ac\0me"),
        changed(organization=None),
        changed(outcome="no_such_reason"),
        changed(outcome=["token_expired"]),
        changed(outcome=1),
        changed(server="s" * 65),
        changed(server="a\0b"),
        changed(profile="another"),
        changed(profile=[]),
        changed(profile={**OKTA, "sub": "alice"}),
        changed(profile={"issuer": "x"}),
        changed(profile={**OKTA, "kid": "k" * 257}),
        changed(profile={**OKTA, "kid": "\u202e"}),
        changed(profile={**OKTA, "kid": 1}),
        json.dumps({"schema": 1}).encode(),
    ],
)
def test_anything_else_is_refused_whole(bad: bytes) -> None:
    with pytest.raises(BatchRefused):
        decode_batch(bad)
