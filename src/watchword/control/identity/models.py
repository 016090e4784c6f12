"""People, roles, sessions and sign-in links. The constraints also bind code that does not use the commands."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, ClassVar, Final, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from watchword.control.base.actor import OPERATOR_PERMISSIONS, OPERATOR_VIEWS, Actor, Permission
from watchword.control.identity.api_models import ApiClientUse, ApiKey, ApiRole
from watchword.control.identity.factor_models import AuthenticatorApp, Passkey, RecoveryCode, UsedCeremony
from watchword.control.identity.session_rules import ABSOLUTE, BROWSER_MAX, IDLE, KEPT_AFTERWARDS
from watchword.control.identity.single_sign_on_models import EmailDomain, ProviderAccount, SignInPolicy, SingleSignOn

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.base.actor import Interface

__all__ = [
    "JOINED",
    "ApiClientUse",
    "ApiKey",
    "ApiRole",
    "AuthenticatorApp",
    "EmailDomain",
    "Passkey",
    "Person",
    "PersonKind",
    "ProviderAccount",
    "RecoveryCode",
    "Role",
    "Session",
    "SessionQuerySet",
    "SignInLink",
    "SignInPolicy",
    "SignInThrottle",
    "SingleSignOn",
    "UsedCeremony",
]

EMAIL_MAX = 254

JOINED: Final = ~Q(password="") & ~Q(password__startswith=UNUSABLE_PASSWORD_PREFIX)
"""`Person.has_joined` for the database."""


class Role(models.Model):
    """A named set of permissions of one organization.

    Attributes:
        permissions: a JSON list of Permission values.
        version: counts the edits; an edit made from an older version is stale.
        updated_at, updated_by: of the last edit, NULL for a role that was never edited.
    """

    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="roles")
    name = models.CharField(max_length=64)
    permissions = models.JSONField(default=list)
    version = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField(null=True)
    updated_by = models.CharField(max_length=254, null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("organization", Lower("name"), name="identity_role_name_unique_ignoring_case"),
            models.CheckConstraint(name="identity_role_has_a_name", condition=~Q(name="")),
            models.CheckConstraint(
                name="identity_role_edit_is_whole",
                condition=Q(updated_at__isnull=True, updated_by__isnull=True)
                | Q(updated_at__isnull=False, updated_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def held(self) -> frozenset[Permission]:
        """Return the permissions; stored values that no longer exist grant nothing."""
        return frozenset(p for p in Permission if p.value in self.permissions)


class PersonKind(models.TextChoices):
    ADMINISTRATOR = "administrator"
    OPERATOR = "operator"


class Person(AbstractBaseUser):
    """A user: an administrator of one organization, or an operator of the provider.

    Attributes:
        factors_reset_at, factors_reset_by: when another person last removed all second factors, and who did, as the
            person's own page shows it; NULL if it never happened.
    """

    email = models.CharField(max_length=EMAIL_MAX, unique=True)
    name = models.CharField(max_length=120, blank=True, default="")
    kind = models.CharField(max_length=16, choices=PersonKind.choices)
    organization = models.ForeignKey(
        "organizations.Organization", on_delete=models.PROTECT, null=True, related_name="administrators"
    )
    role = models.ForeignKey(Role, on_delete=models.PROTECT, null=True, related_name="people")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    factors_reset_at = models.DateTimeField(null=True)
    factors_reset_by = models.CharField(max_length=EMAIL_MAX, null=True)

    objects: ClassVar[BaseUserManager[Self]] = BaseUserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    class Meta:
        constraints = [
            # Upper case would allow two accounts for one mailbox.
            models.CheckConstraint(
                name="identity_email_form",
                condition=Q(email__regex=r"\A[!-?\[-~]+@[!-?\[-~]+\Z", email=Lower(F("email"))),
            ),
            models.CheckConstraint(
                name="identity_kind_fits_organization_and_role",
                condition=Q(kind=PersonKind.ADMINISTRATOR, organization__isnull=False, role__isnull=False)
                | Q(kind=PersonKind.OPERATOR, organization__isnull=True, role__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def has_joined(self) -> bool:
        """Whether the person has set a password. Until then the account is an invitation."""
        return self.password != "" and self.has_usable_password()

    def actor(self, *, interface: Interface, address: str | None) -> Actor:
        """Return an actor with the rights that the database grants this person now."""
        if self.kind == PersonKind.OPERATOR:
            return Actor(
                name=self.email,
                person_id=self.pk,
                operator=True,
                permissions=OPERATOR_PERMISSIONS,
                views=OPERATOR_VIEWS,
                interface=interface,
                address=address,
            )
        # A role of another organization would be a bug; it grants nothing.
        role = self.role if self.role is not None and self.role.organization_id == self.organization_id else None
        return Actor(
            name=self.email,
            person_id=self.pk,
            organization=self.organization_id,
            permissions=frozenset() if role is None else role.held(),
            interface=interface,
            address=address,
        )


class SessionQuerySet(models.QuerySet["Session"]):
    def live(self, now: datetime) -> Self:
        """Sessions that have not ended."""
        young = self.filter(started_at__gt=now - ABSOLUTE, seen_at__gt=now - IDLE)
        return young.exclude(person__is_active=False)

    def forgotten(self, now: datetime) -> Self:
        """Sessions that ended long enough ago to be deleted."""
        return self.filter(started_at__lt=now - ABSOLUTE - KEPT_AFTERWARDS)


class Session(models.Model):
    """A browser's session; `session_store` reads and writes it.

    Attributes:
        public_id: its name on pages and in URLs.
        key_hash: SHA-256 of the key in the browser's cookie, hexadecimal; the key itself is not stored.
        person: who has signed in; None on the page of a one-time link.
        content: Django's session content, signed.
        started_at: when the person signed in, since each sign-in makes a new session.
        seen_at, address, browser: of the last request, to the minute.
        factors: values of `factor_rules.Factor` that the person has proven in this session.
        proven_at: when the last of them was proven; NULL without a person.
    """

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    key_hash = models.CharField(max_length=64, unique=True)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, null=True, related_name="sessions")
    content = models.TextField()
    started_at = models.DateTimeField(db_index=True)
    seen_at = models.DateTimeField()
    address = models.CharField(max_length=45, null=True)
    browser = models.CharField(max_length=BROWSER_MAX, default="")
    factors = models.JSONField(default=list)
    proven_at = models.DateTimeField(null=True)

    objects = SessionQuerySet.as_manager()

    def __str__(self) -> str:
        return f"session {self.public_id}"


class SignInLink(models.Model):
    """A link that lets one person set a password, once. Only the SHA-256 of its secret is stored."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="sign_in_links")
    secret_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="identity_link_expires_later", condition=Q(expires_at__gt=F("created_at"))),
        ]

    def __str__(self) -> str:
        return f"sign-in link of person {self.person_id}"


class SignInThrottle(models.Model):
    """Failed sign-ins under one account name or from one address.

    Attributes:
        subject: keyed SHA-256 of what is counted, so that text from the form is never stored in clear.
        failures: in a row; reset by a success or after a time without failures.
        blocked_until: attempts before this instant are refused.
        under_way: attempts in progress.
        reserved_at: when the last attempt began.
    """

    subject = models.CharField(max_length=64, primary_key=True)
    failures = models.PositiveIntegerField(default=0)
    last_failed_at = models.DateTimeField()
    blocked_until = models.DateTimeField()
    under_way = models.PositiveIntegerField(default=0)
    reserved_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.subject[:8]
