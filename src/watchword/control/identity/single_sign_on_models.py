"""How an organization's people sign in: its policy, its identity provider, its e-mail domains and their accounts there.

`models.py` imports them, so that Django finds them.
"""

from __future__ import annotations

from typing import Final

from django.db import models
from django.db.models import Q

DOMAIN_MAX: Final = 253
URL_MAX: Final = 2048
CLIENT_ID_MAX: Final = 200
CLAIM_MAX: Final = 100
SUBJECT_MAX: Final = 255
"""Characters of a subject (OpenID Connect Core 1.0, section 2)."""


class SignInPolicy(models.Model):
    """What an organization demands of its people's sign-ins. An organization without a row demands nothing more.

    Attributes:
        second_factor_required: nobody signs in with a password alone.
        single_sign_on_only: nobody signs in without the identity provider, except `emergency_person`.
        emergency_person: the administrator who can sign in while the identity provider does not work.
        version: counts the changes; a change made from an older version is stale.
    """

    organization = models.OneToOneField(
        "organizations.Organization", primary_key=True, on_delete=models.PROTECT, related_name="sign_in_policy"
    )
    second_factor_required = models.BooleanField(default=False)
    single_sign_on_only = models.BooleanField(default=False)
    emergency_person = models.ForeignKey("identity.Person", on_delete=models.PROTECT, null=True, related_name="+")
    version = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField(null=True)
    updated_by = models.CharField(max_length=254, null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="identity_policy_keeps_an_emergency_person",
                condition=Q(single_sign_on_only=False) | Q(emergency_person__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"sign-in policy of {self.organization_id}"


class SingleSignOn(models.Model):
    """The identity provider of an organization (OpenID Connect).

    Attributes:
        issuer: exactly as the provider writes it into ID tokens.
        sealed_client_secret: encrypted with a key that is derived from the secret key.
        role_claim: the claim of the ID token that names roles; "" if everybody gets `default_role`.
        role_values: pairs of a value of the claim and the primary key of a role; the first pair that fits counts. A
            list, because PostgreSQL does not keep the order of an object's members.
        default_role: of people for whom the claim names no role; NULL if they are refused.
        version: counts the changes; a change made from an older version is stale.
    """

    organization = models.OneToOneField(
        "organizations.Organization", primary_key=True, on_delete=models.PROTECT, related_name="single_sign_on"
    )
    enabled = models.BooleanField(default=False)
    issuer = models.CharField(max_length=URL_MAX)
    client_id = models.CharField(max_length=CLIENT_ID_MAX)
    sealed_client_secret = models.TextField()
    role_claim = models.CharField(max_length=CLAIM_MAX, blank=True, default="")
    role_values = models.JSONField(default=list)
    default_role = models.ForeignKey("identity.Role", on_delete=models.PROTECT, null=True, related_name="+")
    version = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField(null=True)
    updated_by = models.CharField(max_length=254, null=True)

    def __str__(self) -> str:
        return f"single sign-on of {self.organization_id}"


class EmailDomain(models.Model):
    """A domain of e-mail addresses that an operator assigned to one organization.

    Single sign-on creates and finds people in these domains only. Without that limit an identity provider could claim
    any address.

    Attributes:
        domain: ASCII, in lower case.
    """

    domain = models.CharField(max_length=DOMAIN_MAX, primary_key=True)
    organization = models.ForeignKey(
        "organizations.Organization", on_delete=models.PROTECT, related_name="email_domains"
    )
    assigned_at = models.DateTimeField()
    assigned_by = models.CharField(max_length=254)

    def __str__(self) -> str:
        return self.domain


class ProviderAccount(models.Model):
    """Which account at an identity provider is this person: the provider's subject, never the e-mail address.

    Attributes:
        organization: whose provider it is; NULL for the operators' provider, which the settings name.
    """

    person = models.OneToOneField(
        "identity.Person", primary_key=True, on_delete=models.CASCADE, related_name="provider_account"
    )
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, null=True)
    issuer = models.CharField(max_length=URL_MAX)
    subject = models.CharField(max_length=SUBJECT_MAX)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            # `nulls_distinct` is PostgreSQL's alone, so the operators' accounts have a constraint of their own.
            models.UniqueConstraint(
                "organization", "issuer", "subject", name="identity_subject_unique_in_organization"
            ),
            models.UniqueConstraint(
                "issuer", "subject", condition=Q(organization__isnull=True), name="identity_subject_unique_of_operators"
            ),
        ]

    def __str__(self) -> str:
        return f"provider account of person {self.person_id}"
