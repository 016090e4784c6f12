"""Admission: decides which keys of a published JSON Web Key Set (RFC 7517) may verify signatures."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeGuard

from watchword.core import base64url, jwk_material, jwk_spelling, key_binding, weak_keys
from watchword.core.algorithms import ALGORITHMS, NAMES_FITTING
from watchword.core.characters import is_printable
from watchword.core.jwk_material import Material, MaterialRefused, PublicKey
from watchword.core.jwk_problems import KeyProblem, KeySetProblem
from watchword.core.strict_json import JsonRefused, parse_object

MAX_KEYS: Final = 64
"""The default limit for one set."""

MOST_KEYS: Final = 256
"""The highest limit that an operator can set, and the limit of every verifier, which does not know the operator's. It
bounds the time of admission: a document with this many keys takes less than a tenth of a second."""

MAX_DOCUMENT_BYTES: Final = 262_144
MAX_KID_LENGTH: Final = 512
"""Characters. Longer than any in use, and short enough for a log line, an index and a report to the control plane."""

PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"})
"""RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1; RFC 9964 (`priv`)."""

_SPIFFE_USES: Final = ("jwt-svid", "x509-svid")
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

_ALONE: Final[Mapping[str, frozenset[str]]] = {name: frozenset({name}) for name in ALGORITHMS}
"""Shared by all keys: a verifier holds hundreds of thousands."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One admitted public key.

    Attributes:
        kid: the key's name, compared exactly; None if it was published without one.
        kty, variant: the kind of key; the variant is its `crv` or, for an AKP key, its `alg`; None for RSA.
        bits: size of the modulus, of the curve's field, or of a whole AKP key.
        alg: the algorithm that the key declares; None if it declares none.
        algorithms: names of the algorithms that it may be used with: only `alg` if declared.
        issuer: the only issuer whose tokens it verifies, see `key_binding`; None if the key is not bound.
        thumbprint: RFC 7638, SHA-256, base64url. Two keys with equal thumbprints are the same key.
        material: the checked public members.
    """

    kid: str | None
    kty: str
    variant: str | None
    bits: int
    alg: str | None
    algorithms: frozenset[str]
    issuer: str | None
    thumbprint: str
    material: Material = field(repr=False)
    _loaded: PublicKey | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def public_key(self) -> PublicKey:
        """The key object. Made at first use, because requests use only some of a verifier's many organizations."""
        loaded = self._loaded
        if loaded is None:
            loaded = jwk_material.load(self.material)
            # The class is frozen so that a key never changes its meaning; caching the object does not change it.
            object.__setattr__(self, "_loaded", loaded)
        return loaded

    def to_jwk(self) -> dict[str, str]:
        """The public members only, in the form that `admit_stored` reads."""
        variant = jwk_material.VARIANT_MEMBER.get(self.kty, "")
        optional = {"kid": self.kid, "alg": self.alg, "issuer": self.issuer, variant: self.variant}
        return {
            "kty": self.kty,
            **{name: value for name, value in optional.items() if value is not None},
            **dict(zip(jwk_material.MEMBERS[self.kty], self.material.values, strict=True)),
        }


@dataclass(frozen=True, slots=True)
class IgnoredKey:
    """A published key that is not used; `kid` and `kty` are None if they must not be shown."""

    kid: str | None
    kty: str | None
    problem: KeyProblem


@dataclass(frozen=True, slots=True)
class KeySet:
    """The admitted keys of one document, at least one, and the ignored ones."""

    keys: tuple[SigningKey, ...]
    ignored: tuple[IgnoredKey, ...]


class KeySetRefused(Exception):
    """The whole set is refused; `ignored` gives the reason for each key, if no key is usable."""

    def __init__(self, problem: KeySetProblem, ignored: tuple[IgnoredKey, ...] = ()) -> None:
        super().__init__(problem.code)
        self.problem = problem
        self.ignored = ignored


