"""Passkeys, authenticator apps and recovery codes. `models.py` imports them, so that Django finds them.

A person has a second factor when one of the first two exists; recovery codes replace it when it is lost.
"""

from __future__ import annotations

import uuid
from typing import Final

from django.db import models
from django.db.models import Q

from watchword.control.identity.factors.rules import PASSKEY_NAME_MAX
from watchword.control.identity.session_rules import BROWSER_MAX

ADDED_FROM_MAX: Final = BROWSER_MAX + 2 + 45
"""A browser's name, a comma with a blank, and an IPv6 address."""

CREDENTIAL_ID_MAX: Final = 1364
"""Characters of base64url for the 1,023 bytes that the standard allows (WebAuthn level 3, section 5.1.3)."""


class Passkey(models.Model):
    """A credential of an authenticator (WebAuthn).

    Attributes:
        public_id: its name in URLs.
        user_handle: what the authenticator stores for the person; equal for all passkeys of one person, random.
        credential_id: base64url without padding.
        public_key: COSE_Key, CBOR.
        sign_count: of the last assertion; 0 for authenticators that do not count.
        added_from: browser and IP address, so that a person sees when someone else has added it.
        last_used_at: of the last sign-in or proof; NULL until then.
    """

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey("identity.Person", on_delete=models.CASCADE, related_name="passkeys")
    user_handle = models.UUIDField()
    name = models.CharField(max_length=PASSKEY_NAME_MAX)
    credential_id = models.CharField(max_length=CREDENTIAL_ID_MAX, unique=True)
    public_key = models.BinaryField()
    sign_count = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField()
    added_from = models.CharField(max_length=ADDED_FROM_MAX, blank=True, default="")
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(name="identity_passkey_has_a_name", condition=~Q(name=""))]

    def __str__(self) -> str:
        return self.name


class AuthenticatorApp(models.Model):
    """The secret that a person shares with an authenticator app (TOTP, RFC 6238). A person has at most one.

    Attributes:
        sealed_secret: encrypted with a key that is derived from the secret key.
        added_from: browser and IP address.
        last_step: the time step of the last code that was accepted. No code of it or an earlier one is accepted again.
    """

    person = models.OneToOneField(
        "identity.Person", primary_key=True, on_delete=models.CASCADE, related_name="authenticator_app"
    )
    sealed_secret = models.TextField()
    last_step = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField()
    added_from = models.CharField(max_length=ADDED_FROM_MAX, blank=True, default="")
    last_used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"authenticator app of person {self.person_id}"


class RecoveryCode(models.Model):
    """A code that replaces a lost second factor, once. Only its SHA-256 is stored."""

    person = models.ForeignKey("identity.Person", on_delete=models.CASCADE, related_name="recovery_codes")
    code_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"recovery code of person {self.person_id}"


class UsedCeremony(models.Model):
    """A ceremony with an authenticator or an identity provider that has succeeded, so that it does so once.

    Attributes:
        ceremony_id: random, from the ceremony's sealed cookie.
        expires_at: from then on the cookie is refused for its age, and the row can go.
    """

    ceremony_id = models.UUIDField(primary_key=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"ceremony {self.ceremony_id}"
