"""Which keys are admitted: core/jwk.py, jwk_material.py, weak_keys.py and algorithms.py."""

from __future__ import annotations

from functools import partial
from typing import Final

from mutants.mutant import Mutant

_jwk = partial(Mutant, "core/jwk.py")
_characters = partial(Mutant, "core/characters.py")
_spelling = partial(Mutant, "core/jwk_spelling.py")
_material = partial(Mutant, "core/jwk_material.py")
_weak = partial(Mutant, "core/weak_keys.py")
_algorithms = partial(Mutant, "core/algorithms.py")

_SETS: Final = "attacks/test_key_sets.py::"
_SPELLED: Final = "attacks/test_key_spelling.py::"
_CHARACTERS: Final = ("core/test_characters.py::test_deceptive_characters_are_refused",)
_MATERIAL: Final = "attacks/test_key_material.py::"
_JWK: Final = "core/test_jwk.py::"
_WEAK: Final = "attacks/test_weak_keys.py::"
_ML_DSA: Final = "core/test_ml_dsa.py::"
_DOCUMENT: Final = (_SETS + "test_invalid_document_is_refused",)
_LARGEST: Final = (_SETS + "test_j11_j12_largest_document_and_most_keys_are_admitted",)
_PRIVATE: Final = (_SETS + "test_w07_any_private_member_refuses_the_set",)
_STORED: Final = (_JWK + "test_stored_keys_are_admitted_all_or_none",)
_KID: Final = (_SETS + "test_w09_key_with_an_unprintable_kid_is_ignored",)
_PURPOSE: Final = (_SETS + "test_w11_keys_for_other_purposes_are_ignored",)
_STRANGER: Final = (_SETS + "test_w08_unknown_key_is_ignored_and_others_stay",)
_NUMBERS: Final = (_MATERIAL + "test_w02_invalid_numbers_are_ignored",)
_SAME: Final = (_SPELLED + "test_fb_01_02_03_all_spellings_are_the_same_key",)
_NOT_ONE: Final = (_SPELLED + "test_fb_02_ambiguous_spellings_are_ignored",)
_EMPTY: Final = (_SPELLED + "test_fc_01_02_empty_members_are_absent",)
_PUBLISHED: Final = (_SPELLED + "test_fc_01_key_sets_of_products_are_admitted",)
_SIZE: Final = (_MATERIAL + "test_w01_modulus_has_2048_to_8192_bits",)
_EXPONENT: Final = (_MATERIAL + "test_w02_exponent_is_odd_and_bounded",)
_POINT: Final = (_MATERIAL + "test_w04_points_lie_on_their_curve",)
_SMALL_ORDER: Final = (_MATERIAL + "test_w05_invalid_ed25519_points_are_ignored",)
_OKP: Final = (_MATERIAL + "test_w05_ed25519_is_the_only_okp_curve",)

_SMALL: Final = ("core/test_jwk.py::test_w03_rsa_keys_below_the_limit_are_ignored",)

