"""Registering and using a passkey at the verifier of responses, without a browser and a portal."""

from __future__ import annotations

from typing import Any, Final

import pytest

from kit.authenticator import Authenticator
from watchword.control.identity.factors.webauthn import (
    NewCredential,
    RelyingParty,
    read_assertion,
    verify_assertion,
    verify_registration,
)
from watchword.core import base64url

PARTY: Final = RelyingParty("portal.example", "https://portal.example")
CHALLENGE: Final = base64url.encode(bytes(range(32)))
OTHER: Final = base64url.encode(bytes(32))
HANDLE: Final = b"0123456789abcdef"
REGISTRATION: Final = {
    "challenge": CHALLENGE,
    "rp": {"id": PARTY.id},
    "user": {"id": base64url.encode(HANDLE)},
}
ASSERTION: Final = {"challenge": CHALLENGE, "rpId": PARTY.id}


def register(authenticator: Authenticator, **lies: Any) -> NewCredential:
    """The passkey of a registration that lies in these points."""
    return verify_registration(authenticator.create(REGISTRATION, **lies), PARTY, CHALLENGE)


def sign_in(authenticator: Authenticator, made: NewCredential, **lies: Any) -> int:
    """The counter after a use of the passkey that lies in these points."""
    return verify(authenticator.get(ASSERTION, **lies), made)


def verify(response: str, made: NewCredential) -> int:
    """The counter after this response."""
    read = read_assertion(response)
    return verify_assertion(read, PARTY, challenge=CHALLENGE, user_handle=HANDLE, public_key=made.public_key)


@pytest.fixture
def authenticator() -> Authenticator:
    return Authenticator(PARTY.origin)


@pytest.fixture
def made(authenticator: Authenticator) -> NewCredential:
    return register(authenticator)
