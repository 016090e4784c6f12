"""Second factors that people have already: the rows alone, for pages that list them. No test signs in with them."""

from __future__ import annotations

import secrets
import uuid
from typing import TYPE_CHECKING

from django.utils import timezone

from watchword.control.identity.models import AuthenticatorApp, Passkey, ProviderAccount, RecoveryCode
from watchword.control.identity.sealing import seal

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.identity.models import Person


def passkey(person: Person, name: str = "Laptop", *, last_used_at: datetime | None = None) -> Passkey:
    return Passkey.objects.create(
        person=person,
        user_handle=uuid.uuid4(),
        name=name,
        credential_id=secrets.token_urlsafe(32),
        public_key=b"\xa0",
        created_at=timezone.now(),
        last_used_at=last_used_at,
    )


def authenticator_app(person: Person) -> AuthenticatorApp:
    return AuthenticatorApp.objects.create(
        person=person, sealed_secret=seal("authenticator_app", "JBSWY3DPEHPK3PXP"), created_at=timezone.now()
    )


def recovery_codes(person: Person, number: int = 10) -> None:
    now = timezone.now()
    RecoveryCode.objects.bulk_create(
        RecoveryCode(person=person, code_hash=secrets.token_hex(32), created_at=now) for _ in range(number)
    )


def provider_account(person: Person) -> ProviderAccount:
    return ProviderAccount.objects.create(
        person=person,
        organization_id=person.organization_id,
        issuer="https://id.acme.example",
        subject=secrets.token_hex(8),
        created_at=timezone.now(),
    )
