"""Key sets that must be refused, and keys in them that must be ignored (W-06 to W-12, J-12, J-22)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kit import acme, forge
from watchword.core.decision import Allow, Deny, Reason
from watchword.core.jwk import IgnoredKey, KeySet, KeySetRefused, admit, admit_key
from watchword.core.jwk_problems import KeyProblem, KeySetProblem

RSA = forge.rsa_key("rsa-1")
EC = forge.ec_key("ec-1", "P-256")
ED = forge.ed25519_key("ed-1")


def problem_of(jwk: object) -> KeyProblem | None:
    key = admit_key(jwk)
    return key.problem if isinstance(key, IgnoredKey) else None


def refusal_of(document: bytes) -> KeySetProblem:
    with pytest.raises(KeySetRefused) as refused:
        admit(document)
    return refused.value.problem


# -------------------------------------------------------------------- W-06, W-07: secrets


def test_w06_oct_key_without_value_is_ignored() -> None:
    assert problem_of({"kty": "oct", "kid": "s"}) is KeyProblem.SYMMETRIC


@pytest.mark.parametrize("secret", ["", None, "c2VjcmV0"], ids=["empty", "null", "six bytes"])
def test_w06_oct_key_is_ignored_and_others_stay(secret: str | None) -> None:
    keys = admit(forge.key_set(RSA, {"kty": "oct", "kid": "s", "k": secret}))
    assert [key.kid for key in keys.keys] == ["rsa-1"]
    assert keys.ignored == (IgnoredKey("s", "oct", KeyProblem.SYMMETRIC),)


def test_w07_oct_key_with_private_members_refuses_the_set() -> None:
    document = forge.key_set(RSA, {"kty": "oct", "kid": "s", "k": "c2VjcmV0", "d": "AQAB"})
    assert refusal_of(document) is KeySetProblem.PRIVATE_MEMBERS


@pytest.mark.parametrize("key", [RSA, EC, ED], ids=["RSA", "EC", "Ed25519"])
def test_w07_published_private_key_refuses_the_set(key: forge.Key) -> None:
    assert refusal_of(forge.key_set(forge.rsa_key("other"), key.private_jwk())) is KeySetProblem.PRIVATE_MEMBERS
    assert problem_of(key.private_jwk()) is KeyProblem.PRIVATE_MEMBERS


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"])
@pytest.mark.parametrize("value", ["AQAB", " ", 0, False, {}, [""], [{"r": "AQAB"}]], ids=repr)
def test_w07_any_private_member_refuses_the_set(member: str, value: object) -> None:
    document = forge.key_set(RSA, forge.rsa_key("other").jwk(**{member: value}))
    assert refusal_of(document) is KeySetProblem.PRIVATE_MEMBERS


def test_w07_refusal_contains_no_key_material() -> None:
    private = RSA.private_jwk()
    with pytest.raises(KeySetRefused) as refused:
        admit(forge.key_set(private))
    assert private["d"] not in f"{refused.value!r} {refused.value.problem.sentence} {refused.value.ignored}"


# -------------------------------------------------------------------- W-08 to W-11: siblings, names, purposes

STRANGERS: list[tuple[object, KeyProblem]] = [
    ({"kty": "AKP", "alg": "ML-DSA-65", "kid": "pq", "pub": "AAAA"}, KeyProblem.VALUE_MALFORMED),
    ({"kty": "AKP", "alg": "SLH-DSA-SHA2-128s", "kid": "pq", "pub": "AAAA"}, KeyProblem.ALGORITHM_NOT_ACCEPTED),
    ({"kty": "AKP", "alg": "RS256", "kid": "pq", "pub": "AAAA"}, KeyProblem.ALGORITHM_NOT_ACCEPTED),
    ({"kty": "AKP", "alg": ["ML-DSA-65"], "pub": "AAAA"}, KeyProblem.ALGORITHM_NOT_ACCEPTED),
    ({"kty": "AKP", "alg": None, "pub": "AAAA"}, KeyProblem.ALGORITHM_MISSING),
    ({"kty": "AKP", "pub": "AAAA"}, KeyProblem.ALGORITHM_MISSING),
    ({"kty": "AKP", "alg": "ML-DSA-65"}, KeyProblem.VALUE_MISSING),
    ({"kty": "LMS", "alg": "LMS", "pub": "AAAA"}, KeyProblem.KIND_UNKNOWN),
    ({"kty": "rsa", "n": "AQAB", "e": "AQAB"}, KeyProblem.KIND_UNKNOWN),
    ({"kty": ["RSA"]}, KeyProblem.KIND_UNKNOWN),
    ({"kty": None}, KeyProblem.KIND_UNKNOWN),
    ({}, KeyProblem.KIND_UNKNOWN),
    (None, KeyProblem.NOT_AN_OBJECT),
    ("key", KeyProblem.NOT_AN_OBJECT),
    ([RSA.jwk()], KeyProblem.NOT_AN_OBJECT),
    (1, KeyProblem.NOT_AN_OBJECT),
]


@pytest.mark.parametrize(("stranger", "expected"), STRANGERS, ids=[str(row[0])[:20] for row in STRANGERS])
def test_w08_unknown_key_is_ignored_and_others_stay(stranger: Any, expected: KeyProblem) -> None:
    keys = admit(forge.key_set(stranger, RSA))
    assert [key.kid for key in keys.keys] == ["rsa-1"]
    assert [key.problem for key in keys.ignored] == [expected]


def test_w08_set_without_usable_key_is_refused_with_all_reasons() -> None:
    with pytest.raises(KeySetRefused) as refused:
        admit(forge.key_set({"kty": "LMS", "kid": "pq"}, RSA.jwk(use="enc")))
    assert refused.value.problem is KeySetProblem.NO_USABLE_KEY
    assert refused.value.ignored == (
        IgnoredKey("pq", "LMS", KeyProblem.KIND_UNKNOWN),
        IgnoredKey("rsa-1", "RSA", KeyProblem.USE_NOT_SIGNATURE),
    )


def test_w09_same_key_twice_under_one_kid_is_one_key() -> None:
    assert len(admit(forge.key_set(RSA, RSA, RSA.jwk(use="sig"))).keys) == 1


def test_w09_same_key_for_two_algorithms_under_one_kid_serves_both() -> None:
    keys = admit(forge.key_set(RSA.jwk(alg="RS256"), RSA.jwk(alg="PS256"))).keys
    assert [key.alg for key in keys] == ["RS256", "PS256"]


@pytest.mark.parametrize(
    ("first", "second"),
    [({}, {}), ({"alg": "RS256"}, {}), ({}, {"alg": "PS256"}), ({"alg": "RS256"}, {"alg": "RS256"})],
)
def test_w09_different_keys_under_one_kid_and_algorithm_refuse_the_set(
    first: dict[str, str], second: dict[str, str]
) -> None:
    document = forge.key_set(RSA.jwk(**first), ED, forge.rsa_key("other").named("rsa-1").jwk(**second))
    assert refusal_of(document) is KeySetProblem.KID_REUSED


def test_w09_different_keys_under_one_kid_serve_different_algorithms() -> None:
    other = forge.rsa_key("other").named("rsa-1")
    by_alg = {"RS256": RSA, "PS256": other, "ES256": EC.named("rsa-1"), "EdDSA": ED.named("rsa-1")}
    trust = acme.trust(*(key.jwk(alg=alg) for alg, key in by_alg.items()))
    for alg, key in by_alg.items():
        assert isinstance(acme.decide(forge.token(key, alg), trust), Allow)
    assert acme.decide(forge.token(RSA, "PS256"), trust) == Deny(Reason.SIGNATURE_INVALID)
    assert acme.decide(forge.token(RSA, "RS512"), trust) == Deny(Reason.KEY_ALGORITHM_MISMATCH)


def test_w09_encryption_key_may_share_the_kid() -> None:
    assert len(admit(forge.key_set(RSA, forge.rsa_key("other").named("rsa-1").jwk(use="enc"))).keys) == 1


def test_w09_kids_differ_by_case_and_several_keys_may_have_none() -> None:
    document = forge.key_set(RSA, EC.named("RSA-1"), RSA.named(None), forge.rsa_key("other").named(None))
    assert [key.kid for key in admit(document).keys] == ["rsa-1", "RSA-1", None, None]


@pytest.mark.parametrize(
    "kid",
    [1, " \n", "k" * 513, "k" * 10_240, "a\nb", "\x00", "\u2028", ["a"], {}, True, False],
    ids=lambda kid: repr(kid)[:12],
)
def test_w09_key_with_an_unprintable_kid_is_ignored(kid: object) -> None:
    key = admit_key(RSA.jwk(kid=kid))
    assert key == IgnoredKey(None, "RSA", KeyProblem.KID_MALFORMED)


def test_fc_02_an_ignored_key_with_an_empty_kid_is_shown_without_one() -> None:
    key = admit_key(RSA.jwk(kid="", use="enc"))
    assert key == IgnoredKey(None, "RSA", KeyProblem.USE_NOT_SIGNATURE)


@pytest.mark.parametrize("kid", ["k" * 512, " ", "é", "🔑", "__proto__", "https://login.acme.example/keys/1#a"])
def test_w09_any_printable_text_can_be_a_kid(kid: str) -> None:
    assert problem_of(RSA.jwk(kid=kid)) is None


def test_w10_certificates_are_ignored() -> None:
    odd = RSA.jwk(x5c=["not a certificate"], x5t="AAAA", x5u="https://evil.example/", **{"x5t#S256": 1})
    assert admit_key(odd) == admit_key(RSA.jwk())


PURPOSES: list[tuple[dict[str, Any], KeyProblem | None]] = [
    ({"use": "sig"}, None),
    ({"use": "enc"}, KeyProblem.USE_NOT_SIGNATURE),
    ({"use": "SIG"}, KeyProblem.USE_NOT_SIGNATURE),
    ({"use": {}}, KeyProblem.USE_NOT_SIGNATURE),
    ({"use": "jwt-svid"}, KeyProblem.USE_SPIFFE),
    ({"use": "x509-svid"}, KeyProblem.USE_SPIFFE),
    ({"use": ["sig"]}, KeyProblem.USE_NOT_SIGNATURE),
    ({"key_ops": ["verify"]}, None),
    ({"key_ops": ["sign", "verify"]}, None),
    ({"key_ops": ["sign"]}, KeyProblem.OPERATION_NOT_VERIFY),
    ({"key_ops": ["encrypt"]}, KeyProblem.OPERATION_NOT_VERIFY),
    ({"key_ops": "verify"}, KeyProblem.OPERATION_NOT_VERIFY),
    ({"key_ops": {"verify": True}}, KeyProblem.OPERATION_NOT_VERIFY),
    ({"key_ops": [None]}, KeyProblem.OPERATION_NOT_VERIFY),
    ({"key_ops": [["verify"]]}, KeyProblem.OPERATION_NOT_VERIFY),
    ({"use": "sig", "key_ops": ["encrypt"]}, KeyProblem.OPERATION_NOT_VERIFY),
    ({"use": "enc", "key_ops": ["verify"]}, KeyProblem.USE_NOT_SIGNATURE),
    ({"alg": "RS256"}, None),
    ({"alg": "PS512"}, None),
    ({"alg": "ES256"}, KeyProblem.ALGORITHM_NOT_FITTING),
    ({"alg": "EdDSA"}, KeyProblem.ALGORITHM_NOT_FITTING),
    ({"alg": "RSA-OAEP"}, KeyProblem.ALGORITHM_NOT_ACCEPTED),
    ({"alg": "HS256"}, KeyProblem.ALGORITHM_NOT_ACCEPTED),
    ({"alg": "none"}, KeyProblem.ALGORITHM_NOT_ACCEPTED),
    ({"alg": "RSA256"}, KeyProblem.ALGORITHM_NOT_ACCEPTED),
    ({"alg": "rs256"}, KeyProblem.ALGORITHM_NOT_ACCEPTED),
    ({"alg": ["RS256"]}, KeyProblem.ALGORITHM_NOT_ACCEPTED),
]


@pytest.mark.parametrize(("members", "expected"), PURPOSES, ids=[f"A-20, W-11: {row[0]}" for row in PURPOSES])
def test_w11_keys_for_other_purposes_are_ignored(members: dict[str, Any], expected: KeyProblem | None) -> None:
    assert problem_of(RSA.jwk(**members)) is expected


@pytest.mark.parametrize("alg", ["ES384", "ES512", "RS256"])
def test_w11_alg_must_fit_the_curve(alg: str) -> None:
    assert problem_of(EC.jwk(alg=alg)) is KeyProblem.ALGORITHM_NOT_FITTING


# -------------------------------------------------------------------- W-12, J-12, J-22: the document

GOOD = forge.key_set(RSA)

DOCUMENTS: list[tuple[str, bytes, KeySetProblem]] = [
    ("W-12: two lists of keys", b'{"keys":[],' + GOOD[1:], KeySetProblem.NOT_JSON),
    ("W-12: nested 100,000 deep", b'{"keys":' + b"[" * 100_000 + b"]" * 100_000 + b"}", KeySetProblem.NOT_JSON),
    ("W-12: NaN in another member", GOOD[:-1] + b',"x":NaN}', KeySetProblem.NOT_JSON),
    ("W-12: a comment", b"/* keys */" + GOOD, KeySetProblem.NOT_JSON),
    ("W-12: something behind", GOOD + b"x", KeySetProblem.NOT_JSON),
    ("W-12: a key with two kids", b'{"keys":[{"kid":"a","kid":"b"}]}', KeySetProblem.NOT_JSON),
    ("W-12: UTF-16", GOOD.decode().encode("utf-16"), KeySetProblem.NOT_JSON),
    ("W-12: a byte order mark within", GOOD.replace(b"[", b"[\xef\xbb\xbf", 1), KeySetProblem.NOT_JSON),
    ("W-12: two byte order marks", b"\xef\xbb\xbf\xef\xbb\xbf" + GOOD, KeySetProblem.NOT_JSON),
    ("J-13: a login page", b"<!doctype html><title>Sign in</title>", KeySetProblem.NOT_JSON),
    ("nothing", b"", KeySetProblem.NOT_JSON),
    ("a list of keys", json.dumps([RSA.jwk()]).encode(), KeySetProblem.NOT_JSON),
    ("an object without keys", b"{}", KeySetProblem.NOT_A_KEY_SET),
    ("a single key", json.dumps(RSA.jwk()).encode(), KeySetProblem.NOT_A_KEY_SET),
    ("keys as an object", b'{"keys":{}}', KeySetProblem.NOT_A_KEY_SET),
    ("keys are null", b'{"keys":null}', KeySetProblem.NOT_A_KEY_SET),
    ("J-22: no keys in the list", b'{"keys":[]}', KeySetProblem.EMPTY),
    (
        "J-12: 65 keys",
        forge.key_set(*[forge.rsa_jwk(2_048, kid=f"k{n}") for n in range(65)]),
        KeySetProblem.TOO_MANY_KEYS,
    ),
    ("J-11: a byte too many", GOOD + b" " * (262_145 - len(GOOD)), KeySetProblem.TOO_LARGE),
]


@pytest.mark.parametrize(("document", "expected"), [row[1:] for row in DOCUMENTS], ids=[row[0] for row in DOCUMENTS])
def test_invalid_document_is_refused(document: bytes, expected: KeySetProblem) -> None:
    assert refusal_of(document) is expected


def test_j11_j12_largest_document_and_most_keys_are_admitted() -> None:
    keys = [forge.rsa_jwk(2_048, kid=f"k{n}") for n in range(64)]
    document = forge.key_set(*keys)
    assert len(admit(document + b" " * (262_144 - len(document))).keys) == 64


@pytest.mark.parametrize(("keys", "limit", "good"), [(1, 1, True), (2, 1, False), (65, 65, True), (66, 65, False)])
def test_j12_setting_limits_the_keys_of_a_set(keys: int, limit: int, *, good: bool) -> None:
    document = forge.key_set(*[forge.ec_key(f"k{n}") for n in range(keys)])
    if good:
        assert len(admit(document, limit).keys) == keys
    else:
        with pytest.raises(KeySetRefused, match="too_many_keys"):
            admit(document, limit)


def test_other_members_of_the_set_are_ignored() -> None:
    assert isinstance(admit(forge.key_set(RSA, issuer="x", keys_of=[1])), KeySet)


def test_every_problem_has_its_own_code_and_sentence() -> None:
    for problems in (list(KeyProblem), list(KeySetProblem)):
        assert len({problem.code for problem in problems}) == len(problems)
        assert all(problem.sentence.endswith(".") for problem in problems)
