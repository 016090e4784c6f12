"""Tokens of the wrong form (T-01 to T-22, A-22 to A-24); their JSON has a file of its own."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest

from kit import acme, forge
from watchword.core.compact import parse
from watchword.core.decision import Allow, Deny, Reason
from watchword.core.trust import ANY, Expected

KEY = forge.ec_key("ec-1", "P-256")
TRUST = acme.trust(KEY)
GOOD = forge.token(KEY, "ES256")
HEADER, CLAIMS, SIGNATURE = GOOD.split(".")


def refusal(token: str) -> Reason | None:
    return acme.reason(acme.decide(token, TRUST))


def test_unchanged_token_is_accepted() -> None:
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
    *(
        (f"T-02: b64 is {b64!r}, crit is {crit!r}", {"b64": b64, "crit": crit})
        for b64 in (False, True, "false", 0, None)
        for crit in (..., ["b64"], [])
    ),
    ("T-02: b64 is an empty list", {"b64": []}),
    ("T-01: an empty text", {"crit": ""}),
    ("T-16: compressed payload, demanded as critical", {"zip": "DEF", "crit": ["zip"]}),
]


@pytest.mark.parametrize("changes", [row[1] for row in DEMANDS], ids=[row[0] for row in DEMANDS])
def test_header_that_asks_for_processing_is_refused(changes: dict[str, Any]) -> None:
    assert refusal(forge.token(KEY, "ES256", header_changes=changes)) is Reason.HEADER_NOT_ACCEPTED


def test_t01_crit_as_a_claim_is_ignored() -> None:
    assert refusal(forge.token(KEY, "ES256", crit=["x"])) is None


# -------------------------------------------------------------------- T-15: token types


@pytest.mark.parametrize(
    "typ",
    [
        "JWT", "jwt", "application/jwt", "Application/JWT", "JWS", "application/jws", "JOSE", "application/jose",
        "at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt", None, "", [], ...,
    ],
    ids=repr,
)  # fmt: skip
def test_fa_04_t15_jwt_jws_and_access_token_types_are_accepted(typ: object) -> None:
    assert refusal(forge.token(KEY, "ES256", header_changes={"typ": typ})) is None


@pytest.mark.parametrize(
    "typ",
    [
        "dpop+jwt", "secevent+jwt", "logout+jwt", "token-introspection+jwt", "id_token", "JOSE+JSON", "JWE", " ",
        "JWT ", "at+jwt;v=1", "application/application/at+jwt", "application/", "text/jwt", "ja/application/jwt",
        "JW\uff34", "jo\u017fe", 0, 1, False, True, ["JWT"], {"JWT": 1}, {},
    ],
    ids=repr,
)  # fmt: skip
def test_t15_other_types_are_refused(typ: object) -> None:
    assert refusal(forge.token(KEY, "ES256", header_changes={"typ": typ})) is Reason.TYPE_NOT_ACCEPTED
    assert "typ" in Reason.TYPE_NOT_ACCEPTED.sentence


LOGOUT: dict[str, object] = {"http://schemas.openid.net/event/backchannel-logout": {}}


SESSION_REVOKED: dict[str, object] = {"https://schemas.openid.net/secevent/caep/event-type/session-revoked": {"at": 1}}


@pytest.mark.parametrize(
    "events",
    [
        pytest.param(LOGOUT, id="T-15: a logout token"),
        pytest.param(SESSION_REVOKED, id="FA-05: a security event"),
        pytest.param({**SESSION_REVOKED, **LOGOUT}, id="FA-05: two of them"),
        pytest.param({"urn:example:concert": None}, id="FA-05: an event that says no more"),
    ],
)
@pytest.mark.parametrize("typ", ["JWT", "at+jwt", ...], ids=repr)
def test_fa_05_t15_security_events_are_refused(typ: object, events: dict[str, Any]) -> None:
    token = forge.token(KEY, "ES256", header_changes={"typ": typ}, events=events)
    assert refusal(token) is Reason.TYPE_NOT_ACCEPTED


@pytest.mark.parametrize("claim", ["c_hash", "s_hash"])
def test_t15_id_tokens_with_hashes_are_refused(claim: str) -> None:
    for typ in ("JWT", ...):
        token = forge.token(KEY, "ES256", header_changes={"typ": typ}, payload=forge.claims(**{claim: "AAAA"}))
        assert refusal(token) is Reason.TYPE_NOT_ACCEPTED
    access_token = forge.token(KEY, "ES256", header_changes={"typ": "at+jwt"}, payload=forge.claims(**{claim: "AAAA"}))
    assert refusal(access_token) is None


@pytest.mark.parametrize("claim", ["at_hash", "c_hash", "s_hash"])
@pytest.mark.parametrize("value", [None, "", []], ids=repr)
def test_fc_02_empty_hashes_do_not_mark_an_id_token(claim: str, value: object) -> None:
    anywhere = acme.trust(server=acme.server(KEY, audience=ANY))
    assert acme.reason(acme.decide(forge.token(KEY, "ES256", payload=forge.claims(**{claim: value})), anywhere)) is None


AT_HASH: list[tuple[object, Expected, object, Reason | None]] = [
    # typ, Audience URI, aud
    ("at+jwt", ANY, "app1", None),
    ("application/at+jwt", ANY, ..., None),
    (..., "app1", "app1", None),
    ("JWT", "app1", ["app1", "app2"], None),
    (..., ANY, "app1", Reason.TYPE_NOT_ACCEPTED),
    ("JWT", ANY, "app1", Reason.TYPE_NOT_ACCEPTED),
    (..., "app2", "app1", Reason.TYPE_NOT_ACCEPTED),
    (..., "app1", ..., Reason.TYPE_NOT_ACCEPTED),
    ("at+jwt", "app2", "app1", Reason.AUDIENCE_MISMATCH),
]


@pytest.mark.parametrize(("typ", "expected", "audience", "reason"), AT_HASH)
def test_fa_03_at_hash_is_accepted_with_type_or_audience(
    typ: object, expected: Expected, audience: object, reason: Reason | None
) -> None:
    trust = acme.trust(server=acme.server(KEY, audience=expected))
    token = forge.token(KEY, "ES256", header_changes={"typ": typ}, at_hash="jiJmTBHd0nKPKx7iVHKlNw", aud=audience)
    assert acme.reason(acme.decide(token, trust)) is reason


@pytest.mark.parametrize(
    "claims",
    [
        # Keycloak wrote it into access tokens until version 24.
        {"nonce": "n"},
        {"auth_time": forge.NOW, "acr": "1", "amr": ["pwd"], "azp": "acme-batch", "sid": "1"},
        {"events": ["concert"]},
        {"events": None},
        {"events": {}},
        {"at_hashes": "AAAA"},
    ],
    ids=str,
)
def test_t15_claims_that_access_tokens_share_are_accepted(claims: dict[str, Any]) -> None:
    assert refusal(forge.token(KEY, "ES256", **claims)) is None


def test_t15_id_token_without_a_hash_fails_by_its_audience() -> None:
    assert refusal(forge.token(KEY, "ES256", aud="acme-batch", nonce="n")) is Reason.AUDIENCE_MISMATCH


# -------------------------------------------------------------------- T-03, T-04, T-06: sizes and parts


@pytest.mark.parametrize("kib", [17, 64, 1_024, 51_200])
def test_t03_size_is_bounded_before_anything_is_read(kib: int) -> None:
    filling = "A" * kib * 1_024
    for token in (filling, f"{filling}.{CLAIMS}.{SIGNATURE}", f"{HEADER}.{CLAIMS}.{filling}", "." * kib * 1_024):
        assert refusal(token) is Reason.TOKEN_TOO_LARGE


@pytest.mark.parametrize("kib", [8, 16])
def test_t03_padding_below_the_limit_is_refused(kib: int) -> None:
    filling = "A" * (kib * 1_024 - len(GOOD))
    assert refusal(f"{filling}.{CLAIMS}.{SIGNATURE}") is Reason.HEADER_MALFORMED
    assert refusal(f"{HEADER}.{filling}.{SIGNATURE}") is Reason.CLAIMS_MALFORMED
    assert refusal(f"{HEADER}.{CLAIMS}.{filling}") is Reason.SIGNATURE_INVALID


def test_t03_limit_is_exact() -> None:
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
def test_t04_t06_token_must_have_three_nonempty_parts(token: str) -> None:
    assert refusal(token) in {Reason.TOKEN_MALFORMED, Reason.HEADER_MALFORMED, Reason.CLAIMS_MALFORMED}


@pytest.mark.parametrize("number", [1, 2, 4, 5, 6])
def test_t06_other_numbers_of_parts_are_malformed(number: int) -> None:
    assert refusal(".".join([HEADER, CLAIMS, SIGNATURE, *[SIGNATURE] * 3][:number])) is Reason.TOKEN_MALFORMED


@pytest.mark.parametrize("dots", [10**5, 10**6])
def test_t04_many_dots_are_refused_by_length(dots: int) -> None:
    assert refusal("." * dots) is Reason.TOKEN_TOO_LARGE


@pytest.mark.parametrize("before", ["", HEADER, f"{HEADER}.{CLAIMS}"])
def test_t04_million_dots_take_little_memory(before: str) -> None:
    """Without the length limit before it: the parser must be safe without it."""
    token = before.encode() + b"." * 10**6
    tracemalloc.start()
    try:
        assert parse(token) is Reason.TOKEN_MALFORMED
        assert tracemalloc.get_traced_memory()[1] < 4 * 10**6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("token", ["", "\x00", "\xff", "é.é.é", "a b", "\ud800", "a\r\nX: y"], ids=repr)
def test_t06_octets_not_allowed_in_headers_are_refused(token: str) -> None:
    assert refusal(token) is Reason.AUTHORIZATION_MALFORMED


def test_t06_signature_may_not_be_empty() -> None:
    assert refusal(f"{HEADER}.{CLAIMS}.") is Reason.SIGNATURE_INVALID


# -------------------------------------------------------------------- T-07 to T-11: one spelling

FOREIGN = ["!", "?", "~", "+", "/", "=", "==", "====", "%3D", "%0a", "$", "!!!!"]


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


JWE_ALGORITHMS = [
    "RSA1_5", "RSA-OAEP", "RSA-OAEP-256", "A128KW", "A192KW", "A256KW", "dir", "ECDH-ES", "ECDH-ES+A128KW",
    "ECDH-ES+A192KW", "ECDH-ES+A256KW", "A128GCMKW", "A192GCMKW", "A256GCMKW", "PBES2-HS256+A128KW",
    "PBES2-HS384+A192KW", "PBES2-HS512+A256KW", "HPKE-0",
]  # fmt: skip
"""RFC 7518 section 4.1, and one of later days."""

OTHER_FORMS = [
    *(
        (
            f"A-22: an encrypted token, {alg}",
            f"{protected(alg, epk=KEY.jwk(), p2c=1_000, p2s='AAAA')}.AAAA.AAAA.AAAA.AAAA",
        )
        for alg in JWE_ALGORITHMS
    ),
    ("A-22: an encrypted token without encrypted key", f"{protected('dir')}..AAAA.AAAA.AAAA"),
    ("A-22: an encrypted token that holds a good one", f"{protected('dir', cty='JWT')}..AAAA.{CLAIMS}.AAAA"),
    ("T-18: an encrypted token without anything", "...."),
    ("T-18: an encrypted token of nothing but its header", f"{protected('A128GCMKW', iv='', tag='')}...."),
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
def test_json_serializations_are_refused(document: dict[str, Any]) -> None:
    assert refusal(json.dumps(document)) is Reason.AUTHORIZATION_MALFORMED
    assert refusal(json.dumps(document, separators=(",", ":")).replace('"', "'")) is Reason.AUTHORIZATION_MALFORMED


@pytest.mark.parametrize("alg", JWE_ALGORITHMS)
def test_a22_encryption_algorithm_in_a_signed_token_is_refused(alg: str) -> None:
    assert refusal(forge.token(KEY, "ES256", header_changes={"alg": alg})) is Reason.ALGORITHM_NOT_ACCEPTED


@pytest.mark.parametrize("count", [0, 1, 2**31, 10**60], ids=str)
def test_t17_password_based_encryption_is_refused_before_any_work(count: int) -> None:
    """If a key were derived, 2**31 rounds would exceed the time limit of the tests."""
    token = forge.token(KEY, "ES256", header_changes={"alg": "PBES2-HS256+A128KW", "p2c": count, "p2s": "AAAA"})
    assert refusal(token) is Reason.ALGORITHM_NOT_ACCEPTED


def test_a22_nested_token_is_refused() -> None:
    outer = forge.token(KEY, "ES256", header_changes={"cty": "JWT"}, payload=GOOD.encode())
    assert refusal(outer) is Reason.CLAIMS_MALFORMED


# -------------------------------------------------------------------- T-21: nothing leaks


def test_t21_refusal_contains_only_an_unknown_kid() -> None:
    token = forge.token(forge.ec_key("ec-2", "P-256").named("ec-1"), "ES256", sub="s3cret")
    assert acme.decide(token, TRUST) == Deny(Reason.SIGNATURE_INVALID)
    assert not any("s3cret" in reason.sentence or token in reason.sentence for reason in Reason)