def admit(document: bytes, max_keys: int = MAX_KEYS, min_rsa_bits: int = jwk_material.MIN_RSA_BITS) -> KeySet:
    """Admit the keys of a published JWKS document, of at most `max_keys`; no RSA key below `min_rsa_bits`.

    Raises:
        KeySetRefused: no key of the set may be used.
    """
    if len(document) > MAX_DOCUMENT_BYTES:
        raise KeySetRefused(KeySetProblem.TOO_LARGE)
    try:
        # RFC 8259 section 8.1 allows readers to ignore a byte order mark, which some Windows editors write.
        published = parse_object(document.removeprefix(_BYTE_ORDER_MARK)).get("keys")
    except JsonRefused:
        raise KeySetRefused(KeySetProblem.NOT_JSON) from None
    if not isinstance(published, list):
        raise KeySetRefused(KeySetProblem.NOT_A_KEY_SET)
    if not published:
        raise KeySetRefused(KeySetProblem.EMPTY)
    if len(published) > max_keys:
        raise KeySetRefused(KeySetProblem.TOO_MANY_KEYS)
    if any(_has_private_members(entry) for entry in published):
        # A published private key is compromised, and its siblings most likely too (W-07).
        raise KeySetRefused(KeySetProblem.PRIVATE_MEMBERS)
    entries = _without_weak_keys([admit_key(entry) for entry in published])
    entries = [_large_enough(entry, min_rsa_bits) for entry in entries]
    ignored = tuple(entry for entry in entries if isinstance(entry, IgnoredKey))
    keys = _without_repetition([entry for entry in entries if isinstance(entry, SigningKey)])
    if not keys:
        raise KeySetRefused(KeySetProblem.NO_USABLE_KEY, ignored)
    return KeySet(keys, ignored)


def admit_stored(jwks: Sequence[object]) -> tuple[SigningKey, ...]:
    """Admit keys written by `SigningKey.to_jwk`, with the same checks; one bad key refuses all of them.

    It skips the search for weak keys, which would take too long for all keys of all organizations. An empty
    sequence gives an empty tuple: the keys of an authorization server that were never fetched.

    Raises:
        KeySetRefused: a key is not admitted, repeated, or contradicts another.
    """
    if len(jwks) > MOST_KEYS:
        raise KeySetRefused(KeySetProblem.TOO_MANY_KEYS)
    entries = [admit_key(jwk) for jwk in jwks]
    keys = _without_repetition([entry for entry in entries if isinstance(entry, SigningKey)])
    if len(keys) != len(jwks):
        ignored = tuple(entry for entry in entries if isinstance(entry, IgnoredKey))
        raise KeySetRefused(KeySetProblem.NO_USABLE_KEY, ignored)
    return keys


def admit_key(jwk: object) -> SigningKey | IgnoredKey:
    """Admit one JWK, or return why not. Its certificates (`x5c`, `x5t`, `x5u`) are never read (W-10)."""
    if not isinstance(jwk, Mapping):
        return IgnoredKey(None, None, KeyProblem.NOT_AN_OBJECT)
    try:
        return _signing_key(jwk)
    except MaterialRefused as refused:
        kid, kty = jwk.get("kid"), jwk.get("kty")
        return IgnoredKey(kid if is_kid(kid) else None, kty if is_kid(kty) else None, refused.problem)


def _signing_key(jwk: Mapping[str, object]) -> SigningKey:
    if _has_private_members(jwk):
        raise MaterialRefused(KeyProblem.PRIVATE_MEMBERS)
    kid = _kid(jwk)
    _check_purpose(jwk)
    material = jwk_material.read(jwk)
    alg, algorithms = _algorithms_of(jwk, material)
    return SigningKey(
        kid=kid,
        kty=material.kty,
        variant=material.variant,
        bits=material.bits,
        alg=alg,
        algorithms=algorithms,
        issuer=_issuer(jwk),
        thumbprint=_thumbprint(material),
        material=material,
    )


def is_kid(value: object) -> TypeGuard[str]:
    """Whether a value can name a key: a text of 1 to MAX_KID_LENGTH printable characters.

    Other values must not reach databases, logs and pages (A-16).
    """
    return isinstance(value, str) and 1 <= len(value) <= MAX_KID_LENGTH and is_printable(value)


