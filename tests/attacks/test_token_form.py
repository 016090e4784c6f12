"""Tokens of the wrong form (CASES section 2, and A-22 to A-24); their JSON has a file of its own."""

from __future__ import annotations

import json
from time import perf_counter
from typing import Any

import pytest

from kit import acme, forge
from watchword.core.decision import Allow, Deny, Reason

KEY = forge.ec_key("ec-1", "P-256")
TRUST = acme.trust(KEY)
GOOD = forge.token(KEY, "ES256")
HEADER, CLAIMS, SIGNATURE = GOOD.split(".")


def refusal(token: str) -> Reason | None:
    return acme.reason(acme.decide(token, TRUST))


def test_the_token_that_the_attacks_start_from_is_good() -> None:
    assert isinstance(acme.decide(GOOD, TRUST), Allow)


# -------------------------------------------------------------------- T-01, T-02, T-16: demands of the header

DEMANDS: list[tuple[str, dict[str, Any]]] = [
    ("T-01: an unknown extension is critical", {"crit": ["x"], "x": 1}),
    ("T-01: an absent extension is critical", {"crit": ["x"]}),
    ("T-01: an empty list", {"crit": []}),
    ("T-01: a text instead of a list", {"crit": "b64"}),
    ("T-01: a number in the list", {"crit": [1]}),
    ("T-01: a name twice", {"crit": ["x", "x"], "x": 1}),
    ("T-01: a claim's name", {"crit": ["exp"], "exp": 1}),
    ("T-01: the algorithm itself", {"crit": ["alg"]}),
    ("T-01: null", {"crit": None}),
    ("T-02: unencoded payload", {"b64": False, "crit": ["b64"]}),
    ("T-02: unencoded payload without crit", {"b64": False}),
    ("T-02: encoded payload, said aloud", {"b64": True, "crit": ["b64"]}),
    ("T-02: as a text", {"b64": "false"}),
    ("T-02: as a number", {"b64": 0}),
    ("T-16: compressed payload", {"zip": "DEF"}),
    ("T-16: compression of no kind", {"zip": None}),
]


@pytest.mark.parametrize("changes", [row[1] for row in DEMANDS], ids=[row[0] for row in DEMANDS])
def test_header_that_asks_for_processing_is_refused(changes: dict[str, Any]) -> None:
    assert refusal(forge.token(KEY, "ES256", header_changes=changes)) is Reason.HEADER_NOT_ACCEPTED


def test_t01_crit_is_a_word_like_any_other_among_the_claims() -> None:
    assert refusal(forge.token(KEY, "ES256", crit=["x"])) is None


# -------------------------------------------------------------------- T-15: token types


@pytest.mark.parametrize(
    "typ", ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt", ...], ids=repr
)
def test_t15_access_token_types_are_accepted_in_any_case(typ: object) -> None:
    assert refusal(forge.token(KEY, "ES256", header_changes={"typ": typ})) is None


@pytest.mark.parametrize(
    "typ",
    [
        "dpop+jwt", "secevent+jwt", "logout+jwt", "token-introspection+jwt", "JOSE", "JWS", "JWE", "", " ", "JWT ",
        "at+jwt;v=1", "application/jwt", "application/application/at+jwt", None, 1, True, ["JWT"], {"JWT": 1},
    ],
    ids=repr,
)  # fmt: skip
def test_t15_other_types_are_refused(typ: object) -> None:
    assert refusal(forge.token(KEY, "ES256", header_changes={"typ": typ})) is Reason.TYPE_NOT_ACCEPTED


# -------------------------------------------------------------------- T-03, T-04, T-06: sizes and parts


@pytest.mark.parametrize("kib", [17, 64, 1_024, 16_384])
def test_t03_size_is_bounded_before_anything_is_read(kib: int) -> None:
    filling = "A" * kib * 1_024
    for token in (filling, f"{filling}.{CLAIMS}.{SIGNATURE}", f"{HEADER}.{CLAIMS}.{filling}", "." * kib * 1_024):
        assert refusal(token) is Reason.TOKEN_TOO_LARGE


