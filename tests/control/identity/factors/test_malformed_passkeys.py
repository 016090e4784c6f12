"""Malformed responses of a browser and an authenticator: refused with one error, whatever is wrong (P-25)."""

from __future__ import annotations

import json
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.authenticator import EDDSA, EXTENSIONS, PRESENT, VERIFIED, Authenticator, cbor
from kit.passkey_responses import (
    ASSERTION,
    CHALLENGE,
    PARTY,
    REGISTRATION,
    authenticator,
    made,
    register,
    sign_in,
    verify,
)
from watchword.control.identity.factors.webauthn import (
    NewCredential,
    ResponseRefused,
    read_assertion,
    verify_registration,
)
from watchword.core import base64url

__all__ = ["authenticator", "made"]


WITHOUT_ATTESTATION: Final = {
    "no map": cbor([1, 2]),
    "a number": cbor(1),
    "an empty map": cbor({}),
    "no authenticator data": cbor({"fmt": "none", "attStmt": {}}),
    "authenticator data as text": cbor({"fmt": "none", "attStmt": {}, "authData": "x" * 100}),
    "authenticator data as a list": cbor({"fmt": "none", "attStmt": {}, "authData": [1] * 100}),
}


MALFORMED: Final = {
    "nothing": b"",
    "a key that cannot be one": b"\xa1\x80\x01",
    "a length beyond the end": b"\xbb" + b"\xff" * 8,
    "an indefinite length": b"\xbf\x61a\x01\xff",
    "a tag": b"\xc0\x61a",
    "a reserved length": b"\x1f",
    "text that is not UTF-8": b"\xa1\x61\xff\x01",
    "six thousand lists in each other": b"\x81" * 6000 + b"\x01",
    "six thousand maps in each other": b"\xa1\x01" * 3000 + b"\x01",
}


@pytest.mark.parametrize(
    "octets", [*WITHOUT_ATTESTATION.values(), *MALFORMED.values()], ids=[*WITHOUT_ATTESTATION, *MALFORMED]
)
def test_malformed_attestation_is_refused(authenticator: Authenticator, octets: bytes) -> None:
    with pytest.raises(ResponseRefused):
        register(authenticator, attestation_object=octets)


@pytest.mark.parametrize("octets", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_key_and_extensions_are_refused(
    authenticator: Authenticator, made: NewCredential, octets: bytes
) -> None:
    with pytest.raises(ResponseRefused):
        register(authenticator, cose=octets)
    with pytest.raises(ResponseRefused):
        sign_in(authenticator, made, flags=PRESENT | VERIFIED | EXTENSIONS, after=octets)


def test_attestation_cut_anywhere_is_refused(authenticator: Authenticator) -> None:
    said = json.loads(authenticator.create(REGISTRATION))
    whole = base64url.decode(said["response"]["attestationObject"])
    for end in range(len(whole)):
        said["response"]["attestationObject"] = base64url.encode(whole[:end])
        with pytest.raises(ResponseRefused):
            verify_registration(json.dumps(said), PARTY, CHALLENGE)


@pytest.mark.parametrize(
    "response",
    ["", "{", "[]", "null", '"x"', "\ud800", "\0", "{}" * 2, "[" * 10_000, '{"rawId":"AA","rawId":"AA"}', "1" * 9000],
)
def test_response_that_is_no_credential_is_refused(response: str, made: NewCredential) -> None:
    with pytest.raises(ResponseRefused):
        verify_registration(response, PARTY, CHALLENGE)
    with pytest.raises(ResponseRefused):
        verify(response, made)


@pytest.mark.parametrize("name", ["clientDataJSON", "attestationObject", "authenticatorData", "signature"])
@pytest.mark.parametrize("value", [None, 7, "A", "AA==", "A A", "é", {}])
def test_member_of_another_form_is_refused(
    authenticator: Authenticator, made: NewCredential, name: str, value: object
) -> None:
    registration, assertion = json.loads(authenticator.create(REGISTRATION)), json.loads(authenticator.get(ASSERTION))
    registration["response"][name] = assertion["response"][name] = value
    refused = 0
    for check in (
        lambda: verify_registration(json.dumps(registration), PARTY, CHALLENGE),
        lambda: verify(json.dumps(assertion), made),
    ):
        try:
            check()
        except ResponseRefused:
            refused += 1
    assert refused == (2 if name == "clientDataJSON" else 1)


@given(st.binary(max_size=300))
def test_random_authenticator_data_is_refused_and_never_an_error(octets: bytes) -> None:
    authenticator = Authenticator(PARTY.origin, algorithm=EDDSA)
    authenticator.create(REGISTRATION)
    for lie in ({"attestation_object": octets}, {"cose": octets}, {"authenticator_data": octets}):
        with pytest.raises(ResponseRefused):
            register(authenticator, **lie)


@given(st.text(max_size=300))
def test_random_text_is_refused_and_never_an_error(text: str) -> None:
    with pytest.raises(ResponseRefused):
        verify_registration(text, PARTY, CHALLENGE)
    with pytest.raises(ResponseRefused):
        read_assertion(text)