def _has_private_members(entry: object) -> bool:
    if not isinstance(entry, Mapping) or PRIVATE_MEMBERS.isdisjoint(entry):
        return False
    # A key of type `oct` is only a secret. It is ignored, and does not make the other keys suspicious.
    own = {"k"} if entry.get("kty") == "oct" else set[str]()
    return any(jwk_spelling.member(entry, name) is not None for name in PRIVATE_MEMBERS - own)


def _kid(jwk: Mapping[str, object]) -> str | None:
    kid = jwk_spelling.member(jwk, "kid")
    if kid is not None and not is_kid(kid):
        raise MaterialRefused(KeyProblem.KID_MALFORMED)
    return kid


def _issuer(jwk: Mapping[str, object]) -> str | None:
    try:
        return key_binding.issuer_of(jwk_spelling.member(jwk, "issuer"))
    except key_binding.BindingRefused:
        raise MaterialRefused(KeyProblem.ISSUER_MALFORMED) from None


def _check_purpose(jwk: Mapping[str, object]) -> None:
    """A key published for another purpose never verifies signatures (A-20; RFC 7517 sections 4.2 and 4.3)."""
    use = jwk_spelling.member(jwk, "use")
    if use in _SPIFFE_USES:
        raise MaterialRefused(KeyProblem.USE_SPIFFE)
    if use not in (None, "sig"):
        raise MaterialRefused(KeyProblem.USE_NOT_SIGNATURE)
    operations = jwk_spelling.member(jwk, "key_ops")
    if operations is not None and (not isinstance(operations, list) or "verify" not in operations):
        raise MaterialRefused(KeyProblem.OPERATION_NOT_VERIFY)


def _algorithms_of(jwk: Mapping[str, object], material: Material) -> tuple[str | None, frozenset[str]]:
    fitting = NAMES_FITTING.get((material.kty, material.variant), frozenset())
    alg = jwk_spelling.member(jwk, "alg")
    if alg is None:
        return None, fitting
    if not isinstance(alg, str) or alg not in ALGORITHMS:
        raise MaterialRefused(KeyProblem.ALGORITHM_NOT_ACCEPTED)
    if alg not in fitting:
        raise MaterialRefused(KeyProblem.ALGORITHM_NOT_FITTING)
    return alg, _ALONE[alg]


def _thumbprint(material: Material) -> str:
    """RFC 7638 section 3, RFC 9964: the required members only, sorted by name, without spaces.

    Every value is base64url or a name from a table, so nothing needs escaping.
    """
    members = [("kty", material.kty), *zip(jwk_material.MEMBERS[material.kty], material.values, strict=True)]
    if material.variant is not None:
        members.append((jwk_material.VARIANT_MEMBER[material.kty], material.variant))
    canonical = "{" + ",".join([f'"{name}":"{value}"' for name, value in sorted(members)]) + "}"
    return base64url.encode(hashlib.sha256(canonical.encode("utf-8")).digest())


def _large_enough(entry: SigningKey | IgnoredKey, min_rsa_bits: int) -> SigningKey | IgnoredKey:
    if isinstance(entry, SigningKey) and entry.kty == "RSA" and entry.bits < min_rsa_bits:
        return IgnoredKey(entry.kid, entry.kty, KeyProblem.RSA_BELOW_LIMIT)
    return entry


def _without_weak_keys(entries: Sequence[SigningKey | IgnoredKey]) -> list[SigningKey | IgnoredKey]:
    weak = weak_keys.found(entry.material for entry in entries if isinstance(entry, SigningKey))
    return [
        IgnoredKey(entry.kid, entry.kty, weak[entry.material])
        if isinstance(entry, SigningKey) and entry.material in weak
        else entry
        for entry in entries
    ]


def _without_repetition(keys: Sequence[SigningKey]) -> tuple[SigningKey, ...]:
    """Drop exact repetitions; refuse two different keys with one kid and algorithm, which are ambiguous."""
    named = [(key.kid, name, key.thumbprint) for key in keys if key.kid is not None for name in key.algorithms]
    thumbprints: dict[tuple[str, str], str] = {}
    for kid, name, thumbprint in named:
        if thumbprints.setdefault((kid, name), thumbprint) != thumbprint:
            raise KeySetRefused(KeySetProblem.KID_REUSED)
    return tuple(dict.fromkeys(keys))
