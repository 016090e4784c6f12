"""API roles, API keys, and the clients that used a role. The constraints also bind code that does not use the commands.

`models.py` imports them, so that Django finds them.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import Final

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from watchword.control.base.actor import CLIENT_MAX, ApiCategory
from watchword.control.identity.api_rules import ApiLevel

KEY_PREFIX: Final = "wwk_"
"""Lets secret scanners recognise an API key that was committed by mistake."""

SECRET_MAX: Final = 200


def secret_hash(secret: str) -> str:
    """Return the hexadecimal SHA-256. A plain hash is enough: a secret has 256 random bits and cannot be guessed."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


class ApiRole(models.Model):
    """A named set of rights on the management API, of one organization.

    Attributes:
        name: part of the scope that the organization's authorization server writes into tokens; compared exactly.
        rights: `{ApiCategory value: "full" or "view"}`; a category that is absent gives no access.
        version: counts the edits; an edit made from an older version is stale.
        updated_at, updated_by: of the last edit, NULL for a role that was never edited.
    """

    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="api_roles")
    name = models.CharField(max_length=16)
    rights = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField(null=True)
    updated_by = models.CharField(max_length=254, null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("organization", Lower("name"), name="identity_api_role_name_unique_ignoring_case"),
            models.CheckConstraint(
                name="identity_api_role_name_form", condition=Q(name__regex=r"\A[0-9A-Za-z]{1,16}\Z")
            ),
            models.CheckConstraint(
                name="identity_api_role_edit_is_whole",
                condition=Q(updated_at__isnull=True, updated_by__isnull=True)
                | Q(updated_at__isnull=False, updated_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def held(self) -> dict[ApiCategory, ApiLevel]:
        """Return the level of each category; stored values that no longer exist grant nothing."""
        levels = {level.value for level in ApiLevel}
        return {
            category: ApiLevel(self.rights[category.value])
            for category in ApiCategory
            if self.rights.get(category.value) in levels
        }


class ApiKey(models.Model):
    """A secret for the management API, of an organization or of the provider. Only its SHA-256 is stored.

    Attributes:
        public_id: its name in URLs.
        organization, api_role: NULL for a key of the provider, which has an operator's rights. `api_role` is also NULL
            for a revoked key whose role was deleted.
        last_used_at, last_used_address: of the last request, to the minute; NULL before the first.
    """

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(
        "organizations.Organization", on_delete=models.PROTECT, null=True, related_name="api_keys"
    )
    api_role = models.ForeignKey(ApiRole, on_delete=models.PROTECT, null=True, related_name="api_keys")
    name = models.CharField(max_length=64)
    secret_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=254)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    last_used_address = models.CharField(max_length=45, null=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.CharField(max_length=254, null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("organization", Lower("name"), name="identity_api_key_name_unique_ignoring_case"),
            # NULL differs from NULL in a unique index, so the provider's keys need an index of their own.
            models.UniqueConstraint(
                Lower("name"),
                condition=Q(organization__isnull=True),
                name="identity_operator_key_name_unique_ignoring_case",
            ),
            models.CheckConstraint(
                name="identity_api_key_name_form", condition=Q(name__regex=r"\A[0-9A-Za-z._-]{1,64}\Z")
            ),
            models.CheckConstraint(
                name="identity_api_key_role_fits_organization",
                condition=Q(organization__isnull=True, api_role__isnull=True)
                | Q(organization__isnull=False, api_role__isnull=False)
                | Q(organization__isnull=False, revoked_at__isnull=False),
            ),
            models.CheckConstraint(name="identity_api_key_expires_later", condition=Q(expires_at__gt=F("created_at"))),
            models.CheckConstraint(
                name="identity_api_key_revocation_is_whole",
                condition=Q(revoked_at__isnull=True, revoked_by__isnull=True)
                | Q(revoked_at__isnull=False, revoked_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ApiClientUse(models.Model):
    """A client whose verified access token named the role. Only the newest of each role are kept.

    Attributes:
        client_id: as in the token, printable; empty for tokens without a client ID.
        last_seen_at: to the minute.
    """

    api_role = models.ForeignKey(ApiRole, on_delete=models.CASCADE, related_name="clients")
    client_id = models.CharField(max_length=CLIENT_MAX)
    last_seen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["api_role", "client_id"], name="identity_api_client_once_per_role"),
        ]

    def __str__(self) -> str:
        return f"{self.client_id or '(no client ID)'} as {self.api_role_id}"
