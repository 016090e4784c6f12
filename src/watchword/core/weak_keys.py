"""Finds RSA keys whose private key can be computed from the public one (W-03).

Every check takes a bounded number of steps on public numbers. Weak keys that only a list of fingerprints identifies,
such as those of Debian's generator of 2006 to 2008, are not found.
"""

from __future__ import annotations

from itertools import combinations
from math import gcd, isqrt, prod
from typing import TYPE_CHECKING, Final

from watchword.core.jwk_material import Material, modulus_of
from watchword.core.jwk_problems import KeyProblem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MAX_COMPARED_BITS: Final = 64 * 2_048
"""Every modulus of a set is compared with every other one. The 2,016 pairs of 64 moduli of 8,192 bits would take a
second, which a hostile set must not cost; real sets are much smaller."""


def found(materials: Iterable[Material]) -> Mapping[Material, KeyProblem]:
    """The weak keys of one set, each with its weakness.

    Only for published keys, not for stored ones: it takes many times as long as all other checks of a key, and a
    verifier admits the stored keys of every organization when it starts.
    """
    moduli = {material: modulus_of(material) for material in materials if material.kty == "RSA"}
    weak = {material: problem for material, modulus in moduli.items() if (problem := _weakness(modulus)) is not None}
    sharing = _sharing_a_prime(frozenset(moduli.values()))
    return {
        **{material: KeyProblem.RSA_PRIME_SHARED for material, modulus in moduli.items() if modulus in sharing},
        **weak,
    }


def _weakness(modulus: int) -> KeyProblem | None:
    if gcd(modulus, _SMALL_PRIMES_PRODUCT) != 1:
        return KeyProblem.RSA_SMALL_FACTOR
    if _has_roca_fingerprint(modulus):
        return KeyProblem.RSA_ROCA
    if _primes_are_close(modulus):
        return KeyProblem.RSA_PRIMES_CLOSE
    return None


def _sharing_a_prime(moduli: frozenset[int]) -> frozenset[int]:
    """The moduli that share a factor with another one, so that both public keys together reveal the private keys.

    Heninger and others, 2012: "Mining your Ps and Qs". The same modulus with another exponent counts once.
    """
    if sum(modulus.bit_length() for modulus in moduli) > _MAX_COMPARED_BITS:
        return frozenset()
    return frozenset(modulus for pair in combinations(moduli, 2) if gcd(*pair) != 1 for modulus in pair)


def _primes_below(limit: int) -> tuple[int, ...]:
    return tuple(
        number for number in range(2, limit) if all(number % smaller for smaller in range(2, isqrt(number) + 1))
    )


_SMALL_PRIMES_PRODUCT: Final = prod(_primes_below(1_000))
"""For trial division by all of these primes in one step. The primes of a real key have hundreds of digits."""

# -------------------------------------------------------------------- ROCA

_ROCA_GENERATOR: Final = 65_537
_ROCA_PRIMES: Final = _primes_below(168)[1:]


def _residues_mask(prime: int) -> int:
    """A bit for each power of the generator modulo the prime."""
    return sum(1 << residue for residue in {pow(_ROCA_GENERATOR, power, prime) for power in range(prime)})


_ROCA_MASKS: Final = tuple((prime, _residues_mask(prime)) for prime in _ROCA_PRIMES)


def _has_roca_fingerprint(modulus: int) -> bool:
    """Whether the modulus has the structure of keys made by Infineon's library (CVE-2017-15361).

    Its primes are k * M + (65537**a mod M) with M the product of the first primes, at least those below 168. Their
    product is therefore a power of 65537 modulo each of these primes; of other numbers one in 2**154 is (Nemec and
    others, 2017: "The Return of Coppersmith's Attack", section 2).
    """
    return all(mask >> (modulus % prime) & 1 for prime, mask in _ROCA_MASKS)


# -------------------------------------------------------------------- Fermat

_FERMAT_STEPS: Final = 100
_SQUARES_MODULUS: Final = 5_040
_SQUARES: Final = frozenset(number * number % _SQUARES_MODULUS for number in range(_SQUARES_MODULUS))
"""Only one number in 26 has the remainder of a square; for the others no root is computed."""


def _primes_are_close(modulus: int) -> bool:
    """Whether Fermat's method factors the modulus in a few steps, as in CVE-2022-26320.

    It searches modulus = mean**2 - half_gap**2, starting from the smallest possible mean. If the second prime is the
    next one after the first, it succeeds in the first step.
    """
    mean = isqrt(modulus - 1) + 1
    square = mean * mean - modulus
    for _ in range(_FERMAT_STEPS):
        if square % _SQUARES_MODULUS in _SQUARES and isqrt(square) ** 2 == square:
            return True
        square += 2 * mean + 1
        mean += 1
    return False
