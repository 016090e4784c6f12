"""The reasons for not using a published key, or a whole key set, with sentences for administrators."""

from __future__ import annotations

from enum import Enum


class KeyProblem(Enum):
    """Why one key of a set is ignored. The other keys stay usable (W-08).

    Attributes:
        code: stable, snake_case.
        sentence: for the administrator; contains nothing of the key.
    """

    NOT_AN_OBJECT = ("not_an_object", "The entry is not a JSON object.")
    PRIVATE_MEMBERS = (
        "private_members",
        "The key contains private key material. Treat it as stolen: replace it, and publish its public members only.",
    )
    KIND_UNKNOWN = (
        "kind_unknown",
        "The key type (kty) is missing, or not one that signatures are verified with: RSA, EC, OKP or AKP.",
    )
    SYMMETRIC = ("symmetric", "The key is a shared secret (kty oct). Sign access tokens with a public key algorithm.")
    CURVE_UNKNOWN = (
        "curve_unknown",
        "The curve (crv) is missing, or not one of P-256, P-384 and P-521 for EC, and Ed25519 for OKP.",
    )
    KID_MALFORMED = ("kid_malformed", "The kid is not a text of 1 to 512 printable characters.")
    ISSUER_MALFORMED = (
        "issuer_malformed",
        "The key's issuer is not a URI of at most 512 printable characters. Correct it, or leave it out.",
    )
    USE_NOT_SIGNATURE = (
        "use_not_signature",
        (
            "The key's use is not 'sig'. That is right for an encryption key; "
            "for a signing key, set use to 'sig' or leave it out."
        ),
    )
    USE_SPIFFE = (
        "use_spiffe",
        (
            "The key belongs to a SPIFFE bundle (use jwt-svid or x509-svid), which is not the key set of an OAuth 2.0 "
            "authorization server. Enter the jwks_uri of the SPIFFE OIDC Discovery Provider."
        ),
    )
    OPERATION_NOT_VERIFY = (
        "operation_not_verify",
        "The key's key_ops are not a list that contains 'verify'. For a signing key, add it or leave key_ops out.",
    )
    ALGORITHM_MISSING = (
        "algorithm_missing",
        "The key has no alg, which is what says how a key of type AKP is used. Publish it with its alg.",
    )
    ALGORITHM_NOT_ACCEPTED = (
        "algorithm_not_accepted",
        "The key's alg is not an accepted signature algorithm, such as RS256, PS256, ES256 or EdDSA.",
    )
    ALGORITHM_NOT_FITTING = (
        "algorithm_not_fitting",
        "The key's alg cannot be used with its key type or curve. Correct alg, or leave it out.",
    )
    VALUE_MISSING = ("value_missing", "A value of the public key is missing or not a text.")
    VALUE_MALFORMED = (
        "value_malformed",
        "A value of the public key is not base64url, or longer or shorter than a key of this kind can be.",
    )
    RSA_TOO_SMALL = (
        "rsa_too_small",
        "The RSA key is smaller than 2048 bits. Replace it with one of 2048 bits or more.",
    )
    RSA_BELOW_LIMIT = (
        "rsa_below_limit",
        "The RSA key is smaller than this service is set to accept. Replace it with a larger one, such as 3072 bits.",
    )
    RSA_TOO_LARGE = ("rsa_too_large", "The RSA key is larger than 8192 bits. Use one of 2048 to 8192 bits.")
    RSA_MODULUS_INVALID = (
        "rsa_modulus_invalid",
        "The RSA modulus is even, so it is no RSA key. Export the public key again.",
    )
    RSA_EXPONENT_INVALID = (
        "rsa_exponent_invalid",
        "The RSA exponent is not an odd number from 3 to 2^32. Replace the key with one with the exponent 65537.",
    )
    RSA_TOO_SLOW = (
        "rsa_too_slow",
        (
            "The exponent is too large for an RSA key of this size: checking a signature would take too long. "
            "Replace the key with one with the exponent 65537."
        ),
    )
    RSA_SMALL_FACTOR = (
        "rsa_small_factor",
        (
            "The RSA modulus has a small factor: it is damaged, or its private key can be computed. "
            "Export the public key again, and replace the key if that does not help."
        ),
    )
    RSA_ROCA = (
        "rsa_roca",
        (
            "The RSA key was made by a faulty generator (ROCA, CVE-2017-15361), so its private key can be computed. "
            "Replace it with a key that was made elsewhere than in the affected smart card, TPM or security module."
        ),
    )
    RSA_PRIMES_CLOSE = (
        "rsa_primes_close",
        (
            "The two primes of the RSA key are too close (CVE-2022-26320), so its private key can be computed. "
            "Replace it with a key that was made with another library."
        ),
    )
    RSA_PRIME_SHARED = (
        "rsa_prime_shared",
        (
            "The RSA key shares a prime with another key of the set, so both private keys can be computed. "
            "Replace both, and make the new ones with a better source of randomness."
        ),
    )
    POINT_INVALID = (
        "point_invalid",
        "The public key is not a usable point of its curve. Export the public key again, and check crv, x and y.",
    )
    NOT_LOADABLE = (
        "not_loadable",
        "The cryptographic library of this installation refuses the public key, or cannot use its kind of key.",
    )

    def __init__(self, code: str, sentence: str) -> None:
        self.code = code
        self.sentence = sentence


class KeySetProblem(Enum):
    """Why a whole key set is refused.

    Attributes:
        code: stable, snake_case.
        sentence: for the administrator; contains nothing of the document.
    """

    TOO_LARGE = ("too_large", "The document is larger than 256 KiB.")
    NOT_JSON = ("not_json", "The document is not a JSON object, or not an unambiguous one.")
    NOT_A_KEY_SET = ("not_a_key_set", "The document has no list named 'keys', so it is not a JSON Web Key Set.")
    EMPTY = ("empty_key_set", "The key set contains no keys.")
    TOO_MANY_KEYS = ("too_many_keys", "The key set contains more keys than this service reads.")
    PRIVATE_MEMBERS = (
        "private_key_material",
        "The key set publishes private key material. Treat these keys as stolen and replace them.",
    )
    KID_REUSED = ("kid_reused", "The key set contains two different keys with the same kid and algorithm.")
    NO_USABLE_KEY = ("no_usable_key", "None of the keys can be used to verify signatures.")

    def __init__(self, code: str, sentence: str) -> None:
        self.code = code
        self.sentence = sentence
