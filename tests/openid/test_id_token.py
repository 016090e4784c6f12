"""ID tokens: each check refuses alone, on a token that is otherwise good."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kit import forge
from kit.id_tokens import CLIENT, ISSUER, KEY, NONCE, NOW, OTHER, accepted, claims, id_token, keys, verified
from kit.sign_in_server import ODD_VALUES
from watchword.openid.id_token import IdTokenClaims
from watchword.openid.problems import IdTokenProblem

OLD_IAT = NOW - 600 - 60


def test_good_token_names_the_person() -> None:
    found = accepted(id_token(auth_time=NOW - 5))
    assert (found.issuer, found.subject, found.email, found.email_verified, found.name, found.auth_time) == (
        ISSUER, "alice", "alice@acme.example", True, "Alice", NOW - 5,
    )  # fmt: skip
    # Its claims may be personal.
    assert "groups" not in repr(accepted(id_token(groups=["staff"])))


@pytest.mark.parametrize("alg", forge.CLASSICAL_ALGORITHMS)
def test_every_algorithm_of_the_kernel_is_accepted(alg: str) -> None:
    key = forge.key_for(alg)
    assert isinstance(verified(id_token(key, alg), keys(key)), IdTokenClaims)


@pytest.mark.parametrize("typ", [..., "JWT", "jwt", "application/jwt", None, ""])
def test_type_is_absent_or_jwt(typ: object) -> None:
    accepted(id_token(header={"typ": typ}))


@pytest.mark.parametrize(
    "typ", ["at+jwt", "application/at+jwt", "AT+JWT", "logout+jwt", "secevent+jwt", "dpop+jwt", "JOSE", "JWS", 1]
)
def test_o05_other_types_are_refused(typ: object) -> None:
    assert verified(id_token(header={"typ": typ})) is IdTokenProblem.TYPE


@pytest.mark.parametrize(
    "alg", ["none", "None", "NONE", "", "HS256", "HS384", "HS512", "ES256K", "RS1", None, ["ES256"]]
)
def test_o01_unsigned_and_other_algorithms_are_refused(alg: object) -> None:
    unsigned = forge.token(KEY, "ES256", header_changes={"alg": alg}, payload=claims(), signature=b"")
    assert verified(unsigned) is IdTokenProblem.ALGORITHM
    assert verified(id_token(header={"alg": alg})) is IdTokenProblem.ALGORITHM


@pytest.mark.parametrize(
    ("encoding", "form"),
    [(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)],
)
def test_o01_public_key_is_never_an_hmac_secret(encoding: Encoding, form: PublicFormat) -> None:
    text = forge.hmac_token(KEY.public_bytes(encoding, form), header_changes={"kid": "acme"})
    assert verified(text) is IdTokenProblem.ALGORITHM
    assert verified(forge.hmac_token(b"alice-secret")) is IdTokenProblem.ALGORITHM


@pytest.mark.parametrize("name", ["crit", "b64"])
def test_special_processing_is_refused(name: str) -> None:
    assert verified(id_token(header={name: ["exp"] if name == "crit" else True})) is IdTokenProblem.HEADER


def test_key_of_the_token_is_never_used() -> None:
    stranger = id_token(OTHER.named("acme"), header={"jwk": OTHER.jwk(), "jku": "https://globex.example/jwks"})
    assert verified(stranger) is IdTokenProblem.SIGNATURE


def test_exactly_one_published_key_must_fit() -> None:
    assert verified(id_token(OTHER)) is IdTokenProblem.KEY
    assert verified(id_token(), ()) is IdTokenProblem.KEY
    nameless = id_token(header={"kid": ...})
    assert isinstance(verified(nameless), IdTokenClaims)
    assert verified(nameless, keys(KEY, OTHER)) is IdTokenProblem.KEY


def test_changed_claims_and_signature_are_refused() -> None:
    head, _, signature = id_token().split(".")
    changed = forge.b64(json.dumps(claims(sub="bob")).encode())
    assert verified(f"{head}.{changed}.{signature}") is IdTokenProblem.SIGNATURE
    assert verified(f"{head}.{forge.b64(json.dumps(claims()).encode())}.") is IdTokenProblem.SIGNATURE


def test_every_changed_character_is_refused() -> None:
    text = id_token()
    for index, character in enumerate(text):
        changed = text[:index] + ("A" if character != "A" else "B") + text[index + 1 :]
        assert isinstance(verified(changed), IdTokenProblem), index


@pytest.mark.parametrize(
    "text",
    ["", "a", "a.b", "a.b.c", "a.b.c.d.e", "ü.b.c", "{}=", " {}", "{}.", "{}\n"],
)
def test_malformed_tokens_are_refused(text: str) -> None:
    assert verified(text.format(id_token())) is IdTokenProblem.MALFORMED


def test_long_and_ambiguous_tokens_are_refused() -> None:
    assert verified(id_token(groups=["a" * 16_000])) is IdTokenProblem.MALFORMED
    twice = forge.token(KEY, "ES256", payload=b'{"sub":"alice","sub":"bob"}')
    assert verified(twice) is IdTokenProblem.MALFORMED


@pytest.mark.parametrize(
    "issuer", [..., None, "", f"{ISSUER}/", "http://login.acme.example", "https://LOGIN.acme.example", [ISSUER], 1]
)
def test_issuer_is_exact(issuer: object) -> None:
    assert verified(id_token(iss=issuer)) is IdTokenProblem.ISSUER


@pytest.mark.parametrize("audience", [..., None, "", [], "globex-portal", [CLIENT, 1], {CLIENT: 1}, f"{CLIENT} "])
def test_audience_is_the_client(audience: object) -> None:
    assert verified(id_token(aud=audience)) is IdTokenProblem.AUDIENCE


def test_audience_may_be_a_list() -> None:
    accepted(id_token(aud=[CLIENT]))
    accepted(id_token(aud=[CLIENT], azp=CLIENT, at_hash="a"))


def test_o06_several_audiences_need_this_client_as_authorized_party() -> None:
    both = [CLIENT, "globex-portal"]
    accepted(id_token(aud=both, azp=CLIENT))
    for azp in (..., None, "", "globex-portal", [CLIENT]):
        assert verified(id_token(aud=both, azp=azp)) is IdTokenProblem.AUTHORIZED_PARTY, azp


@pytest.mark.parametrize("azp", ["globex-portal", [CLIENT], 1, f"{CLIENT} "])
def test_o06_authorized_party_must_be_this_client(azp: object) -> None:
    assert verified(id_token(azp=azp)) is IdTokenProblem.AUTHORIZED_PARTY
    accepted(id_token(azp=CLIENT))


@pytest.mark.parametrize("nonce", [..., None, "", "bob-nonce", NONCE.upper(), [NONCE], f"{NONCE} ", "ünique"])
def test_o03_nonce_is_of_this_request(nonce: object) -> None:
    assert verified(id_token(nonce=nonce)) is IdTokenProblem.NONCE


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"exp": ...}, IdTokenProblem.TIMES),
        ({"exp": str(NOW + 300)}, IdTokenProblem.TIMES),
        ({"exp": True}, IdTokenProblem.TIMES),
        ({"iat": ...}, IdTokenProblem.TIMES),
        ({"iat": 0}, IdTokenProblem.TIMES),
        ({"iat": str(NOW)}, IdTokenProblem.TIMES),
        ({"nbf": "now"}, IdTokenProblem.TIMES),
        ({"exp": NOW - 60}, IdTokenProblem.EXPIRED),
        ({"nbf": NOW + 61}, IdTokenProblem.FROM_FUTURE),
        ({"iat": NOW + 61}, IdTokenProblem.FROM_FUTURE),
        ({"iat": OLD_IAT - 1}, IdTokenProblem.TOO_OLD),
        ({"iat": NOW - 86_400, "exp": NOW + 86_400 * 365}, IdTokenProblem.TOO_OLD),
    ],
)
def test_o04_times_are_required_and_near(changes: dict[str, Any], problem: IdTokenProblem) -> None:
    assert verified(id_token(**changes)) is problem


def test_times_have_leeway() -> None:
    for text in (id_token(exp=NOW - 59), id_token(nbf=NOW + 60), id_token(iat=NOW + 60), id_token(iat=OLD_IAT)):
        accepted(text)


@pytest.mark.parametrize("subject", [..., None, "", 1, ["alice"], "a" * 256, "alice\u0000", "alice\n"])
def test_subject_is_a_text(subject: object) -> None:
    assert verified(id_token(sub=subject)) is IdTokenProblem.SUBJECT
    assert accepted(id_token(sub="a" * 255)).subject == "a" * 255


@pytest.mark.parametrize("auth_time", [..., None, "", str(NOW), True, 0, -1, NOW + 61, NOW - 61])
def test_o07_recent_sign_in_must_be_shown_if_it_was_asked_for(auth_time: object) -> None:
    assert verified(id_token(auth_time=auth_time), max_age=0) is IdTokenProblem.AUTHENTICATION_TIME
    accepted(id_token(auth_time=auth_time))


@pytest.mark.parametrize("auth_time", [..., None, "", str(NOW), True, 0, -1])
def test_o07_time_of_the_sign_in_is_a_time(auth_time: object) -> None:
    assert verified(id_token(auth_time=auth_time), auth_time_required=True) is IdTokenProblem.AUTHENTICATION_TIME
    assert accepted(id_token(auth_time=auth_time)).auth_time is None


def test_o07_time_of_the_sign_in_is_within_what_was_asked_for() -> None:
    accepted(id_token(auth_time=NOW - 60), max_age=0)
    accepted(id_token(auth_time=NOW - 360), max_age=300)
    assert verified(id_token(auth_time=NOW - 361), max_age=300) is IdTokenProblem.AUTHENTICATION_TIME
    accepted(id_token(auth_time=NOW + 60), max_age=0)
    accepted(id_token(auth_time=NOW - 86_400), auth_time_required=True)
    assert verified(id_token(), auth_time_required=True) is IdTokenProblem.AUTHENTICATION_TIME


@pytest.mark.parametrize("missing", ["issuer", "client_id", "nonce"])
def test_lost_expectation_refuses_every_token(missing: str) -> None:
    expected: dict[str, Any] = {missing: ""}
    with pytest.raises(ValueError, match="nonce"):
        verified(id_token(iss="", aud="", nonce=""), **expected)


@pytest.mark.parametrize("claim", [*claims(), "azp", "nbf", "auth_time", "xms_edov", "at_hash", "groups"])
def test_no_claim_is_a_fault_here(claim: str) -> None:
    for value in ODD_VALUES:
        found = verified(id_token(**{claim: value}), auth_time_required=claim == "auth_time")  # type: ignore[arg-type]
        assert isinstance(found, IdTokenClaims | IdTokenProblem), value
        if isinstance(found, IdTokenClaims):
            assert isinstance(found.texts(claim), tuple | None)


@pytest.mark.parametrize("member", ["alg", "kid", "typ", "crit", "jwk", "x5c"])
def test_no_member_of_a_header_is_a_fault_here(member: str) -> None:
    for value in ODD_VALUES:
        assert isinstance(verified(id_token(header={member: value})), IdTokenClaims | IdTokenProblem), value
