"""Attacks on the choice of the algorithm (A-01 to A-09, A-20). A row is a sentence, a token, and the refusal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kit import acme, forge
from watchword.core.decision import Allow, Deny, Reason

if TYPE_CHECKING:
    from collections.abc import Callable

WITHOUT_SECRETS = """
import sys
import watchword.core.verify
print([name for name in ("hmac", "cryptography.hazmat.primitives.hmac", "zlib", "gzip") if name in sys.modules])
"""

RSA = forge.rsa_key("rsa-1")
OTHER_RSA = forge.rsa_key("rsa-2")
EC = forge.ec_key("ec-1", "P-256")
ED = forge.ed25519_key("ed-1")

EVERYTHING = acme.trust(RSA, EC, ED)


@dataclass(frozen=True)
class Attack:
    case: str
    sentence: str
    token: Callable[[], str]
    refusal: Reason

    def __str__(self) -> str:
        return f"{self.case}: {self.sentence}"


def test_unchanged_tokens_are_accepted() -> None:
    for key, alg in ((RSA, "RS256"), (RSA, "PS256"), (EC, "ES256"), (ED, "EdDSA"), (ED, "Ed25519")):
        assert isinstance(acme.decide(forge.token(key, alg), EVERYTHING), Allow)


# -------------------------------------------------------------------- the public key as an HMAC secret


def public_texts(key: forge.Key) -> list[bytes]:
    """Every text of a public key that a confused verifier could use as a secret, with the usual variations."""
    jwk = key.jwk()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    texts = [
        pem,
        pem.strip(),
        pem.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + pem,
        b" " + pem,
        b"\n" + pem,
        key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
        json.dumps(jwk).encode(),
        json.dumps(jwk, sort_keys=True).encode(),
        json.dumps(jwk, separators=(",", ":")).encode(),
        str(jwk.get("n", jwk.get("x"))).encode(),
        b"",
    ]
    if jwk["kty"] == "RSA":
        texts.append(key.public_bytes(Encoding.PEM, PublicFormat.PKCS1))
        texts.append(key.public_bytes(Encoding.DER, PublicFormat.PKCS1))
    return texts


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("key", [RSA, EC, ED], ids=["RSA", "EC", "Ed25519"])
def test_a01_to_a04_public_key_is_never_an_hmac_secret(key: forge.Key, alg: str) -> None:
    for secret in public_texts(key):
        for changes in ({}, {"kid": key.kid}):
            decision = acme.decide(forge.hmac_token(secret, alg, changes), EVERYTHING)
            assert decision == Deny(Reason.ALGORITHM_NOT_ACCEPTED)


def test_a03_t16_kernel_loads_neither_hmac_nor_zlib() -> None:
    """In a new process, because other tests here have loaded both. An import contract forbids them by name too."""
    # Without coverage, which loads a compressor into every process.
    environment = {**os.environ, "COVERAGE_PROCESS_CONFIG": ""}
    command = [sys.executable, "-c", WITHOUT_SECRETS]
    outcome = subprocess.run(command, env=environment, capture_output=True, check=True, timeout=60)
    assert outcome.stdout == b"[]\n"


# -------------------------------------------------------------------- none


@pytest.mark.parametrize(
    "alg",
    [
        "none",
        "None",
        "NONE",
        "nOnE",
        "none ",
        "",
        "rs256",
        "RS256 ",
        "RS256\x00",
        "\uff32\uff33256",
        None,
        0,
        True,
        ["RS256"],
        {},
        ...,
    ],
    ids=repr,
)
@pytest.mark.parametrize("signature", [b"", b"\x00", None], ids=["no signature", "one byte", "a real signature"])
def test_a05_other_spellings_of_alg_are_refused(alg: object, signature: bytes | None) -> None:
    token = forge.token(RSA, "RS256", header_changes={"alg": alg}, sign_as="RS256", signature=signature)
    assert acme.reason(acme.decide(token, EVERYTHING)) is Reason.ALGORITHM_NOT_ACCEPTED


# -------------------------------------------------------------------- the algorithm must fit the key

FITTING = {"rsa-1": set(forge.RSA_ALGORITHMS), "ec-1": {"ES256"}, "ed-1": set(forge.OKP_ALGORITHMS)}
P192: dict[str, object] = {
    "kty": "EC",
    "kid": "p192",
    "crv": "P-192",
    "x": forge.b64(b"\x01" * 24),
    "y": forge.b64(b"\x02" * 24),
}


@pytest.mark.parametrize("alg", forge.ALGORITHMS)
@pytest.mark.parametrize("key", [RSA, EC, ED], ids=["RSA", "EC", "Ed25519"])
def test_a06_key_without_alg_allows_only_its_own_algorithms(key: forge.Key, alg: str) -> None:
    decision = acme.decide(forge.token(key, alg), EVERYTHING)
    if alg in FITTING[str(key.kid)]:
        assert isinstance(decision, Allow)
    else:
        assert decision == Deny(Reason.KEY_ALGORITHM_MISMATCH)


FIT: list[tuple[Attack, dict[str, object]]] = [
    (
        Attack(
            "A-07",
            "The header says RS256, the key is bound to PS512 and has really signed with it.",
            lambda: forge.token(RSA, "RS256", sign_as="PS512"),
            Reason.KEY_ALGORITHM_MISMATCH,
        ),
        RSA.jwk(alg="PS512"),
    ),
    (
        Attack(
            "A-08",
            "The key is published for RS256 and signs with PS256.",
            lambda: forge.token(RSA, "PS256"),
            Reason.KEY_ALGORITHM_MISMATCH,
        ),
        RSA.jwk(alg="RS256"),
    ),
    (
        Attack(
            "A-08",
            "A key published as EdDSA is used under the other name; names are compared exactly.",
            lambda: forge.token(ED, "Ed25519"),
            Reason.KEY_ALGORITHM_MISMATCH,
        ),
        ED.jwk(alg="EdDSA"),
    ),
    (
        Attack(
            "A-09",
            "ES256, correctly signed with a P-384 key.",
            lambda: forge.token(forge.ec_key("p384", "P-384"), "ES256"),
            Reason.KEY_ALGORITHM_MISMATCH,
        ),
        forge.ec_key("p384", "P-384").jwk(),
    ),
    (
        Attack(
            "A-09",
            "ES256, correctly signed with a P-521 key.",
            lambda: forge.token(forge.ec_key("p521", "P-521"), "ES256"),
            Reason.KEY_ALGORITHM_MISMATCH,
        ),
        forge.ec_key("p521", "P-521").jwk(),
    ),
    (
        Attack(
            "A-09",
            "ES256, correctly signed with a secp256k1 key, which is not even admitted.",
            lambda: forge.token(forge.ec_key("k1", "secp256k1"), "ES256"),
            Reason.NO_MATCHING_KEY,
        ),
        forge.ec_key("k1", "secp256k1").jwk(),
    ),
    (
        Attack(
            "A-09",
            "ES256K is not in the table.",
            lambda: forge.token(forge.ec_key("k1", "secp256k1"), "ES256K"),
            Reason.ALGORITHM_NOT_ACCEPTED,
        ),
        forge.ec_key("k1", "secp256k1").jwk(),
    ),
    (
        Attack(
            "A-09",
            "A key of P-192 is not even admitted.",
            lambda: forge.token(EC.named("p192"), "ES256"),
            Reason.NO_MATCHING_KEY,
        ),
        P192,
    ),
    (
        Attack(
            "A-20",
            "The key is published for encryption.",
            lambda: forge.token(RSA, "RS256"),
            Reason.NO_MATCHING_KEY,
        ),
        RSA.jwk(use="enc"),
    ),
    (
        Attack(
            "A-20",
            "The key's operations do not contain verify.",
            lambda: forge.token(RSA, "RS256"),
            Reason.NO_MATCHING_KEY,
        ),
        RSA.jwk(key_ops=["encrypt"]),
    ),
]


@pytest.mark.parametrize(("attack", "published"), FIT, ids=[str(attack) for attack, _ in FIT])
def test_algorithm_must_fit_the_key(attack: Attack, published: dict[str, object]) -> None:
    assert acme.reason(acme.decide(attack.token(), acme.trust(published, OTHER_RSA))) is attack.refusal
