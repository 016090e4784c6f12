"""Responses of a browser and an authenticator (WebAuthn level 3): read, and checked against the request. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from fido2.webauthn import AttestationObject, AuthenticatorData

from watchword.control.identity.factors.cose_keys import KeyRefused, is_signed, stored_key
from watchword.core import base64url
from watchword.core.base64url import Base64urlRefused
from watchword.core.strict_json import JsonRefused, parse_object

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword.core.strict_json import JsonObject

RESPONSE_MAX: Final = 16_384
"""Characters of a response. Real ones have about 1,500, and 8,000 with an attestation that was not requested."""

CREDENTIAL_ID_MAX: Final = 1023
"""Bytes (section 5.1.3)."""

USER_HANDLE_BYTES: Final = 16

CREATE: Final = "webauthn.create"
GET: Final = "webauthn.get"

_FLAG: Final = AuthenticatorData.FLAG
_Read = TypeVar("_Read")


class ResponseRefused(Exception):
    """The response proves nothing. It does not say why: the message would help only an attacker."""


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """The portal, as authenticators know it.

    Attributes:
        id: the host name that passkeys are bound to.
        origin: the only one at which they may be used. The standard would also allow subdomains and other ports.
    """

    id: str
    origin: str


@dataclass(frozen=True, slots=True)
class NewCredential:
    """A verified registration.

    Attributes:
        credential_id: base64url.
        public_key: CBOR, as `cose_keys.stored_key` returns it.
    """

    credential_id: str
    public_key: bytes
    sign_count: int


@dataclass(frozen=True, slots=True)
class UnverifiedAssertion:
    """A well-formed response to a request for an assertion. Nothing about it is verified.

    Attributes:
        credential_id: base64url.
        user_handle: what the authenticator stores for the person; None if it did not send it.
    """

    credential_id: str
    user_handle: bytes | None
    client_data: bytes
    authenticator_data: bytes
    signature: bytes


def verify_registration(response: str, party: RelyingParty, challenge: str) -> NewCredential:
    """Verify a new credential (section 7.1). Its attestation is ignored, because the portal requests none.

    Args:
        response: the JSON of `PublicKeyCredential.toJSON()`.
        party: the portal.
        challenge: base64url, as it was sent to this browser.

    Raises:
        ResponseRefused.
    """
    credential_id, members = _credential(response)
    _check_client_data(_octets(members, "clientDataJSON"), CREATE, party, challenge)
    attestation = _read(AttestationObject, _octets(members, "attestationObject"))
    made = attestation.auth_data.credential_data
    _check_authenticator(attestation.auth_data, party)
    if made is None or base64url.encode(made.credential_id) != credential_id:
        raise ResponseRefused
    try:
        public_key = stored_key(made.public_key)
    except KeyRefused:
        raise ResponseRefused from None
    return NewCredential(credential_id, public_key, attestation.auth_data.counter)


def read_assertion(response: str) -> UnverifiedAssertion:
    """Read the JSON of `PublicKeyCredential.toJSON()`.

    Raises:
        ResponseRefused.
    """
    credential_id, members = _credential(response)
    return UnverifiedAssertion(
        credential_id=credential_id,
        user_handle=None if members.get("userHandle") is None else _octets(members, "userHandle"),
        client_data=_octets(members, "clientDataJSON"),
        authenticator_data=_octets(members, "authenticatorData"),
        signature=_octets(members, "signature"),
    )


def verify_assertion(
    assertion: UnverifiedAssertion, party: RelyingParty, *, challenge: str, user_handle: bytes, public_key: bytes
) -> int:
    """Verify the assertion (section 7.2) and return its signature counter.

    A clone of an authenticator shows in the counter; who stores it compares it there (`passkeys.note_use`).

    Args:
        assertion: as it was read.
        party: the portal.
        challenge: base64url, as it was sent to this browser.
        user_handle: of the credential's owner.
        public_key: of the credential.

    Raises:
        ResponseRefused.
    """
    if assertion.user_handle is not None and assertion.user_handle != user_handle:
        raise ResponseRefused
    _check_client_data(assertion.client_data, GET, party, challenge)
    authenticator_data = _read(AuthenticatorData, assertion.authenticator_data)
    _check_authenticator(authenticator_data, party)
    signed = assertion.authenticator_data + hashlib.sha256(assertion.client_data).digest()
    if not is_signed(public_key, signed, assertion.signature):
        raise ResponseRefused
    return authenticator_data.counter


def _credential(response: str) -> tuple[str, JsonObject]:
    """Return the credential's id and the members of its `response`."""
    if len(response) > RESPONSE_MAX:
        raise ResponseRefused
    credential = _json(response.encode(errors="replace"))
    members, credential_id = credential.get("response"), _octets(credential, "rawId")
    if credential.get("type") != "public-key" or not isinstance(members, dict):
        raise ResponseRefused
    if not 1 <= len(credential_id) <= CREDENTIAL_ID_MAX or credential.get("id") != credential["rawId"]:
        raise ResponseRefused
    return base64url.encode(credential_id), members


def _check_client_data(client_data: bytes, kind: str, party: RelyingParty, challenge: str) -> None:
    collected = _json(client_data)
    if collected.get("type") != kind or collected.get("challenge") != challenge:
        raise ResponseRefused
    if collected.get("origin") != party.origin:
        raise ResponseRefused
    # A page of another site that embeds the portal's could lead a person through the ceremony.
    if collected.get("crossOrigin", False) is not False or "topOrigin" in collected:
        raise ResponseRefused


def _check_authenticator(said: AuthenticatorData, party: RelyingParty) -> None:
    if said.rp_id_hash != hashlib.sha256(party.id.encode()).digest():
        raise ResponseRefused
    if not said.flags & _FLAG.UP or not said.flags & _FLAG.UV:
        raise ResponseRefused
    # A credential that cannot be backed up never is (section 7.2, step 19).
    if said.flags & _FLAG.BS and not said.flags & _FLAG.BE:
        raise ResponseRefused


def _json(octets: bytes) -> JsonObject:
    try:
        return parse_object(octets)
    except JsonRefused:
        raise ResponseRefused from None


def _octets(members: JsonObject, name: str) -> bytes:
    value = members.get(name)
    if not isinstance(value, str):
        raise ResponseRefused
    try:
        return base64url.decode(value)
    except Base64urlRefused:
        raise ResponseRefused from None


def _read(reader: Callable[[bytes], _Read], octets: bytes) -> _Read:
    try:
        return reader(octets)
    except Exception:  # noqa: BLE001 - the library fails on malformed CBOR with errors of ten kinds, RecursionError among them.
        raise ResponseRefused from None
