"""Keys as products spell them: a spelling that can mean only one key is that key (FB-01 to FB-03, FC-01, FC-02)."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from kit import acme, forge
from watchword.core.decision import Allow, Reason
from watchword.core.jwk import IgnoredKey, SigningKey, admit, admit_key, admit_stored
from watchword.core.jwk_problems import KeyProblem

if TYPE_CHECKING:
    from collections.abc import Callable

MATERIAL = {"RSA": ("n", "e"), "EC": ("x", "y"), "OKP": ("x",), "AKP": ("pub",)}
ALGS = ("RS256", "ES256", "ES384", "ES512", "EdDSA", "ML-DSA-44")


@cache
def key_with_short_coordinate(crv: str, member: str) -> forge.Key:
    """A key with a coordinate that begins with a zero octet, like one key in 256 (one in two on P-521)."""
    for number in range(20_000):
        key = forge.ec_key.__wrapped__(f"short-{number}", crv)
        if forge.unb64(key.jwk()[member])[0] == 0:
            return key.named("short")
    raise AssertionError("No such key was made.")


def padded(value: str) -> str:
    return value + "=" * (-len(value) % 4)


def standard(value: str) -> str:
    return b64encode(forge.unb64(value)).decode().rstrip("=")


def with_zeros(count: int) -> Callable[[str], str]:
    return lambda value: forge.b64(bytes(count) + forge.unb64(value))


def without_zeros(value: str) -> str:
    return forge.b64(forge.unb64(value).lstrip(b"\0"))


def spelled(key: forge.Key, spelling: Callable[[str], str]) -> dict[str, Any]:
    jwk = key.jwk()
    return {**jwk, **{name: spelling(jwk[name]) for name in MATERIAL[jwk["kty"]]}}


OF_ANY_KIND: dict[str, Callable[[str], str]] = {
    "FB-02: padded": padded,
    "in the standard alphabet": standard,
    "in the standard alphabet, padded": lambda value: padded(standard(value)),
}
OF_NUMBERS: dict[str, Callable[[str], str]] = {
    "FB-01: with Java's sign octet": with_zeros(1),
    "FB-01: with three zero octets": with_zeros(3),
    "FB-03: without its zero octets": without_zeros,
    "with a sign octet, in the standard alphabet, padded": lambda value: padded(standard(with_zeros(1)(value))),
}
KEYS = {
    **{alg: (forge.key_for(alg, "k1"), alg) for alg in ALGS},
    **{
        f"{alg} whose {member} begins with a zero octet": (key_with_short_coordinate(crv, member), alg)
        for alg, crv in (("ES256", "P-256"), ("ES384", "P-384"), ("ES512", "P-521"))
        for member in ("x", "y")
    },
}
ROWS = [
    pytest.param(key, alg, spelling, id=f"{how}: {name}")
    for name, (key, alg) in KEYS.items()
    for how, spelling in {**OF_ANY_KIND, **(OF_NUMBERS if alg[:2] in ("RS", "ES") else {})}.items()
]


@pytest.mark.parametrize(("key", "alg", "spelling"), ROWS)
def test_fb_01_02_03_all_spellings_are_the_same_key(key: forge.Key, alg: str, spelling: Callable[[str], str]) -> None:
    jwk = spelled(key, spelling)
    (canonical,) = acme.keys(key)
    assert admit_key(jwk) == canonical
    # What is stored and sent to verifiers, and how they read it.
    assert canonical.to_jwk() == key.jwk()
    assert admit_stored([jwk]) == (canonical,)
    assert isinstance(acme.decide(forge.token(key, alg), acme.trust(jwk)), Allow)
    stranger = forge.key_for(alg, "other").named(key.kid)
    assert acme.reason(acme.decide(forge.token(stranger, alg), acme.trust(jwk))) is Reason.SIGNATURE_INVALID


@pytest.mark.parametrize(("key", "alg", "spelling"), ROWS)
def test_fb_01_two_spellings_under_one_kid_are_one_key(
    key: forge.Key, alg: str, spelling: Callable[[str], str]
) -> None:
    (one,) = admit(forge.key_set(key, spelled(key, spelling))).keys
    assert alg in one.algorithms


def test_fb_03_padded_coordinates_must_be_on_the_curve() -> None:
    key = key_with_short_coordinate("P-256", "x")
    other = {"x": without_zeros(key.jwk()["x"]), "y": forge.ec_key("other").jwk()["y"]}
    assert problem_of(key.jwk(**other)) is KeyProblem.POINT_INVALID


def problem_of(jwk: object) -> KeyProblem | None:
    key = admit_key(jwk)
    return key.problem if isinstance(key, IgnoredKey) else None


# -------------------------------------------------------------------- what is not the same key

RSA, EC, ED, PQ = (forge.key_for(alg, "k1") for alg in ("RS256", "ES256", "EdDSA", "ML-DSA-44"))


def with_both_alphabets() -> str:
    for number in range(1_000):
        value: str = forge.rsa_jwk(2_048 + number)["n"]
        if "-" in value and "_" in value:
            return value.replace("-", "+")
    raise AssertionError("No such number was made.")


NOT_ONE_KEY: dict[str, tuple[forge.Key, str, Callable[[str], str]]] = {
    "padding that is too short": (RSA, "n", lambda value: value + "="),
    "padding that is too long": (RSA, "n", lambda value: padded(value) + "===="),
    "padding behind whole groups": (RSA, "e", lambda value: value + "="),
    "padding within": (RSA, "n", lambda value: value[:4] + "==" + value[4:]),
    "padding before": (RSA, "n", lambda value: "==" + value),
    "both alphabets": (RSA, "n", lambda _: with_both_alphabets()),
    "unused bits": (RSA, "n", lambda value: value[:-1] + chr(ord(value[-1]) + 1)),
    "unused bits, padded": (RSA, "n", lambda value: padded(value[:-1] + chr(ord(value[-1]) + 1))),
    "a line feed behind": (RSA, "n", lambda value: value + "\n"),
    "lines of 64 characters": (RSA, "n", lambda value: "\n".join((value[:64], value[64:]))),
    "a blank before": (RSA, "n", lambda value: " " + value),
    "an escaped plus": (RSA, "n", lambda value: "%2B" + value),
    "letters that are not ASCII": (RSA, "n", lambda value: "é" + value),
    "a digit of another script": (RSA, "n", lambda value: "\u0661" + value),
    "an Ed25519 key with a zero octet before": (ED, "x", with_zeros(1)),
    "an Ed25519 key with a zero octet behind": (ED, "x", lambda value: forge.b64(forge.unb64(value) + b"\0")),
    "an Ed25519 key with an octet missing": (ED, "x", lambda value: forge.b64(forge.unb64(value)[1:])),
    "an ML-DSA key with a zero octet before": (PQ, "pub", with_zeros(1)),
    "an ML-DSA key with an octet missing": (PQ, "pub", lambda value: forge.b64(forge.unb64(value)[1:])),
    "a coordinate that is too long": (EC, "x", lambda value: forge.b64(b"\x01" + forge.unb64(value))),
}


@pytest.mark.parametrize(("key", "member", "spelling"), NOT_ONE_KEY.values(), ids=NOT_ONE_KEY)
def test_fb_02_ambiguous_spellings_are_ignored(key: forge.Key, member: str, spelling: Callable[[str], str]) -> None:
    assert problem_of(key.jwk(**{member: spelling(key.jwk()[member])})) is KeyProblem.VALUE_MALFORMED


def test_fb_02_tokens_still_have_one_spelling() -> None:
    trust = acme.trust(spelled(RSA, padded))
    header, claims, signature = forge.token(RSA, "RS256").split(".")
    for parts in ((padded(header), claims, signature), (header, claims, padded(signature))):
        if "=" in "".join(parts):
            assert acme.reason(acme.decide(".".join(parts), trust)) is Reason.TOKEN_MALFORMED
    zeros = forge.token(RSA, "RS256", signature=bytes(1) + forge.unb64(signature))
    assert acme.reason(acme.decide(zeros, trust)) is Reason.SIGNATURE_INVALID


# -------------------------------------------------------------------- members that are null or empty

ABSENT: tuple[object, ...] = (None, "", [])
MEMBERS = (
    "use", "alg", "key_ops", "kid", "x5c", "x5t", "x5t#S256", "x5u", "ext", "iat", "nbf", "exp", "revoked",
    "d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv", "pub", "crv", "x", "y", "n", "e",
)  # fmt: skip


@pytest.mark.parametrize("value", ABSENT, ids=repr)
@pytest.mark.parametrize("member", MEMBERS)
@pytest.mark.parametrize("key", [RSA, EC, ED], ids=["RSA", "EC", "OKP"])
def test_fc_01_02_empty_members_are_absent(key: forge.Key, member: str, value: object) -> None:
    read = admit_key(key.jwk(**{member: value}))
    assert read == admit_key(key.jwk(**{member: ...}))
    needed = {*MATERIAL[key.jwk()["kty"]], *({"crv"} if key is not RSA else ())}
    assert isinstance(read, SigningKey) == (member not in needed)


@pytest.mark.parametrize("value", ABSENT, ids=repr)
def test_fc_01_02_empty_members_do_not_affect_other_keys(value: object) -> None:
    names = set(MEMBERS) - {"kid", "n", "e"}
    (key,) = admit(forge.key_set(RSA.jwk(**dict.fromkeys(names, value)))).keys
    assert key == admit_key(RSA.jwk())
    assert isinstance(acme.decide(forge.token(RSA, "PS384"), acme.trust(RSA.jwk(use=value, alg=value))), Allow)


# -------------------------------------------------------------------- whole sets, as products publish them

OTHER = forge.rsa_key("other")
PUBLISHED: dict[str, tuple[bytes, list[str | None], list[KeyProblem]]] = {
    "FC-01: every private member null (.NET)": (
        forge.key_set(RSA.jwk(**dict.fromkeys(("d", "p", "q", "dp", "dq", "qi", "k", "oth", "x", "y", "crv", "x5u")),
                              use="sig", alg="RS256", key_ops=[], x5c=[])), ["k1"], [],
    ),
    "FC-02: every optional member null": (
        forge.key_set(RSA.jwk(use=None, alg=None, key_ops=None, x5c=None, x5t=None)), ["k1"], [],
    ),
    "a kid that is empty": (forge.key_set(RSA.jwk(kid="")), [None], []),
    "F: a byte order mark before the document": (b"\xef\xbb\xbf" + forge.key_set(RSA), ["k1"], []),
    "one key for four algorithms under one kid": (
        forge.key_set(*(RSA.jwk(alg=alg) for alg in ("RS512", "RS384", "RS256", "PS256"))), ["k1"] * 4, [],
    ),
    "F: a SPIFFE bundle beside a key for signatures": (
        forge.key_set(RSA.jwk(use="jwt-svid"), OTHER.named(None).jwk(use="x509-svid", x5c=["MIIB"]), EC,
                      spiffe_sequence=1, spiffe_refresh_hint=300),
        ["k1"], [KeyProblem.USE_SPIFFE, KeyProblem.USE_SPIFFE],
    ),
    "an alg that is mistyped, beside a key without": (
        forge.key_set(RSA.jwk(alg="RSA256"), OTHER), ["other"], [KeyProblem.ALGORITHM_NOT_ACCEPTED],
    ),
    "a shared secret beside a public key": (
        forge.key_set({"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"}, RSA), ["k1"], [KeyProblem.SYMMETRIC],
    ),
    "members of other specifications": (
        forge.key_set(RSA.jwk(ext=True, exp=1, nbf=0, iat=1, name="x", status="ACTIVE", _links={"self": "x"}),
                      public_certs=[], ttl=1), ["k1"], [],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("document", "kids", "problems"), PUBLISHED.values(), ids=PUBLISHED)
def test_fc_01_key_sets_of_products_are_admitted(
    document: bytes, kids: list[str | None], problems: list[KeyProblem]
) -> None:
    key_set = admit(document)
    assert [key.kid for key in key_set.keys] == kids
    assert [key.problem for key in key_set.ignored] == problems
