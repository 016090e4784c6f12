"""Every version of Python accepts the same: control plane and verifier may run on two (FI-01)."""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from fuzz.answers import answers_of_another, asked_here
from kit import acme, forge, interpreters
from kit.odd_answers import BLOCK, Question, answers_to
from watchword.core.characters import is_printable
from watchword.core.decision import Reason
from watchword.core.trust import ANY
from watchword.feed import Page, encode_page, encode_trust

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

RSA, EC, PQ = forge.rsa_key("k1"), forge.ec_key("k1"), forge.ml_dsa_key("pq")
BLOCKS = range(0, sys.maxunicode + 1, BLOCK)
WITH_LETTERS = range(0, 0x20000, BLOCK)
"""The planes of Unicode that hold letters with cases, blanks and digits."""

TEXTS = [
    # Characters that Unicode 15, 15.1 and 16 added; unassigned ones; and digits, letters and blanks of other scripts.
    "\U0001e030", "\U0002ebf0", "\U0001cc00", "\U0003fff0", "\u0661", "\u212a", "\u0130", "\u017f", "\uff21", "\u00a0",
    "\u2028", "\u200d", "\u0085", "\x1c", "\x00", "\ufeff", "\ufffe", "\ue000", "e\u0301", "\u1e9e", "\u00df", "\u03c2",
]  # fmt: skip


def _documents() -> list[str]:
    """JSON as octets, one character each, as it is read from outside."""
    good = forge.key_set(RSA, EC.named("k2"))
    odd = [
        b"", b"{", b"{}", b"[]", b'{"keys":[]}', b"\xef\xbb\xbf" + good, b"\xff" + good, good.decode().encode("utf-16"),
        b'{"a":NaN}', b'{"a":1e400}', b'{"a":-0}', b'{"a":' + b"9" * 65 + b"}", b'{"a":0.' + b"1" * 60 + b"}",
        b'{"a":1,"\\u0061":2}', b'{"a":"\\ud800"}', b'{"a":"\\ud83d\\udd11"}', b'{"a":"\x00"}', b'{"a":"\\u0000"}',
        b'{"a":"\x7f"}', b"\xc2\xa0{}", b"{}\xc2\x85", b"\x0b{}", '{"a":\u0661}'.encode(), b'{"a":01}', b'{"a":+1}',
        b'{"a":.5}', b'{"a":1.}', b'{"a":1_0}', b'{"a":0x1}', b'{"a":true,}', b"{'a':1}", b'{"a":[' + b"[" * 40,
        b'{"a":' + b"[" * 31 + b"]" * 31 + b"}", b'{"a":' + b"[" * 32 + b"]" * 32 + b"}", b'{"a":"\\x41"}',
    ]  # fmt: skip
    return [document.decode("latin-1") for document in odd]


def _key_sets() -> list[str]:
    keys: list[dict[str, Any]] = [
        *(RSA.jwk(kid=f"k-{text}") for text in TEXTS),
        *(RSA.jwk(kid=None, alg=text, use=text) for text in TEXTS),
        *(RSA.jwk(issuer=f"https://as.example/{text}") for text in TEXTS),
        *(EC.jwk(x=EC.jwk()["x"] + text) for text in TEXTS),
        RSA.jwk(n=RSA.jwk()["n"] + "=="), RSA.jwk(n="AA" + RSA.jwk()["n"]), RSA.jwk(d=None), {"kty": "oct", "k": "AA"},
    ]  # fmt: skip
    return [forge.key_set(key, PQ).decode("latin-1") for key in keys]


def _trusts() -> list[dict[str, Any]]:
    trusts = [
        acme.trust(server=acme.server(RSA.named(f"k{text}") if kid else RSA, **{member: f"https://as.example/{text}"}))
        for text in TEXTS
        for member in ("issuer", "audience", "client_id")
        for kid in {False, is_printable(text)}
    ]  # fmt: skip
    written: list[dict[str, Any]] = [encode_trust(trust) for trust in trusts]
    plain: dict[str, Any] = encode_trust(acme.trust(RSA, PQ))
    bent = [{**plain, "organization": f"acme{text}"} for text in TEXTS]
    bent += [{**plain, "server": {**plain["server"], "name": f"Okta{text}"}} for text in TEXTS]
    bent += [{**plain, "server": {**plain["server"], "keys": [{**RSA.jwk(), "kid": f"k{text}"}]}} for text in TEXTS]
    values: tuple[object, ...] = (None, "", 1, True, 1.0, 2**53, [], {})
    bent += [{**plain, name: value} for name in plain for value in values]
    return [*written, *bent]


