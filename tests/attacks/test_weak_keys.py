"""RSA keys whose private part an attacker can compute (W-03). Every modulus is constructed here from its weakness.

Its factors are hashes, not primes: the detection does not depend on that.
"""

from __future__ import annotations

import hashlib
from math import gcd, isqrt, prod
from typing import TYPE_CHECKING, Any

import pytest

from kit import forge
from watchword.core import weak_keys
from watchword.core.jwk import IgnoredKey, KeySetRefused, SigningKey, admit, admit_key, admit_stored
from watchword.core.jwk_problems import KeyProblem, KeySetProblem

if TYPE_CHECKING:
    from collections.abc import Callable

PRIMES = [number for number in range(2, 1_000) if all(number % smaller for smaller in range(2, isqrt(number) + 1))]
SMALL = prod(PRIMES)
GOOD = forge.rsa_key("good")


def factor(name: str, bits: int = 1_024) -> int:
    """An odd number of that many bits without a small factor, the same one for the same name."""
    digest = b"".join(hashlib.sha512(b"%s %d" % (name.encode(), block)).digest() for block in range(bits // 512))
    number = int.from_bytes(digest, "big") | 1 << bits - 1 | 1 << bits - 2 | 1
    return coprime(number, 2)


def coprime(number: int, step: int) -> int:
    while gcd(number, SMALL) != 1:
        number += step
    return number


def jwk(modulus: int, kid: str = "weak", exponent: int = 65_537) -> dict[str, Any]:
    return {"kty": "RSA", "kid": kid, "n": forge.integer(modulus), "e": forge.integer(exponent)}


def problems(*jwks: dict[str, Any]) -> dict[str | None, KeyProblem]:
    """The problem of each ignored key of a set, by kid; a good key in it keeps the set usable."""
    keys = admit(forge.key_set(GOOD, *jwks))
    assert "good" in {key.kid for key in keys.keys}
    return {key.kid: key.problem for key in keys.ignored}


def test_factors_of_the_weak_keys_are_ordinary_primes() -> None:
    assert problems(jwk(factor("p") * factor("q"))) == {}


# -------------------------------------------------------------------- ROCA

INFINEONS = prod(PRIMES[:126])
"""The product of primes in the prime numbers of Infineon's keys of 1,984 to 3,936 bits (Nemec and others, table 1)."""


def of_infineons_shape(name: str, generator: int) -> int:
    """A number k * M + (generator**a mod M) of 1,024 bits, with k and a from the name."""
    seed = int.from_bytes(hashlib.sha512(name.encode()).digest(), "big")
    base = pow(generator, seed, INFINEONS)
    smallest = (3 << 1_022) // INFINEONS + 1
    return coprime((smallest + seed % 2**32) * INFINEONS + base, INFINEONS)


def test_w03_roca_key_is_ignored() -> None:
    modulus = of_infineons_shape("p", 65_537) * of_infineons_shape("q", 65_537)
    assert modulus.bit_length() == 2_048
    assert problems(jwk(modulus)) == {"weak": KeyProblem.RSA_ROCA}


def test_w03_roca_fingerprint_uses_its_generator() -> None:
    assert problems(jwk(of_infineons_shape("p", 1_009) * of_infineons_shape("q", 1_009))) == {}


POWERS = {prime: {pow(65_537, power, prime) for power in range(prime)} for prime in PRIMES if 2 < prime < 168}


@pytest.mark.parametrize("prime", [prime for prime, powers in POWERS.items() if len(powers) < prime - 1])
def test_w03_roca_fingerprint_uses_every_small_prime(prime: int) -> None:
    """The same shape, except for one prime, modulo which the product is no power of the generator."""
    modulus = of_infineons_shape("p", 65_537) * of_infineons_shape("q", 65_537)
    assert weak_keys._has_roca_fingerprint(modulus)
    # Multiples of the other primes' product change only the remainder modulo this prime.
    while modulus % prime in POWERS[prime]:
        modulus += INFINEONS // prime
    assert not weak_keys._has_roca_fingerprint(modulus)


def test_w03_ordinary_keys_are_accepted() -> None:
    assert problems(*[forge.rsa_key(f"ordinary {number}").jwk() for number in range(5)]) == {}


# -------------------------------------------------------------------- Fermat


def steps(one: int, other: int) -> int:
    """How many candidates below the right one Fermat's method tries."""
    return (one + other) // 2 - (isqrt(one * other - 1) + 1)


def apart(gap: int) -> tuple[int, int]:
    one = factor("p")
    return one, coprime(one + gap, 2)


def gap_of(wanted: int) -> int:
    """An even gap between two factors for which the method takes exactly that many steps; it grows with their root."""
    return isqrt(4 * factor("p") * (2 * wanted + 1)) & ~1


@pytest.mark.parametrize(
    ("factors", "weak"),
    [
        pytest.param(lambda: (factor("p"),) * 2, True, id="the same factor twice"),
        pytest.param(lambda: apart(2), True, id="neighbours"),
        pytest.param(lambda: apart(2**500), True, id="equal in the first half"),
        pytest.param(lambda: apart(gap_of(50)), True, id="found in the middle of the search"),
        pytest.param(lambda: apart(gap_of(99)), True, id="found by the last step"),
        pytest.param(lambda: apart(gap_of(100)), False, id="a step too far"),
        pytest.param(lambda: apart(2**600), False, id="differing in the first half"),
    ],
)
def test_w03_key_of_two_close_primes_is_ignored(factors: Callable[[], tuple[int, int]], weak: bool) -> None:  # noqa: FBT001
    one, other = factors()
    assert (steps(one, other) < 100) == weak
    assert problems(jwk(one * other)) == ({"weak": KeyProblem.RSA_PRIMES_CLOSE} if weak else {})


# -------------------------------------------------------------------- small factors


@pytest.mark.parametrize(("small", "weak"), [(3, True), (5, True), (167, True), (997, True), (1_009, False)])
def test_w03_modulus_with_a_small_factor_is_ignored(small: int, weak: bool) -> None:  # noqa: FBT001
    modulus = small * factor("p") * factor("q")
    assert problems(jwk(modulus)) == ({"weak": KeyProblem.RSA_SMALL_FACTOR} if weak else {})


# -------------------------------------------------------------------- shared primes


def test_w03_keys_that_share_a_prime_are_ignored() -> None:
    shared = factor("shared")
    first, second = jwk(shared * factor("p"), "first"), jwk(shared * factor("q"), "second")
    assert problems(first, jwk(factor("r") * factor("s"), "third"), second) == {
        "first": KeyProblem.RSA_PRIME_SHARED,
        "second": KeyProblem.RSA_PRIME_SHARED,
    }


def test_w03_own_weakness_is_reported_before_a_shared_prime() -> None:
    shared = factor("shared")
    keys = jwk(shared * shared, "first"), jwk(shared * factor("q"), "second")
    assert problems(*keys) == {"first": KeyProblem.RSA_PRIMES_CLOSE, "second": KeyProblem.RSA_PRIME_SHARED}


def test_w03_repeated_modulus_is_not_a_shared_prime() -> None:
    modulus = factor("p") * factor("q")
    assert problems(jwk(modulus, "first"), jwk(modulus, "second"), jwk(modulus, "third", exponent=3)) == {}


def test_w03_set_of_only_weak_keys_is_refused_with_reasons() -> None:
    with pytest.raises(KeySetRefused) as refused:
        admit(forge.key_set(jwk(3 * factor("p") * factor("q"))))
    assert refused.value.problem is KeySetProblem.NO_USABLE_KEY
    assert refused.value.ignored == (IgnoredKey("weak", "RSA", KeyProblem.RSA_SMALL_FACTOR),)


# -------------------------------------------------------------------- the cost


def test_w03_large_sets_are_not_compared_in_pairs() -> None:
    """In the largest sets, comparing all pairs of keys would take a second."""
    shared = factor("shared", 4_096)
    keys = [jwk(shared * factor(str(number), 4_096), f"k{number}") for number in range(64)]
    assert set(problems(*keys[:15]).values()) == {KeyProblem.RSA_PRIME_SHARED}
    entries = [key for key in map(admit_key, keys) if isinstance(key, SigningKey)]
    assert weak_keys.found(entry.material for entry in entries) == {}


def test_w03_stored_keys_are_not_searched_for_weakness() -> None:
    """A verifier admits the stored keys of every organization at the start; they were searched when published."""
    assert len(admit_stored([jwk(factor("p") ** 2)])) == 1
