"""ML-DSA (RFC 9964): verified where the cryptographic library offers it, and harmless where it does not."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import mldsa

from kit import acme, forge
from watchword.core import jwk_material
from watchword.core.algorithms import ALGORITHMS, PARAMETER_SETS
from watchword.core.decision import Allow, Deny, Reason
from watchword.core.jwk import IgnoredKey, SigningKey, admit, admit_key, admit_stored
from watchword.core.jwk_problems import KeyProblem

RSA = forge.rsa_key("rsa-1")


@pytest.mark.parametrize(
    ("alg", "thumbprint"),
    [
        ("ML-DSA-44", "T4xl70S7MT6Zeq6r9V9fPJGVn76wfnXJ21-gyo0Gu6o"),
        ("ML-DSA-65", "Suiu29qbfuaBaR4Ats-c6XQBePB_OpAxAwcTR_0KXVM"),
    ],
)
def test_thumbprint_of_the_all_zero_seed_matches_the_rfc(alg: str, thumbprint: str) -> None:
    kinds: dict[str, Any] = dict(forge.ML_DSA)
    key = admit_key(forge.Key(kinds[alg].from_seed_bytes(bytes(32)), None).jwk())
    assert isinstance(key, SigningKey)
    assert key.thumbprint == thumbprint


@pytest.mark.parametrize("alg", forge.ML_DSA)
def test_key_describes_itself_and_survives_encoding(alg: str) -> None:
    (key,) = acme.keys(forge.ml_dsa_key("pq", alg))
    assert (key.kty, key.variant, key.alg, key.algorithms) == ("AKP", alg, alg, frozenset({alg}))
    assert key.bits == 8 * PARAMETER_SETS[alg].key_bytes
    assert key.to_jwk().keys() == {"kty", "kid", "alg", "pub"}
    assert admit_stored([key.to_jwk()]) == (key,)


@pytest.mark.parametrize("signed_with", forge.ML_DSA)
@pytest.mark.parametrize("alg", forge.ML_DSA)
def test_parameter_sets_of_header_and_key_must_match(alg: str, signed_with: str) -> None:
    key = forge.ml_dsa_key("pq", signed_with)
    decision = acme.decide(forge.token(key, alg), acme.trust(key))
    if alg == signed_with:
        assert isinstance(decision, Allow)
    else:
        assert decision == Deny(Reason.KEY_ALGORITHM_MISMATCH)


@pytest.mark.parametrize("alg", forge.ML_DSA)
@pytest.mark.parametrize("labelled", forge.ML_DSA)
def test_key_has_the_length_of_its_parameter_set(alg: str, labelled: str) -> None:
    key = admit_key(forge.ml_dsa_key("pq", alg).jwk(alg=labelled))
    assert isinstance(key, SigningKey) == (alg == labelled)
    assert isinstance(key, SigningKey) or key.problem is KeyProblem.VALUE_MALFORMED


def test_signature_for_another_context_is_refused() -> None:
    key = forge.ml_dsa_key("pq", "ML-DSA-65")
    assert isinstance(key.private, mldsa.MLDSA65PrivateKey)
    signing_input = forge.token(key, "ML-DSA-65").rpartition(".")[0]
    signature = key.private.sign(signing_input.encode(), b"JWT")
    assert acme.decide(f"{signing_input}.{forge.b64(signature)}", acme.trust(key)) == Deny(Reason.SIGNATURE_INVALID)


def test_no_kid_with_exactly_one_fitting_key_is_accepted_among_others() -> None:
    key = forge.ml_dsa_key("pq", "ML-DSA-44")
    trust = acme.trust(RSA, key, forge.ml_dsa_key("pq-2", "ML-DSA-87"))
    assert isinstance(acme.decide(forge.token(key.named(None), "ML-DSA-44"), trust), Allow)


def test_key_refused_by_the_library_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        key_bytes = 1_952

        class implementation:  # noqa: N801 - it stands for the attribute of that name.
            @staticmethod
            def from_public_bytes(_octets: bytes) -> None:
                raise ValueError

    monkeypatch.setattr(jwk_material, "PARAMETER_SETS", {"ML-DSA-65": Refusing})
    key = admit_key(forge.ml_dsa_key("pq", "ML-DSA-65").jwk())
    assert key == IgnoredKey("pq", "AKP", KeyProblem.NOT_LOADABLE)


def test_locked_library_supports_ml_dsa() -> None:
    assert set(forge.ML_DSA) < set(ALGORITHMS)


WITHOUT = """
import sys
from cryptography.hazmat.backends.openssl.backend import backend
type(backend).mldsa_supported = lambda _self: False
from watchword.core.algorithms import ALGORITHMS, NAMES_FITTING
from watchword.core.jwk import admit
keys = admit(sys.stdin.buffer.read())
print([key.kid for key in keys.keys], [key.problem.code for key in keys.ignored])
print(sorted(name for name in ALGORITHMS if name.startswith("ML")), [kty for kty, _ in NAMES_FITTING if kty == "AKP"])
"""


def test_library_without_ml_dsa_ignores_only_those_keys() -> None:
    """In a new process, because the table is made once, when the kernel is imported."""
    document = forge.key_set(RSA, *(forge.ml_dsa_key(alg, alg) for alg in forge.ML_DSA))
    assert len(admit(document).keys) == 4
    outcome = subprocess.run(
        [sys.executable, "-c", WITHOUT], input=document, capture_output=True, check=True, timeout=60
    )
    assert outcome.stdout.decode().splitlines() == [f"['rsa-1'] {['not_loadable'] * 3}", "[] []"]
