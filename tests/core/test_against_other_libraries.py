"""The kernel compared with two independent JOSE libraries, on good and on mutated tokens.

Both get exactly the algorithm and the key that the kernel would choose, and require the same claims.
Where they and the kernel disagree, a table here says why; any other disagreement fails. Neither knows ML-DSA.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc import jwt as joserfc_jwt
from joserfc.errors import JoseError
from joserfc.jwk import import_key

from kit import acme, forge
from watchword.core.decision import Allow, Decision, Deny, Reason
from watchword.core.trust import SubscriptionPeriod, Trust
from watchword.core.verify import verify_token

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
"""RFC 9864 prefers the name Ed25519, and joserfc says so; authorization servers write EdDSA for years to come."""

ISSUER, AUDIENCE = "https://login.acme.example/", "https://api.example/"
FAR = 2**40

KERNEL_IS_STRICTER = {
    Reason.TOKEN_MALFORMED: "One takes a padded signature, so that a token has two spellings.",
    Reason.HEADER_MALFORMED: "Both take duplicate names, NaN and UTF-16.",
    Reason.CLAIMS_MALFORMED: "Both take duplicate names, NaN, UTF-16, half surrogate pairs, any depth and any number.",
    Reason.HEADER_NOT_ACCEPTED: "They take b64 and an empty crit, where these change nothing for them.",
    Reason.TYPE_NOT_ACCEPTED: "Neither looks at typ, nor for the hashes that mark an ID token.",
    Reason.NO_MATCHING_KEY: "They get the key and do not compare its kid.",
    Reason.TIME_MALFORMED: "One takes numbers as texts and booleans, both take times of any size.",
    Reason.CLIENT_MISMATCH: "They know no client claims.",
    Reason.CLIENT_MISSING: "They know no client claims.",
    Reason.TOKEN_BOUND: "They do not look at cnf.",
}
"""Reasons for which the kernel may refuse what a library takes. The signature is not among them."""


def now_trust(key: forge.Key) -> Trust:
    server = acme.server(key, keys_good_until=FAR)
    return acme.trust(server=server, subscription=SubscriptionPeriod(0, FAR))


def kernel(token: str, key: forge.Key) -> Decision:
    return verify_token(token, now_trust(key), now=time.time(), snapshot_good_until=FAR)


def joserfc_accepts(token: str, key: forge.Key, alg: str) -> bool:
    demanded = joserfc_jwt.JWTClaimsRegistry(
        leeway=60,
        exp={"essential": True},
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": AUDIENCE},
    )
    try:
        content = jws.deserialize_compact(token, import_key(key.jwk()), algorithms=[alg])
        claims = json.loads(content.payload)
        demanded.validate(claims)
    except (JoseError, ValueError, TypeError, AttributeError):
        return False
    return True


def pyjwt_accepts(token: str, key: forge.Key, alg: str) -> bool:
    published = jwt.PyJWK({**key.jwk(), "alg": "EdDSA" if alg == "Ed25519" else alg})
    try:
        jwt.decode(
            token,
            published.key,
            algorithms=[alg],
            issuer=ISSUER,
            audience=AUDIENCE,
            leeway=60,
            options={"require": ["exp"]},
        )
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError, OverflowError):
        return False
    return True


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    return forge.claims(**{"iat": now - 10, "exp": now + 3_600, **changes})


PYJWT_ALGORITHMS = sorted(set(forge.CLASSICAL_ALGORITHMS) & set(jwt.algorithms.get_default_algorithms()))


@pytest.mark.parametrize("alg", forge.CLASSICAL_ALGORITHMS)
def test_good_tokens_are_accepted_by_all_libraries(alg: str) -> None:
    key = forge.key_for(alg)
    token = forge.token(key, alg, payload=claims())
    assert isinstance(kernel(token, key), Allow)
    assert joserfc_accepts(token, key, alg)
    assert alg not in PYJWT_ALGORITHMS or pyjwt_accepts(token, key, alg)


@pytest.mark.parametrize("alg", forge.CLASSICAL_ALGORITHMS)
def test_tokens_of_joserfc_are_accepted(alg: str) -> None:
    key = forge.key_for(alg)
    header = {"alg": alg, "kid": key.kid}
    token = joserfc_jwt.encode(header, claims(), import_key(key.private_jwk()), algorithms=[alg])
    assert isinstance(kernel(token, key), Allow)


@pytest.mark.parametrize("alg", PYJWT_ALGORITHMS)
def test_tokens_of_pyjwt_are_accepted(alg: str) -> None:
    key = forge.key_for(alg)
    private: Any = key.private
    assert isinstance(kernel(jwt.encode(claims(), private, alg, headers={"kid": key.kid}), key), Allow)


# -------------------------------------------------------------------- mutations

CLAIM_CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "iss": st.sampled_from([ISSUER, ISSUER[:-1], ISSUER + "x", "", None, [ISSUER], 1, ...]),
        "aud": st.sampled_from([AUDIENCE, [AUDIENCE], ["x", AUDIENCE], [], "", "x", None, AUDIENCE + "x", [1], ...]),
        "exp": st.sampled_from([1, 10**9, 2**33, 2**33 + 0.5, "2000000000", None, True, -1, [], ...]),
        "nbf": st.sampled_from([1, 10**9, 2**33, 0.5, 0, -1, "1", ...]),
        "iat": st.sampled_from([1, 10**9, 2**33, 0, "1", ...]),
        "client_id": st.sampled_from(["acme-batch", "x", None, ...]),
        "sub": st.sampled_from(["bob", "", ...]),
        "at_hash": st.sampled_from(["AAAA", ...]),
        "c_hash": st.sampled_from(["AAAA", ...]),
    },
)  # fmt: skip
HEADER_CHANGES = st.fixed_dictionaries(
    {},
    optional={
        # Without Ed25519: the same as EdDSA under another name, which one of the libraries does not know.
        "alg": st.sampled_from([*forge.CLASSICAL_ALGORITHMS[:-1], "HS256", "none", "None", "", None]),
        # Without null, which only the kernel takes for absent (FC-02).
        "kid": st.sampled_from(["other", "", 1, ...]),
        "typ": st.sampled_from(["JWT", "at+jwt", "dpop+jwt", ...]),
        "crit": st.sampled_from([["exp"], ["b64"], [], "b64"]),
        "b64": st.booleans(),
        "jwk": st.just(forge.ec_key("unpublished").jwk()),
    },
)


def after(character: str) -> str:
    return chr(ord(character) + 1)


FORMS: dict[str, Callable[[str, str, str], str]] = {
    "as it is": lambda header, payload, signature: f"{header}.{payload}.{signature}",
    "padded": lambda header, payload, signature: f"{header}.{payload}.{signature}{'=' * (-len(signature) % 4)}",
    "spaced": lambda header, payload, signature: f"{header}.{payload}.{signature[:4]}\n{signature[4:]}",
    "unused bits": lambda header, payload, signature: (
        f"{header}.{payload}.{signature[:-1]}{chr(ord(signature[-1]) + 1)}"
    ),
    "foreign": lambda header, payload, signature: f"{header}.{payload}.!{signature}",
    "cut": lambda header, payload, signature: f"{header}.{payload}.{signature[:-4]}",
    "doubled": lambda header, payload, signature: f"{header}.{payload}.{signature}.{signature}",
    "swapped": lambda header, payload, signature: f"{payload}.{header}.{signature}",
}
"""Other forms of a token; some of them decode to the same bytes in a lenient decoder."""


def reformed(token: str, form: str) -> str:
    return FORMS[form](*token.split("."))


def assert_explained(token: str, key: forge.Key, alg: str) -> None:
    decision = kernel(token, key)
    verdicts = {"joserfc": joserfc_accepts(token, key, alg)}
    if alg in PYJWT_ALGORITHMS:
        verdicts["PyJWT"] = pyjwt_accepts(token, key, alg)
    if isinstance(decision, Allow):
        assert all(verdicts.values()), (verdicts, token)
    elif any(verdicts.values()):
        assert decision.reason in KERNEL_IS_STRICTER, (decision, verdicts, token)


@given(
    st.sampled_from(["RS256", "PS384", "ES256", "ES512", "EdDSA"]),
    CLAIM_CHANGES,
    HEADER_CHANGES,
    st.sampled_from(sorted(FORMS)),
)
@settings(max_examples=300)
def test_mutated_tokens_get_the_same_verdict_or_a_known_difference(
    alg: str, claim_changes: dict[str, Any], header_changes: dict[str, Any], form: str
) -> None:
    key = forge.key_for(alg)
    token = forge.token(key, alg, header_changes=header_changes, sign_as=alg, payload=claims(**claim_changes))
    assert_explained(reformed(token, form), key, alg)


@given(st.sampled_from(["RS256", "ES256", "EdDSA"]), st.data())
@settings(max_examples=200)
def test_damaged_bytes_get_the_same_verdict_or_a_known_difference(alg: str, data: st.DataObject) -> None:
    """One bit of the decoded header, claims or signature is flipped, so that every text is canonical."""
    key = forge.key_for(alg)
    parts = [forge.unb64(part) for part in forge.token(key, alg, payload=claims()).split(".")]
    part = data.draw(st.integers(0, 2))
    octets = bytearray(parts[part])
    octets[data.draw(st.integers(0, len(octets) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    parts[part] = bytes(octets)
    token = ".".join(forge.b64(octets) for octets in parts)
    assert isinstance(kernel(token, key), Deny)
    assert_explained(token, key, alg)


GOOD = json.dumps(claims()).encode()
ES256 = forge.key_for("ES256")
KNOWN_DIFFERENCES: list[tuple[str, dict[str, Any], Reason]] = [
    ("a claim twice", {"payload": b'{"exp":1,' + GOOD[1:]}, Reason.CLAIMS_MALFORMED),
    ("claims in UTF-16", {"payload": GOOD.decode().encode("utf-16")}, Reason.CLAIMS_MALFORMED),
    ("a header in UTF-16", {"header_octets": '{"kid":"key","alg":"ES256"}'.encode("utf-16")}, Reason.HEADER_MALFORMED),
    ("two algorithms", {"header_octets": b'{"kid":"key","alg":"none","alg":"ES256"}'}, Reason.HEADER_MALFORMED),
    ("another type", {"header_changes": {"typ": "dpop+jwt"}}, Reason.TYPE_NOT_ACCEPTED),
    ("an ID token", {"payload": claims(c_hash="AAAA")}, Reason.TYPE_NOT_ACCEPTED),
    ("NaN among the claims", {"payload": GOOD[:-1] + b',"x":NaN}'}, Reason.CLAIMS_MALFORMED),
    ("half a surrogate pair", {"payload": GOOD[:-1] + b',"x":"\\ud800"}'}, Reason.CLAIMS_MALFORMED),
    ("claims nested 33 deep", {"payload": claims(x=json.loads("[" * 32 + "]" * 32))}, Reason.CLAIMS_MALFORMED),
    ("a number of 65 digits", {"payload": claims(x=10**64)}, Reason.CLAIMS_MALFORMED),
    ("another kid", {"header_changes": {"kid": "other"}}, Reason.NO_MATCHING_KEY),
    ("an empty crit", {"header_changes": {"crit": []}}, Reason.HEADER_NOT_ACCEPTED),
    ("a boolean time", {"payload": claims(nbf=True)}, Reason.TIME_MALFORMED),
    ("a time in the year 285428681", {"payload": claims(exp=2**53)}, Reason.TIME_MALFORMED),
    ("another client", {"payload": claims(client_id="x")}, Reason.CLIENT_MISMATCH),
    ("no client", {"payload": claims(client_id=...)}, Reason.CLIENT_MISSING),
    ("a token bound to a key", {"payload": claims(cnf={"jkt": "x"})}, Reason.TOKEN_BOUND),
]


@pytest.mark.parametrize(
    ("changes", "reason"), [row[1:] for row in KNOWN_DIFFERENCES], ids=[row[0] for row in KNOWN_DIFFERENCES]
)
def test_known_differences_are_real(changes: dict[str, Any], reason: Reason) -> None:
    """A library accepts each row and the kernel refuses it; remove a row for which that is no longer true."""
    token = forge.token(ES256, "ES256", **{"payload": claims(), **changes})
    assert acme.reason(kernel(token, ES256)) is reason
    assert joserfc_accepts(token, ES256, "ES256") or pyjwt_accepts(token, ES256, "ES256")


def test_padded_signature_is_a_known_difference() -> None:
    twin = reformed(forge.token(ES256, "ES256", payload=claims()), "padded")
    assert kernel(twin, ES256) == Deny(Reason.TOKEN_MALFORMED)
    assert joserfc_accepts(twin, ES256, "ES256") or pyjwt_accepts(twin, ES256, "ES256")


def test_every_reason_for_a_difference_has_an_example() -> None:
    assert {reason for _, _, reason in KNOWN_DIFFERENCES} | {Reason.TOKEN_MALFORMED} == set(KERNEL_IS_STRICTER)
