"""Responses of a browser and an authenticator that lie in one point each (P-21, P-22, P-25)."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

import pytest

from kit.authenticator import (
    BACKED_UP,
    BACKUP_POSSIBLE,
    EDDSA,
    ES256,
    EXTENSIONS,
    PRESENT,
    RS256,
    VERIFIED,
    Authenticator,
    cbor,
)
from kit.passkey_responses import (
    ASSERTION,
    CHALLENGE,
    HANDLE,
    OTHER,
    PARTY,
    REGISTRATION,
    authenticator,
    made,
    register,
    sign_in,
    verify,
)
from watchword.control.identity.factors.webauthn import RESPONSE_MAX, NewCredential, ResponseRefused
from watchword.core import base64url

__all__ = ["authenticator", "made"]

LIES: Final[dict[str, dict[str, Any]]] = {
    "a subdomain": {"origin": "https://evil.portal.example"},
    "the parent domain": {"origin": "https://example"},
    "a host that begins like the portal": {"origin": "https://portal.example.evil.example"},
    "another port": {"origin": "https://portal.example:8443"},
    "http instead of https": {"origin": "http://portal.example"},
    "a path": {"origin": "https://portal.example/"},
    "upper case": {"origin": "https://Portal.example"},
    "an opaque origin": {"origin": "null"},
    "an app instead of a page": {"origin": "android:apk-key-hash:AAAA"},
    "a list of origins": {"origin": ["https://portal.example"]},
    "no origin": {"origin": None},
    "the parent as relying party": {"rp_id": "example"},
    "a subdomain as relying party": {"rp_id": "evil.portal.example"},
    "another relying party": {"rp_id": "evil.example"},
    "no user verification": {"flags": PRESENT},
    "no user presence": {"flags": VERIFIED},
    "neither": {"flags": 0},
    "a backup of what cannot be backed up": {"flags": PRESENT | VERIFIED | BACKED_UP},
    "another type": {"kind": "payment.get"},
    "no type": {"kind": None},
    "another challenge": {"challenge": OTHER},
    "another spelling of the challenge": {"challenge": CHALLENGE + "="},
    "an empty challenge": {"challenge": ""},
    "an embedded page": {"cross_origin": True},
    "an embedded page, as text": {"cross_origin": "false"},
    "an embedded page, as number": {"cross_origin": 0},
    "an unknown embedding": {"cross_origin": None},
    "the page around it": {"client_members": {"topOrigin": "https://evil.example"}},
    "a password": {"members": {"type": "password"}},
    "another id than the raw one": {"members": {"id": OTHER}},
    "no id": {"members": {"rawId": None}},
    "an empty id": {"credential_id": b""},
    "an id that is too long": {"credential_id": bytes(1024)},
    "an id with padding": {"members": {"id": "AA==", "rawId": "AA=="}},
    "a response that is no object": {"members": {"response": []}},
    "client data that are no JSON": {"client_data": b"{"},
    "client data that are no object": {"client_data": b"[]"},
    "client data in UTF-16": {"client_data": '{"type":""}'.encode("utf-16")},
    "no client data": {"client_data": b""},
    "client data twice": {"client_data": b'{"type":"webauthn.create","type":"webauthn.get"}'},
    "client data nested a thousand deep": {"client_data": b'{"x":' * 1000 + b"1" + b"}" * 1000},
    "authenticator data that are too short": {"authenticator_data": bytes(36)},
    "authenticator data that are too long": {"after": b"\0"},
    "extensions that are missing": {"flags": PRESENT | VERIFIED | EXTENSIONS},
    "a huge response": {"client_members": {"x": "x" * RESPONSE_MAX}},
}


@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
def test_honest_authenticators_are_believed(algorithm: int) -> None:
    authenticator = Authenticator(PARTY.origin, algorithm=algorithm, count=7)

    made = register(authenticator)

    assert made.sign_count == 7
    assert made.credential_id == base64url.encode(authenticator.credential_id)
    assert sign_in(authenticator, made) == 8


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_lie_at_registration_is_refused(authenticator: Authenticator, lie: dict[str, Any]) -> None:
    register(authenticator)
    with pytest.raises(ResponseRefused):
        register(authenticator, **lie)


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_lie_at_assertion_is_refused(authenticator: Authenticator, made: NewCredential, lie: dict[str, Any]) -> None:
    assert sign_in(authenticator, made) == 0
    with pytest.raises(ResponseRefused):
        sign_in(authenticator, made, **lie)


def test_registration_is_no_assertion_and_the_reverse(authenticator: Authenticator, made: NewCredential) -> None:
    with pytest.raises(ResponseRefused):
        register(authenticator, kind="webauthn.get")
    with pytest.raises(ResponseRefused):
        sign_in(authenticator, made, kind="webauthn.create")


@pytest.mark.parametrize(
    "flags",
    [
        PRESENT | VERIFIED | BACKUP_POSSIBLE,
        PRESENT | VERIFIED | BACKUP_POSSIBLE | BACKED_UP,
        PRESENT | VERIFIED | 0x02 | 0x20,
    ],
)
def test_passkeys_that_are_backed_up_and_reserved_flags_are_accepted(authenticator: Authenticator, flags: int) -> None:
    assert sign_in(authenticator, register(authenticator, flags=flags), flags=flags) == 0


def test_extensions_that_nobody_asked_for_are_ignored(authenticator: Authenticator) -> None:
    lie = {"flags": PRESENT | VERIFIED | EXTENSIONS, "after": cbor({"credProtect": 2})}

    assert sign_in(authenticator, register(authenticator, **lie), **lie) == 0


def test_client_data_may_lack_the_cross_origin_flag(authenticator: Authenticator) -> None:
    collected = {"type": "webauthn.create", "challenge": CHALLENGE, "origin": PARTY.origin, "future": {"a": [1.5]}}

    made = register(authenticator, client_data=json.dumps(collected).encode())
    assert made.credential_id == base64url.encode(authenticator.credential_id)


def test_attestation_is_ignored(authenticator: Authenticator) -> None:
    said = authenticator.create(REGISTRATION)
    attestation = base64url.decode(json.loads(said)["response"]["attestationObject"])
    data = attestation[attestation.index(b"authData") + 10 :]

    packed = cbor({"fmt": "packed", "attStmt": {"alg": -7, "sig": b"none", "x5c": [b"x"]}, "authData": data})
    made = register(authenticator, attestation_object=packed)
    assert made.credential_id == base64url.encode(authenticator.credential_id)


def test_credential_must_be_attested_and_named_the_same(authenticator: Authenticator) -> None:
    rest = hashlib.sha256(PARTY.id.encode()).digest() + bytes([PRESENT | VERIFIED]) + bytes(4)
    with pytest.raises(ResponseRefused):
        register(authenticator, authenticator_data=rest, attested=lambda _id, _key: b"")
    with pytest.raises(ResponseRefused):
        register(authenticator, members={"id": OTHER, "rawId": OTHER})


@pytest.mark.parametrize("handle", [b"", b"0123456789abcdeX", HANDLE + b"\0"])
def test_user_handle_of_another_person_is_refused(
    authenticator: Authenticator, made: NewCredential, handle: bytes
) -> None:
    with pytest.raises(ResponseRefused):
        sign_in(authenticator, made, user_handle=handle)


@pytest.mark.parametrize("handle", ["not base64url!", 7, ["MDEyMzQ1Njc4OWFiY2RlZg"]])
def test_user_handle_of_another_type_is_refused(
    authenticator: Authenticator, made: NewCredential, handle: object
) -> None:
    with pytest.raises(ResponseRefused):
        sign_in(authenticator, made, user_handle=handle)


def test_security_key_need_not_send_the_user_handle(authenticator: Authenticator, made: NewCredential) -> None:
    assert sign_in(authenticator, made, user_handle=None) == 0


@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
@pytest.mark.parametrize(
    "signature",
    [b"", bytes(64), b"\x30\x06\x02\x01\x00\x02\x01\x00", b"\xff" * 256, None],
    ids=["empty", "zeros", "ASN.1 of zeros", "ones", "absent"],
)
def test_wrong_signature_is_refused(algorithm: int, signature: bytes | None) -> None:
    authenticator = Authenticator(PARTY.origin, algorithm=algorithm)
    made = register(authenticator)

    with pytest.raises(ResponseRefused):
        sign_in(authenticator, made, signature=signature)


@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
def test_signature_of_another_key_is_refused(algorithm: int) -> None:
    made = register(Authenticator(PARTY.origin, algorithm=algorithm))

    with pytest.raises(ResponseRefused):
        sign_in(Authenticator(PARTY.origin, algorithm=algorithm), made, user_handle=HANDLE)


@pytest.mark.parametrize("part", ["authenticatorData", "clientDataJSON", "signature"])
def test_every_changed_byte_is_noticed(authenticator: Authenticator, made: NewCredential, part: str) -> None:
    said = json.loads(authenticator.get(ASSERTION))
    octets = base64url.decode(said["response"][part])
    for at in range(len(octets)):
        changed = bytearray(octets)
        changed[at] ^= 1
        said["response"][part] = base64url.encode(bytes(changed))
        with pytest.raises(ResponseRefused):
            verify(json.dumps(said), made)