def test_t03_bound_is_exact() -> None:
    room = 16_384 - len(forge.token(KEY, "ES256", pad=""))
    largest = forge.token(KEY, "ES256", pad="x" * (room * 3 // 4 - 2))
    assert 16_380 <= len(largest) <= 16_384
    assert refusal(largest) is None
    assert refusal("A" * 16_385) is Reason.TOKEN_TOO_LARGE
    assert refusal("A" * 16_384) is Reason.TOKEN_MALFORMED


PARTS = [
    "a", ".", "..", "...", "a.b", "a.b.c", "a.b.c.d", "." * 16_000, f"{HEADER}.{CLAIMS}",
    f"{HEADER}.{CLAIMS}.{SIGNATURE}.",
    f".{HEADER}.{CLAIMS}.{SIGNATURE}", f"{HEADER}..{SIGNATURE}", f".{CLAIMS}.{SIGNATURE}",
    f"{HEADER}.{CLAIMS}.{SIGNATURE}.{SIGNATURE}",
]  # fmt: skip


@pytest.mark.parametrize("token", PARTS, ids=lambda token: token[:12])
def test_t04_t06_anything_but_three_whole_parts_is_refused(token: str) -> None:
    assert refusal(token) in {Reason.TOKEN_MALFORMED, Reason.HEADER_MALFORMED, Reason.CLAIMS_MALFORMED}


@pytest.mark.parametrize("token", ["", "\x00", "\xff", "é.é.é", "a b", "\ud800", "a\r\nX: y"], ids=repr)
def test_t06_texts_that_cannot_stand_in_a_header_are_refused(token: str) -> None:
    assert refusal(token) is Reason.AUTHORIZATION_MALFORMED


def test_t06_signature_may_not_be_empty() -> None:
    assert refusal(f"{HEADER}.{CLAIMS}.") is Reason.SIGNATURE_INVALID


# -------------------------------------------------------------------- T-07 to T-11: one spelling

FOREIGN = ["!", "~", "+", "/", "=", "==", "====", "%3D", "%0a", "$", "!!!!"]


@pytest.mark.parametrize("part", [0, 1, 2], ids=["header", "claims", "signature"])
@pytest.mark.parametrize("foreign", FOREIGN)
@pytest.mark.parametrize("place", ["start", "middle", "end"])
def test_t07_t08_t10_foreign_characters_are_refused(part: int, foreign: str, place: str) -> None:
    parts = GOOD.split(".")
    at = {"start": 0, "middle": len(parts[part]) // 2, "end": len(parts[part])}[place]
    parts[part] = parts[part][:at] + foreign + parts[part][at:]
    assert refusal(".".join(parts)) is Reason.TOKEN_MALFORMED


@pytest.mark.parametrize("part", [0, 1, 2], ids=["header", "claims", "signature"])
@pytest.mark.parametrize("foreign", [" ", "\n", "\r\n", "\t", "\uff21", "\x00", "\xad"], ids=repr)
def test_t07_white_space_and_other_scripts_are_refused(part: int, foreign: str) -> None:
    parts = GOOD.split(".")
    parts[part] = parts[part][:2] + foreign + parts[part][2:]
    assert refusal(".".join(parts)) is Reason.AUTHORIZATION_MALFORMED


def test_t09_unused_bits_of_the_last_character_must_be_zero() -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twins = 0
    for padding in ("", "x", "xx"):
        parts = forge.token(KEY, "ES256", header_changes={"pad": padding}, pad=padding).split(".")
        for part in range(3):
            unused_bits = {0: 0, 2: 4, 3: 2}[len(parts[part]) % 4]
            last = alphabet.index(parts[part][-1])
            for bits in range(1, 1 << unused_bits):
                twin = [*parts]
                twin[part] = parts[part][:-1] + alphabet[last + bits]
                assert forge.unb64(twin[part]) == forge.unb64(parts[part])
                assert refusal(".".join(twin)) is Reason.TOKEN_MALFORMED
                twins += 1
    assert twins > 30


# -------------------------------------------------------------------- A-22 to A-24, T-17, T-18: other serializations


def protected(alg: str, **members: object) -> str:
    return forge.b64(json.dumps({"alg": alg, "enc": "A256GCM", **members}).encode())


OTHER_FORMS = [
    ("A-22: an encrypted token, RSA-OAEP", f"{protected('RSA-OAEP')}.AAAA.AAAA.AAAA.AAAA"),
    ("A-22: an encrypted token, dir", f"{protected('dir')}..AAAA.AAAA.AAAA"),
    ("A-22: an encrypted token, ECDH-ES", f"{protected('ECDH-ES', epk=KEY.jwk())}..AAAA.AAAA.AAAA"),
    ("T-18: an encrypted token without anything", "...."),
    ("A-24: a token as JSON text in base64url", forge.b64(b'{"payload":"","signatures":[]}')),
]


@pytest.mark.parametrize("token", [row[1] for row in OTHER_FORMS], ids=[row[0] for row in OTHER_FORMS])
def test_other_serializations_are_not_read(token: str) -> None:
    assert refusal(token) is Reason.TOKEN_MALFORMED


JSON_FORMS = [
    ("A-23: flattened", {"protected": HEADER, "payload": CLAIMS, "signature": SIGNATURE}),
    ("A-23: general", {"payload": CLAIMS, "signatures": [{"protected": HEADER, "signature": SIGNATURE}]}),
    ("A-23: general with no signature at all", {"payload": CLAIMS, "signatures": []}),
    (
        "A-23: both at once",
        {f"  {HEADER}.{CLAIMS}.": "", "protected": HEADER, "payload": CLAIMS, "signature": SIGNATURE},
    ),
    ("A-24: algorithm in the unprotected header", {"header": {"alg": "none"}, "payload": CLAIMS, "signature": ""}),
]


@pytest.mark.parametrize("document", [row[1] for row in JSON_FORMS], ids=[row[0] for row in JSON_FORMS])
def test_json_serializations_are_refused_as_such(document: dict[str, Any]) -> None:
    assert refusal(json.dumps(document)) is Reason.AUTHORIZATION_MALFORMED
    assert refusal(json.dumps(document, separators=(",", ":")).replace('"', "'")) is Reason.AUTHORIZATION_MALFORMED


@pytest.mark.parametrize("count", [0, 1, 2**31, 10**60], ids=str)
def test_t17_password_based_encryption_costs_nothing(count: int) -> None:
    token = forge.token(KEY, "ES256", header_changes={"alg": "PBES2-HS256+A128KW", "p2c": count, "p2s": "AAAA"})
    started = perf_counter()
    assert refusal(token) is Reason.ALGORITHM_NOT_ACCEPTED
    assert perf_counter() - started < 0.5


def test_a22_nested_token_has_no_claims() -> None:
    outer = forge.token(KEY, "ES256", header_changes={"cty": "JWT"}, payload=GOOD.encode())
    assert refusal(outer) is Reason.CLAIMS_MALFORMED


# -------------------------------------------------------------------- T-21: nothing leaks


def test_t21_refusal_holds_nothing_of_the_token_but_an_unknown_kid() -> None:
    token = forge.token(forge.ec_key("ec-2", "P-256").named("ec-1"), "ES256", sub="s3cret")
    assert acme.decide(token, TRUST) == Deny(Reason.SIGNATURE_INVALID)
    assert not any("s3cret" in reason.sentence or token in reason.sentence for reason in Reason)