def _decisions() -> list[list[object]]:
    trust = encode_trust(acme.trust(server=acme.server(RSA, issuer=ANY, audience=ANY, client_id=ANY)))
    tokens = [forge.token(RSA, "RS256")]
    for text in TEXTS:
        tokens += [
            forge.token(RSA, "RS256", header_changes={"typ": f"JWT{text}"}),
            forge.token(RSA, "RS256", header_changes={"kid": f"k1{text}"}),
            forge.token(RSA, "RS256", header_changes={"alg": f"RS256{text}"}),
            forge.token(RSA, "RS256", iss=text, sub=text, scope=text, client_id=text, aud=[text]),
            forge.token(RSA, "RS256", scp=[text, text], scope=...),
            forge.token(RSA, "RS256", scope=f"c::acme::Orders{text} c::acme{text}::Orders {text}c::acme::Orders"),
            forge.token(RSA, "RS256", exp=text),
        ]
    return [[token, trust, forge.NOW] for token in tokens]


def _locations() -> list[str]:
    hosts = [f"as{text}.example" for text in TEXTS] + [f"\u05d0{text}.example" for text in TEXTS]
    return [f"https://{host}/jwks" for host in hosts] + [f"https://as.example/{text}" for text in TEXTS]


def questions() -> list[Question]:
    documents = _documents()
    page = Page("epoch", 0, 1, complete=True, changes=(acme.trust(RSA.named("k-\u00e9"), PQ),))
    return [
        *(("kids", first) for first in BLOCKS),
        *((kind, first) for kind in ("types", "schemes") for first in WITH_LETTERS),
        *(("json", document) for document in documents),
        *(("key set", document) for document in [*documents, *_key_sets()]),
        *(("trust", document) for document in _trusts()),
        ("page", encode_page(page)),
        *(("decision", question) for question in _decisions()),
        *(("location", text) for text in _locations()),
    ]


@cache
def asked_and_answered() -> tuple[list[Any], list[object]]:
    asked = json.loads(json.dumps(questions()))
    return asked, answers_to(asked)


@pytest.fixture
def other_python() -> Path:
    """The installed version that differs most. A machine that checks every change must have one."""
    try:
        return interpreters.other_python()
    except interpreters.NoOtherInterpreter as missing:
        if "CI" in os.environ:
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.mark.usefixtures("other_python")
def test_fi_01_two_interpreters_accept_the_same() -> None:
    asked, here = asked_and_answered()
    other = json.loads(interpreters.asked("kit.odd_answers", json.dumps(asked)))
    assert tuple(other["version"]) != sys.version_info[:2]
    assert other["unicode"] != unicodedata.unidata_version
    assert differences(asked, here, other["answers"]) == []


def test_fi_01_two_interpreters_decide_the_same(other_python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other process also hashes with another seed: no answer depends on the order of a set."""
    questions, answers = asked_here(4_000, seed=1, monkeypatch=monkeypatch)
    file, others = answers_of_another(questions, interpreters.its_environment(), str(other_python))
    assert file == str(interpreters.ROOT / "src/watchword/core/verify.py")
    assert others == answers
    counts = Counter(str(answer[0]) for answer in answers)
    assert counts["allowed"] > 200
    assert len(counts) > len(Reason) / 2


def differences(asked: Sequence[Any], here: Sequence[object], there: Sequence[object]) -> list[str]:
    return [
        f"{kind} {ascii(question)[:200]}: {ascii(one)[:200]} | {ascii(two)[:200]}"
        for (kind, question), one, two in zip(asked, here, there, strict=True)
        if one != two
    ]


def test_questions_cover_unusual_input() -> None:
    """Each kind gets more than one answer, or the comparison would compare nothing."""
    told: dict[str, set[str]] = {}
    for (kind, _), answer in zip(*asked_and_answered(), strict=True):
        told.setdefault(kind, set()).add(str(answer))
    assert {kind for kind, answers in told.items() if len(answers) == 1} == {"page"}
    assert differences([("kids", 0)], ["a"], ["b"]) == ["kids 0: 'a' | 'b'"]
