"""The keys that admission returns: they verify, and survive encoding."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest
from joserfc.jwk import import_key

from kit import acme, forge
from watchword.core.jwk import KeySetRefused, SigningKey, admit, admit_key, admit_stored
from watchword.core.jwk_problems import KeyProblem, KeySetProblem


def admitted(key: forge.Key, **members: object) -> SigningKey:
    signing_key = admit_key(key.jwk(**members))
    assert isinstance(signing_key, SigningKey)
    return signing_key


@pytest.mark.parametrize(
    ("key", "kty", "crv", "bits"),
    [
        (forge.rsa_key(), "RSA", None, 2_048),
        (forge.ec_key("ec", "P-256"), "EC", "P-256", 256),
        (forge.ec_key("ec", "P-384"), "EC", "P-384", 384),
        (forge.ec_key("ec", "P-521"), "EC", "P-521", 521),
        (forge.ed25519_key(), "OKP", "Ed25519", 256),
    ],
)
def test_key_describes_itself(key: forge.Key, kty: str, crv: str | None, bits: int) -> None:
    signing_key = admitted(key)
    assert (signing_key.kty, signing_key.variant, signing_key.bits) == (kty, crv, bits)
    assert signing_key.thumbprint == import_key(key.jwk()).thumbprint()


@pytest.mark.parametrize("alg", forge.ALGORITHMS)
def test_key_survives_encoding(alg: str) -> None:
    signing_key = admitted(forge.key_for(alg), alg=alg, use="sig", key_ops=["verify"], x5t="AAAA", extra=1)
    written = signing_key.to_jwk()
    assert written == forge.key_for(alg).jwk(alg=alg)
    assert admit_stored([written]) == (signing_key,)


def test_optional_members_are_omitted() -> None:
    assert admitted(forge.rsa_key().named(None)).to_jwk().keys() == {"kty", "n", "e"}


def test_key_object_is_made_once() -> None:
    key = admitted(forge.rsa_key())
    assert key.public_key is key.public_key


def test_key_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        admitted(forge.rsa_key()).kid = "other"  # type: ignore[misc]


def test_repr_shows_no_key_numbers() -> None:
    assert forge.rsa_key().jwk()["n"] not in repr(admitted(forge.rsa_key()))


def test_key_refused_by_the_library_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our rules are stricter than the library's today. If it becomes stricter, only that key is ignored."""

    def refuse(*_: object) -> None:
        raise ValueError

    monkeypatch.setattr("watchword.core.jwk_material.rsa.RSAPublicNumbers", refuse)
    monkeypatch.setattr("watchword.core.jwk_material.ed25519.Ed25519PublicKey.from_public_bytes", refuse)
    for key in (forge.rsa_key(), forge.ed25519_key()):
        assert getattr(admit_key(key.jwk()), "problem", None) is KeyProblem.NOT_LOADABLE


# -------------------------------------------------------------------- stored keys


def test_empty_stored_keys_are_no_keys() -> None:
    assert admit_stored([]) == ()


@pytest.mark.parametrize(
    ("stored", "problem"),
    [
        ([forge.rsa_key().jwk(), forge.rsa_key().jwk()], KeySetProblem.NO_USABLE_KEY),
        ([forge.rsa_key().jwk(), {"kty": "AKP"}], KeySetProblem.NO_USABLE_KEY),
        ([forge.rsa_key().private_jwk()], KeySetProblem.NO_USABLE_KEY),
        ([None], KeySetProblem.NO_USABLE_KEY),
        ([forge.rsa_key().jwk(), forge.rsa_key("other").named("rsa").jwk()], KeySetProblem.KID_REUSED),
        ([forge.rsa_key().jwk()] * 257, KeySetProblem.TOO_MANY_KEYS),
    ],
    ids=["repeated", "unknown", "private", "null", "contradicting", "too many"],
)
def test_stored_keys_are_admitted_all_or_none(stored: list[object], problem: KeySetProblem) -> None:
    with pytest.raises(KeySetRefused) as refused:
        admit_stored(stored)
    assert refused.value.problem is problem


def test_verifier_takes_as_many_keys_as_an_operator_may_allow() -> None:
    stored = [forge.ec_key().jwk(kid=str(number)) for number in range(256)]
    assert len(admit_stored(stored)) == 256


def test_key_set_survives_storage() -> None:
    keys = admit(forge.key_set(forge.rsa_key(), forge.ec_key(), forge.ed25519_key(), {"kty": "AKP"})).keys
    assert admit_stored([key.to_jwk() for key in keys]) == keys == acme.keys(*(key.to_jwk() for key in keys))


@pytest.mark.parametrize(("limit", "admitted"), [(2048, 3), (2049, 2), (3072, 2), (3073, 1)])
def test_w03_rsa_keys_below_the_limit_are_ignored(limit: int, admitted: int) -> None:
    document = forge.key_set(
        forge.rsa_key("alice").named("1"), forge.rsa_key("alice", 3072).named("2"), forge.ec_key("alice").named("3")
    )
    found = admit(document, min_rsa_bits=limit)
    assert len(found.keys) == admitted
    assert {key.problem for key in found.ignored} <= {KeyProblem.RSA_BELOW_LIMIT}
    assert len(found.ignored) == 3 - admitted


def test_set_of_keys_below_the_limit_is_refused() -> None:
    with pytest.raises(KeySetRefused) as refused:
        admit(forge.key_set(forge.rsa_key("alice")), min_rsa_bits=3072)
    assert refused.value.problem is KeySetProblem.NO_USABLE_KEY
    assert [key.problem for key in refused.value.ignored] == [KeyProblem.RSA_BELOW_LIMIT]
