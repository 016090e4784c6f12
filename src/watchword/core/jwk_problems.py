"""Why a published key, or a whole key set, is not used. The sentences are for administrators."""

from __future__ import annotations

from enum import Enum


class KeyProblem(Enum):
    """Why one key of a set is left out. The other keys stay usable (CASES W-08).

    Attributes:
        code: stable, snake_case.
        sentence: for the administrator; holds nothing of the key.
    """

    NOT_AN_OBJECT = ("not_an_object", "The entry is not a JSON object.")
    PRIVATE_MEMBERS = ("private_members", "The key contains private key material.")
    KIND_UNKNOWN = ("kind_unknown", "The key type is not one that signatures are verified with (RSA, EC or OKP).")
    SYMMETRIC = ("symmetric", "The key is a shared secret; only public keys are used.")
    CURVE_UNKNOWN = ("curve_unknown", "The curve is not one of P-256, P-384, P-521 and Ed25519.")
    KID_MALFORMED = ("kid_malformed", "The kid is not a text of 1 to 512 printable characters.")
    USE_NOT_SIGNATURE = ("use_not_signature", "The key's use is not 'sig'.")
    OPERATION_NOT_VERIFY = ("operation_not_verify", "The key's key_ops do not contain 'verify'.")
    ALGORITHM_NOT_ACCEPTED = ("algorithm_not_accepted", "The key's alg is not an accepted signature algorithm.")
    ALGORITHM_NOT_FITTING = ("algorithm_not_fitting", "The key's alg cannot be used with its key type or curve.")
    VALUE_MISSING = ("value_missing", "A value of the public key is missing or not a text.")
    VALUE_MALFORMED = ("value_malformed", "A value of the public key is not canonical base64url of the right length.")
    RSA_TOO_SMALL = ("rsa_too_small", "The RSA key is smaller than 2048 bits.")
    RSA_TOO_LARGE = ("rsa_too_large", "The RSA key is larger than 8192 bits.")
    RSA_MODULUS_INVALID = ("rsa_modulus_invalid", "The RSA modulus is even.")
    RSA_EXPONENT_INVALID = ("rsa_exponent_invalid", "The RSA exponent is not an odd number from 3 to 2^32.")
    POINT_INVALID = ("point_invalid", "The public key is not a usable point of its curve.")
    NOT_LOADABLE = ("not_loadable", "The cryptographic library refuses the public key.")

    def __init__(self, code: str, sentence: str) -> None:
        self.code = code
        self.sentence = sentence


class KeySetProblem(Enum):
    """Why a whole key set is refused.

    Attributes:
        code: stable, snake_case.
        sentence: for the administrator; holds nothing of the document.
    """

    TOO_LARGE = ("too_large", "The document is larger than 256 KiB.")
    NOT_JSON = ("not_json", "The document is not a JSON object, or not an unambiguous one.")
    NOT_A_KEY_SET = ("not_a_key_set", "The document has no list named 'keys', so it is not a JSON Web Key Set.")
    EMPTY = ("empty_key_set", "The key set contains no keys.")
    TOO_MANY_KEYS = ("too_many_keys", "The key set contains more than 64 keys.")
    PRIVATE_MEMBERS = (
        "private_key_material",
        "The key set publishes private key material. Treat these keys as stolen and replace them.",
    )
    KID_REUSED = ("kid_reused", "The key set contains two different keys with the same kid.")
    NO_USABLE_KEY = ("no_usable_key", "None of the keys can be used to verify signatures.")

    def __init__(self, code: str, sentence: str) -> None:
        self.code = code
        self.sentence = sentence