MUTANTS: Final[tuple[Mutant, ...]] = (
    # The set.
    _jwk("the largest document", "if len(document) > MAX_DOCUMENT_BYTES:", "if False:", _DOCUMENT),
    _jwk("a document of exactly the limit", "len(document) > MAX_DOCUMENT_BYTES", "len(document) >= MAX_DOCUMENT_BYTES",
         _LARGEST),
    _jwk("the refusal of what is no JSON", "except JsonRefused:", "except ZeroDivisionError:", _DOCUMENT),
    _jwk("the demand for a list of keys", "if not isinstance(published, list):", "if False:", _DOCUMENT),
    _jwk("the refusal of an empty list", "if not published:", "if False:", _DOCUMENT),
    _jwk("the most keys", "if len(published) > max_keys:", "if False:", _DOCUMENT),
    _jwk("exactly the most keys", "if len(published) > max_keys:", "if len(published) >= max_keys:", _LARGEST),
    _jwk("the operator's smallest RSA key", "_large_enough(entry, min_rsa_bits) for", "entry for", _SMALL),
    _jwk("exactly the operator's smallest RSA key", "entry.bits < min_rsa_bits", "entry.bits <= min_rsa_bits", _SMALL),
    _jwk("the refusal of a set with private members", "if any(_has_private_members(entry) for entry in published):",
         "if False:", _PRIVATE),
    *(
        _jwk(f"the look for {member}", f'"{member}"', f'"no {member}"', _PRIVATE)
        for member in ("d", "p", "q", "dp", "dq", "qi", "oth", "priv")
    ),
    _jwk("the look for k", '"oth", "k", "priv"', '"oth", "priv"', _PRIVATE),
    _jwk("the refusal of a set without a usable key", "if not keys:", "if False:",
         (_SETS + "test_w08_set_without_usable_key_is_refused_with_all_reasons",)),
    _jwk("the search for weak keys", "_without_weak_keys([admit_key(entry) for entry in published])",
         "[admit_key(entry) for entry in published]",
         (_WEAK + "test_w03_roca_key_is_ignored",)),
    _jwk("one key under one kid", "raise KeySetRefused(KeySetProblem.KID_REUSED)", "pass",
         (_SETS + "test_w09_different_keys_under_one_kid_and_algorithm_refuse_the_set",)),
    _jwk("two keys under one kid for two algorithms", "thumbprints.setdefault((kid, name), ",
         'thumbprints.setdefault((kid, ""), ',
         (_SETS + "test_w09_different_keys_under_one_kid_serve_different_algorithms",)),
    _jwk("keys without a kid being no contradiction",
         "(key.kid, name, key.thumbprint) for key in keys if key.kid is not None",
         '(key.kid or "", name, key.thumbprint) for key in keys if True',
         (_SETS + "test_w09_kids_differ_by_case_and_several_keys_may_have_none",)),
    _jwk("the byte order mark", ".removeprefix(_BYTE_ORDER_MARK)", "", _PUBLISHED),
    _jwk("the shared secret that is ignored", 'own = {"k"} if entry.get("kty") == "oct" else', "own =",
         (_SETS + "test_w06_oct_key_is_ignored_and_others_stay",)),
    _jwk("the other private members of a shared secret", 'own = {"k"} if', "own = set(PRIVATE_MEMBERS) if",
         (_SETS + "test_w07_oct_key_with_private_members_refuses_the_set",)),
    _jwk("the k of other keys", 'if entry.get("kty") == "oct" else set[str]()', "", _PRIVATE),
    _jwk("private members that are empty", "jwk_spelling.member(entry, name) is not None", "name in entry", _EMPTY),
    _jwk("repetitions being left out", "return tuple(dict.fromkeys(keys))", "return tuple(keys)",
         (_SETS + "test_w09_same_key_twice_under_one_kid_is_one_key",)),
    _jwk("the most stored keys", "if len(jwks) > MOST_KEYS:", "if False:", _STORED),
    _jwk("exactly the most stored keys", "if len(jwks) > MOST_KEYS:", "if len(jwks) >= MOST_KEYS:",
         (_JWK + "test_verifier_takes_as_many_keys_as_an_operator_may_allow",)),
    _jwk("all or none of the stored keys", "if len(keys) != len(jwks):", "if False:", _STORED),
    # One key.
    _jwk("the demand for an object", "if not isinstance(jwk, Mapping):", "if False:", _STRANGER),
    _jwk("the refusal of a stored private key", "if _has_private_members(jwk):", "if False:", _STORED),
    _jwk("a kid that is fit to be shown", "kid if is_kid(kid) else None", "kid", _KID),
    _jwk("the form of a kid", "if kid is not None and not is_kid(kid):", "if False:", _KID),
    _jwk("kids that are empty", "if kid is not None and not is_kid(kid):", "if not is_kid(kid):", _EMPTY),
    _jwk("the least length of a kid", "1 <= len(value) <= MAX", "len(value) <= MAX",
         ("attacks/test_key_sets.py::test_fc_02_an_ignored_key_with_an_empty_kid_is_shown_without_one",)),
    _jwk("the greatest length of a kid", " <= MAX_KID_LENGTH and", " and", _KID),
    _jwk("printable kids", " and is_printable(value)", "", _KID),
    _jwk("kids that are texts", "return isinstance(value, str) and 1", "return 1", _KID),
    _jwk("the use", 'if use not in (None, "sig"):', "if False:", _PURPOSE),
    _jwk("a use that is empty", 'if use not in (None, "sig"):', 'if use != "sig":', _EMPTY),
    _jwk("the uses of SPIFFE", "if use in _SPIFFE_USES:", "if False:", _PURPOSE),
    _jwk("the operations", "if operations is not None and (", "if False and (", _PURPOSE),
    _jwk("operations that are empty", "if operations is not None and (", "if True and (", _EMPTY),
    _jwk("operations that are a list", 'not isinstance(operations, list) or "verify" not in operations',
         '"verify" not in str(operations)', _PURPOSE),
    _jwk("the alg of a key", "if alg is None:", "if True:", _PURPOSE),
    # How it is spelled.
    *(
        _spelling(f"{what} as absent", "return None if is_absent(value) else value", f"return {instead}", _EMPTY)
        for what, instead in (("an empty text", "None if value == [] else value"),
                              ("an empty list", 'None if value == "" else value'))
    ),
    _spelling("keys that are padded", 'bare = value.rstrip("=")', "bare = value", _SAME),
    _spelling("the length of padding", 'if bare != value and value != bare + "=" * (-len(bare) % 4):', "if False:",
              _NOT_ONE),
    _spelling("the standard alphabet", 'if "+" in bare or "/" in bare:', "if False:", _SAME),
    _spelling("one alphabet at a time", 'if "-" in bare or "_" in bare:', "if False:", _NOT_ONE),
    _spelling("zeros before a number", 'return number.lstrip(b"\\x00")', "return number", _SAME),
    _spelling("zeros that a coordinate lacks", '.rjust(length, b"\\x00")', "", _SAME),
    _spelling("zeros before a coordinate", "shortest(number).rjust", "number.rjust", _SAME),
    _jwk("an alg that is in the table", "if not isinstance(alg, str) or alg not in ALGORITHMS:", "if False:", _PURPOSE),
    _jwk("an alg that fits the key", "if alg not in fitting:", "if False:",
         (_SETS + "test_w11_alg_must_fit_the_curve", *_PURPOSE)),
    _jwk("the alg as the only one", "return alg, _ALONE[alg]", "return alg, fitting",
         ("attacks/test_algorithm.py::test_algorithm_must_fit_the_key",)),
    _jwk("the variant in the thumbprint", "if material.variant is not None:", "if False:",
         ("core/test_vectors.py::test_thumbprints_match_the_rfcs",)),
    _jwk("the order in the thumbprint", "in sorted(members)]", "in members]",
         ("core/test_vectors.py::test_thumbprints_match_the_rfcs",)),
    # The characters of its kid.
    *(
        _characters(f"the refusal of {what}", old, new, _CHARACTERS)
        for what, old, new in (
            ("controls", '"\\u0000-\\u001f\\u007f-\\u00a0"', '""'),
            ("other controls", "\\u007f-\\u00a0", ""),
            ("a soft hyphen", "\\u00ad\\u061c", "\\u061c"),
            ("a change of direction", "\\u061c\\u180e", "\\u180e"),
            ("a byte order mark", "\\u180e\\ufeff", "\\u180e"),
            ("other blanks", "\\u1680\\u2000-\\u200f", "\\u2000-\\u200f"),
            ("joiners", "\\u2000-\\u200f", ""),
            ("ends of lines", "\\u2028-\\u202f", ""),
            ("isolates", "\\u205f-\\u206f", ""),
            ("half characters", '"\\ud800-\\udfff"', '""'),
            ("private characters", "\\ue000-\\uf8ff", ""),
            ("private planes", "\\U000f0000-\\U0010ffff", ""),
            ("what is no character", "\\ufdd0-\\ufdef", ""),
            ("marks of an editor", "\\ufff0-\\ufffb", ""),
            ("tags", '"\\U000e0000-\\U000e007f"', '""'),
        )
    ),
    # Its numbers.
    _material("the name of a shared secret", 'if kty == "oct":', "if False:",
              (_SETS + "test_w06_oct_key_without_value_is_ignored", *_STRANGER)),
    _material("kinds that are known", "if not isinstance(kty, str) or kty not in _READERS:", "if False:", _STRANGER),
    _material("kinds that are texts", "if not isinstance(kty, str) or kty", "if kty", _STRANGER),
    _material("values that are texts", "if not isinstance(value, str):", "if False:", (*_NUMBERS, *_STRANGER)),
    _material("values in base64url", "except base64url.Base64urlRefused:", "except ZeroDivisionError:", _NUMBERS),
    _material("the canonical form", "return spelled if spelled == canonical else canonical", "return spelled", _SAME),
    _material("the speed of a key", "if bits**2 * (exponent.bit_length() + exponent.bit_count() - 2) > MAX_RSA_WORK:",
              "if False:", (_MATERIAL + "test_fk_07_no_key_is_slower_than_the_largest_with_the_usual_exponent",)),
    _material("exactly the slowest key", "- 2) > MAX_RSA_WORK:", "- 2) >= MAX_RSA_WORK:",
              (_MATERIAL + "test_fk_07_no_key_is_slower_than_the_largest_with_the_usual_exponent",)),
    _material("the least modulus", "if bits < MIN_RSA_BITS:", "if False:", _SIZE),
    _material("a modulus of exactly the least size", "if bits < MIN_RSA_BITS:", "if bits <= MIN_RSA_BITS:", _SIZE),
    _material("the greatest modulus", "if bits > MAX_RSA_BITS:", "if False:", _SIZE),
    _material("a modulus of exactly the greatest size", "if bits > MAX_RSA_BITS:", "if bits >= MAX_RSA_BITS:", _SIZE),
    _material("odd moduli", "if modulus % 2 == 0:", "if False:", _NUMBERS),
    _material("odd exponents", "exponent % 2 == 0 or ", "", _EXPONENT),
    _material("the least exponent", "not MIN_RSA_EXPONENT <= exponent", "not 1 <= exponent", _EXPONENT),
    _material("the greatest exponent", "exponent <= MAX_RSA_EXPONENT:", "exponent:", _EXPONENT),
    _material("curves that are known", "if curve is None:", "if curve is None and False:", _POINT),
    _material("curves that are texts", "CURVES.get(crv) if isinstance(crv, str) else None", "CURVES.get(crv)", _POINT),
    _material("the length of coordinates", "any(len(coordinate) != curve.coordinate_bytes for", "any(False for",
              _POINT),
    _material("points on their curve",
              "except (ValueError, UnsupportedAlgorithm):\n        # The library checks that the point",
              "except UnsupportedAlgorithm:\n        # The library checks that the point", _POINT),
    _material("Ed25519 as the only curve of OKP", 'if crv != "Ed25519":', "if False:", _OKP),
    _material("32 bytes", "if len(octets) != _ED25519_BYTES:", "if False:", _OKP),
    _material("the refusal of small orders", "if not _is_ed25519_point_of_large_order(octets):", "if False:",
              _SMALL_ORDER),
    _material("canonical y", "if y >= prime:", "if False:", _SMALL_ORDER),
    _material("points on Ed25519", "if pow(u * v, (prime - 1) // 2, prime) != 1:", "if False:", _SMALL_ORDER),
    _material("orders 1 and 2", "if pow(u * v, (prime - 1) // 2, prime) != 1:",
              "if pow(u * v, (prime - 1) // 2, prime) == prime - 1:", _SMALL_ORDER),
    _material("order 8", "return above % prime != 0 and ", "return ", _SMALL_ORDER),
    _material("order 4", " and (above + below) % prime != 0", "", _SMALL_ORDER),
    _material("an alg that is missing", "if alg is None:", "if False:", _STRANGER),
    _material("an ML-DSA key's parameter set", "if not isinstance(alg, str) or alg not in PARAMETER_SETS:", "if False:",
              (*_STRANGER, _ML_DSA + "test_key_has_the_length_of_its_parameter_set",
               "attacks/test_algorithm.py::test_algorithm_must_fit_the_key")),
    _material("what the library lacks",
              "except (ValueError, UnsupportedAlgorithm):\n        # Not every build of OpenSSL offers",
              "except ValueError:\n        # Not every build of OpenSSL offers",
              (_ML_DSA + "test_library_without_ml_dsa_ignores_only_those_keys",)),
    _material("the length of an ML-DSA key", "if len(octets) != parameters.key_bytes:", "if False:",
              (_ML_DSA + "test_key_has_the_length_of_its_parameter_set",)),
    # Weak ones.
    _weak("small factors", "if gcd(modulus, _SMALL_PRIMES_PRODUCT) != 1:", "if False:",
          (_WEAK + "test_w03_modulus_with_a_small_factor_is_ignored",)),
    _weak("ROCA", "if _has_roca_fingerprint(modulus):", "if False:",
          (_WEAK + "test_w03_roca_key_is_ignored",)),
    _weak("the demand that all primes show ROCA", "return all(mask", "return any(mask",
          (_WEAK + "test_w03_ordinary_keys_are_accepted",)),
    _weak("primes that are close", "if _primes_are_close(modulus):", "if False:",
          (_WEAK + "test_w03_key_of_two_close_primes_is_ignored",)),
    _weak("the steps of Fermat's method", "_FERMAT_STEPS: Final = 100", "_FERMAT_STEPS: Final = 1",
          (_WEAK + "test_w03_key_of_two_close_primes_is_ignored",)),
    _weak("primes that are shared", "if gcd(*pair) != 1", "if False",
          (_WEAK + "test_w03_keys_that_share_a_prime_are_ignored",)),
    _weak("the bound on comparisons", "> _MAX_COMPARED_BITS:", "> 1 << 60:",
          (_WEAK + "test_w03_large_sets_are_not_compared_in_pairs",)),
    # The table.
    *(
        _algorithms(f"{name} in the table", f'Algorithm("{name}", ', f'Algorithm("no {name}", ',
                    ("core/test_verify.py::test_good_token_is_allowed_with_every_algorithm",))
        for name in ("RS384", "PS512", "ES256", "EdDSA")
    ),
    _algorithms("the curve of ES256", '"EC", "P-256", hashes', '"EC", "P-384", hashes',
                ("core/test_verify.py::test_good_token_is_allowed_with_every_algorithm",)),
    _algorithms("the variant that an algorithm fits", "if (row.kty, row.variant) == kind)", "if row.kty == kind[0])",
                ("attacks/test_algorithm.py::test_a06_key_without_alg_allows_only_its_own_algorithms",)),
)  # fmt: skip
