"""FF-01: every reason to ignore a key with its causes, and what the message says of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kit import forge
from watchword.core.jwk import IgnoredKey, KeySetRefused, admit, admit_key
from watchword.core.jwk_problems import KeyProblem, KeySetProblem

if TYPE_CHECKING:
    from collections.abc import Iterable

RSA = forge.rsa_key("alice").jwk()
EC = forge.ec_key("alice").jwk()
ED = forge.ed25519_key("alice").jwk()
MODULUS = int.from_bytes(forge.unb64(RSA["n"]), "big")


def _without(jwk: dict[str, Any], name: str) -> dict[str, Any]:
    return {member: value for member, value in jwk.items() if member != name}


def _each(jwk: dict[str, Any], name: str, values: Iterable[object], words: str) -> list[tuple[object, str]]:
    return [({**jwk, name: value}, words) for value in values]


CAUSES: dict[KeyProblem, list[tuple[object, str]]] = {
    KeyProblem.NOT_AN_OBJECT: [("key", "not a JSON object"), (None, "not a JSON object"), ([RSA], "not a JSON object")],
    KeyProblem.PRIVATE_MEMBERS: [(forge.rsa_key("alice").private_jwk(), "private key material")],
    KeyProblem.KIND_UNKNOWN: [
        (_without(RSA, "kty"), "is missing"), *_each(RSA, "kty", (None, ""), "is missing"),
        *_each(RSA, "kty", ("rsa", "DSA", 5), "not one that signatures are verified with"),
    ],
    KeyProblem.SYMMETRIC: [({"kty": "oct", "k": "c2VjcmV0"}, "a shared secret")],
    KeyProblem.CURVE_UNKNOWN: [
        (_without(EC, "crv"), "is missing"), *_each(EC, "crv", (None, "secp256k1", "p-256", "Ed25519", 5), "P-256"),
        *_each(ED, "crv", ("X25519", "Ed448", "P-256"), "Ed25519 for OKP"),
    ],
    KeyProblem.KID_MALFORMED: _each(RSA, "kid", (5, "a\nb", "a" * 513, ["a"]), "1 to 512 printable characters"),
    KeyProblem.ISSUER_MALFORMED: _each(RSA, "issuer", (5, "https://a\n", "https://" + "a" * 512), "not a URI of"),
    KeyProblem.USE_NOT_SIGNATURE: [
        *_each(RSA, "use", ("enc",), "right for an encryption key"),
        *_each(RSA, "use", ("SIG", "signature", 5, ["sig"], "tls"), "use is not 'sig'"),
    ],
    KeyProblem.USE_SPIFFE: _each(EC, "use", ("jwt-svid", "x509-svid"), "SPIFFE OIDC Discovery Provider"),
    KeyProblem.OPERATION_NOT_VERIFY: _each(
        RSA, "key_ops", (["sign"], "verify", {"verify": True}, ["encrypt"]), "not a list that contains 'verify'"
    ),
    KeyProblem.ALGORITHM_MISSING: [({"kty": "AKP", "pub": "AAAA"}, "has no alg")],
    KeyProblem.ALGORITHM_NOT_ACCEPTED: [
        *_each(RSA, "alg", ("RSA-OAEP", "HS256", "rs256", "none", 5, "ES256K"), "not an accepted signature algorithm"),
        ({"kty": "AKP", "alg": "ML-DSA-1", "pub": "AAAA"}, "not an accepted signature algorithm"),
    ],
    KeyProblem.ALGORITHM_NOT_FITTING: [
        *_each(RSA, "alg", ("ES256", "EdDSA"), "cannot be used with its key type or curve"),
        *_each(EC, "alg", ("RS256", "ES384"), "cannot be used with its key type or curve"),
    ],
    KeyProblem.VALUE_MISSING: [
        (_without(RSA, "n"), "is missing or not a text"), (_without(EC, "y"), "is missing or not a text"),
        *_each(RSA, "e", (65_537, None, ["AQAB"]), "missing or not a text"),
    ],
    KeyProblem.VALUE_MALFORMED: [
        *_each(RSA, "n", ("a!b", "a b", "ä"), "is not base64url"),
        *_each(EC, "x", ("_" * 88,), "longer or shorter"), *_each(ED, "x", ("AAAA",), "longer or shorter"),
    ],
    KeyProblem.RSA_TOO_SMALL: [(forge.rsa_jwk(1024), "smaller than 2048 bits")],
    KeyProblem.RSA_TOO_LARGE: [(forge.rsa_jwk(8200), "larger than 8192 bits")],
    KeyProblem.RSA_MODULUS_INVALID: [({**RSA, "n": forge.integer(MODULUS + 1)}, "modulus is even")],
    KeyProblem.RSA_EXPONENT_INVALID: [
        ({**RSA, "e": forge.integer(exponent)}, "not an odd number from 3 to 2^32")
        for exponent in (1, 2, 65_536, 2**33 + 1)
    ],
    KeyProblem.RSA_TOO_SLOW: [(forge.rsa_jwk(8192, 2**32 - 1), "take too long")],
    KeyProblem.POINT_INVALID: [
        ({**EC, "y": EC["x"]}, "not a usable point"), ({**ED, "x": forge.b64(bytes(32))}, "not a usable point"),
    ],
}  # fmt: skip

# Of a whole set: ../attacks/test_weak_keys.py. Of a library that lacks a kind of key: test_ml_dsa.py. Of a setting:
# test_jwk.py.
ELSEWHERE = {
    KeyProblem.RSA_BELOW_LIMIT,
    KeyProblem.RSA_SMALL_FACTOR, KeyProblem.RSA_ROCA, KeyProblem.RSA_PRIMES_CLOSE, KeyProblem.RSA_PRIME_SHARED,
    KeyProblem.NOT_LOADABLE,
}  # fmt: skip


@pytest.mark.parametrize(
    ("problem", "jwk", "words"),
    [
        pytest.param(problem, *row, id=f"{problem.code}-{number}")
        for problem, rows in CAUSES.items()
        for number, row in enumerate(rows)
    ],
)
def test_ff_01_message_is_true_for_each_cause_of_a_key(problem: KeyProblem, jwk: object, words: str) -> None:
    key = admit_key(jwk)
    assert isinstance(key, IgnoredKey)
    assert key.problem is problem
    assert words in problem.sentence


def test_ff_01_every_key_problem_has_its_causes() -> None:
    assert {*CAUSES, *ELSEWHERE} == set(KeyProblem)


SETS: dict[KeySetProblem, list[tuple[bytes, str]]] = {
    KeySetProblem.TOO_LARGE: [(b" " * 262_145, "larger than 256 KiB")],
    KeySetProblem.NOT_JSON: [
        (b"", "not a JSON object"), (b"[]", "not a JSON object"), (b'{"keys":[],"keys":[]}', "not an unambiguous one"),
    ],
    KeySetProblem.NOT_A_KEY_SET: [(document, "no list named 'keys'") for document in (b"{}", b'{"keys":{}}')],
    KeySetProblem.EMPTY: [(b'{"keys":[]}', "no keys")],
    KeySetProblem.TOO_MANY_KEYS: [(forge.key_set(*[RSA] * 65), "more keys than this service reads")],
    KeySetProblem.PRIVATE_MEMBERS: [(forge.key_set(forge.ec_key("alice").private_jwk()), "private key material")],
    KeySetProblem.KID_REUSED: [
        (forge.key_set(forge.ec_key("alice").named("1"), forge.ec_key("bob").named("1")), "the same kid and algorithm"),
    ],
    KeySetProblem.NO_USABLE_KEY: [(forge.key_set({**RSA, "use": "enc"}), "None of the keys")],
}  # fmt: skip


@pytest.mark.parametrize(
    ("problem", "document", "words"), [(each, *row) for each, rows in SETS.items() for row in rows]
)
def test_ff_01_message_is_true_for_each_cause_of_a_set(problem: KeySetProblem, document: bytes, words: str) -> None:
    with pytest.raises(KeySetRefused) as refused:
        admit(document)
    assert refused.value.problem is problem
    assert words in problem.sentence


def test_ff_01_every_set_problem_has_its_causes() -> None:
    assert set(SETS) == set(KeySetProblem)
