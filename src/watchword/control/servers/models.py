"""The authorization servers of the organizations, and what is known of their key sets.

The invariants are constraints of the database, so that no path around the commands can break them.
"""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Length, Lower
from django.db.models.lookups import LessThanOrEqual

from watchword.control.servers.rules import (
    DESCRIPTION_MAX,
    EXPECTED_MAX,
    LOCATION_MAX,
    NAME_MAX,
    SLOTS,
)
from watchword.jwks.authority import MAX_CHARACTERS

_CERTIFICATES = r"\A(-----BEGIN CERTIFICATE-----\n([A-Za-z0-9+/=]+\n)+-----END CERTIFICATE-----\n){1,5}\Z"


def _at_most(field: str, characters: int) -> LessThanOrEqual:
    return LessThanOrEqual(Length(F(field)), characters)


class AuthorizationServer(models.Model):
    """A registration made by an organization. NULL in `audience`, `issuer` or `client_id` means "any".

    `authority` holds the CA certificates, in canonical PEM, that this registration trusts beside the recognized ones;
    NULL for none. While `verify_certificate` is off it is kept and means nothing.

    `accepts_bound_tokens` says whether tokens bound to a key or certificate are accepted without proof of it. It has no
    default, so that no code that makes a registration can forget it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(
        "organizations.Organization", on_delete=models.PROTECT, related_name="authorization_servers"
    )
    slot = models.PositiveSmallIntegerField()
    enabled = models.BooleanField()
    name = models.CharField(max_length=NAME_MAX)
    description = models.CharField(max_length=DESCRIPTION_MAX, blank=True, default="")
    jwks_location = models.CharField(max_length=LOCATION_MAX)
    verify_certificate = models.BooleanField()
    ca_bundle = models.TextField(null=True)
    audience = models.CharField(max_length=EXPECTED_MAX, null=True)
    issuer = models.CharField(max_length=EXPECTED_MAX, null=True)
    client_id = models.CharField(max_length=EXPECTED_MAX, null=True)
    accepts_bound_tokens = models.BooleanField()
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=254)
    updated_at = models.DateTimeField()
    updated_by = models.CharField(max_length=254)

    class Meta:
        constraints = [
            models.CheckConstraint(name="servers_slot_is_1_or_2", condition=Q(slot__in=SLOTS)),
            models.UniqueConstraint(name="servers_two_per_organization", fields=["organization", "slot"]),
            models.UniqueConstraint(
                name="servers_one_enabled_per_organization", fields=["organization"], condition=Q(enabled=True)
            ),
            # \A and \Z instead of ^ and $: the latter would let a trailing line break through. The pattern means
            # the same to PostgreSQL and to the REGEXP function that Django registers on SQLite; without that
            # function a connection cannot write at all, which is the safe side.
            models.CheckConstraint(name="servers_name_form", condition=Q(name__regex=r"\A[A-Za-z0-9]{1,64}\Z")),
            models.UniqueConstraint("organization", Lower("name"), name="servers_name_unique_ignoring_case"),
            models.CheckConstraint(
                name="servers_description_length", condition=_at_most("description", DESCRIPTION_MAX)
            ),
            models.CheckConstraint(
                name="servers_location_form",
                condition=Q(jwks_location__regex=r"\Ahttps://[!-~]+\Z") & Q(_at_most("jwks_location", LOCATION_MAX)),
            ),
            # Certificates and nothing else: no private key, no comment, no second spelling of the same set.
            models.CheckConstraint(
                name="servers_ca_bundle_form",
                condition=Q(ca_bundle__regex=_CERTIFICATES) & Q(_at_most("ca_bundle", MAX_CHARACTERS)),
            ),
            # An empty string would be a demand that no token meets, or worse, be taken for "any".
            models.CheckConstraint(
                name="servers_audience_not_blank", condition=~Q(audience="") & Q(_at_most("audience", EXPECTED_MAX))
            ),
            models.CheckConstraint(
                name="servers_issuer_not_blank", condition=~Q(issuer="") & Q(_at_most("issuer", EXPECTED_MAX))
            ),
            models.CheckConstraint(
                name="servers_client_id_not_blank",
                condition=~Q(client_id="") & Q(_at_most("client_id", EXPECTED_MAX)),
            ),
            models.CheckConstraint(name="servers_version_from_1", condition=Q(version__gte=1)),
        ]

    def __str__(self) -> str:
        return self.name


class KeySetState(models.Model):
    """The keys of a server's last good fetch and the state of its refresh. Exactly one per server.

    Attributes:
        document: the admitted public keys as JWKs, never an empty list; NULL while there was no good fetch.
        etag: of the answer that `document` came from.
        fetched_at: the last successful fetch, whether or not it brought new keys.
        good_until: what trust says about how long the keys are believed, in whole seconds. It follows `fetched_at`
            in large steps, so that most refreshes change nothing that a verifier must hear of.
        attempted_at: the last fetch begun, good or bad.
        due_at: when the next fetch may be claimed.
        failing_since, failures, problem: the run of failed fetches since the last good one; the problem is a code.
        forced_at: the last fetch brought forward because of an unknown kid.
        spent_until: how far the fetches forced by repeated kids have used up what they may
            (`schedule.spend_on_repeated_kid`).
        requested_at: the last fetch brought forward by an administrator. Kept apart from `forced_at`, so that a
            flood of made-up kids cannot lock the administrator's button.
        lease_until, lease_holder: who may fetch now.
        fetch_number: grows with each claim and each change of the location; an answer is taken only from the newest.
        replaced_at: the last fetch that found not one of the keys before it.
        certificate_expires_at: of the certificate that the server presented last; NULL while none was read.
        certificate_expiry_reported: the expiry that the audit log was told of last.
        failing_reported_at: when the audit log was told that this run of failed fetches lasts.
    """

    server = models.OneToOneField(
        AuthorizationServer, primary_key=True, on_delete=models.CASCADE, related_name="key_set"
    )
    document = models.JSONField(null=True)
    etag = models.CharField(max_length=1024, null=True)
    fetched_at = models.DateTimeField(null=True)
    good_until = models.DateTimeField(null=True)
    attempted_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(db_index=True)
    failing_since = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    problem = models.CharField(max_length=64, null=True)
    forced_at = models.DateTimeField(null=True)
    spent_until = models.DateTimeField(null=True)
    requested_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    lease_holder = models.CharField(max_length=100, null=True)
    fetch_number = models.PositiveBigIntegerField(default=0)
    replaced_at = models.DateTimeField(null=True)
    certificate_expires_at = models.DateTimeField(null=True)
    certificate_expiry_reported = models.DateTimeField(null=True)
    failing_reported_at = models.DateTimeField(null=True)

    class Meta:
        # Of many thousand key sets only those that fail are listed, the longest failing first.
        indexes = [
            models.Index(
                name="servers_failing_first",
                fields=["failing_since", "server"],
                condition=Q(failing_since__isnull=False),
            ),
        ]
        constraints = [
            models.CheckConstraint(name="servers_keys_never_empty", condition=~Q(document=[])),
            models.CheckConstraint(
                name="servers_keys_have_their_fetch",
                condition=Q(document__isnull=True, fetched_at__isnull=True, good_until__isnull=True)
                | Q(document__isnull=False, fetched_at__isnull=False, good_until__isnull=False),
            ),
            models.CheckConstraint(
                name="servers_failing_is_whole",
                condition=Q(failures=0, failing_since__isnull=True, problem__isnull=True)
                | Q(failures__gte=1, failing_since__isnull=False, problem__isnull=False),
            ),
            models.CheckConstraint(
                name="servers_lease_is_whole",
                condition=Q(lease_until__isnull=True, lease_holder__isnull=True)
                | Q(lease_until__isnull=False, lease_holder__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"key set of {self.server_id}"


class KeyHistory(models.Model):
    """One signing key that a server published, from its first appearance to its withdrawal.

    A key that comes back after its withdrawal takes up its row again.

    Attributes:
        asked_at: when, since its withdrawal, a token was last reported that names it. What a token names was typed by
            whoever sent it.
    """

    server = models.ForeignKey(AuthorizationServer, on_delete=models.CASCADE, related_name="key_history")
    kid = models.TextField(null=True)
    kty = models.CharField(max_length=10)
    alg = models.CharField(max_length=20, null=True)
    bits = models.PositiveIntegerField()
    thumbprint = models.CharField(max_length=43)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="servers_history_once", fields=["server", "kid", "thumbprint"]),
            # NULL differs from NULL in a unique index, so keys without a kid need one of their own.
            models.UniqueConstraint(
                name="servers_history_once_without_kid", fields=["server", "thumbprint"], condition=Q(kid__isnull=True)
            ),
            models.CheckConstraint(
                name="servers_asked_for_once_withdrawn",
                condition=Q(asked_at__isnull=True) | Q(withdrawn_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.thumbprint


class Validation(models.Model):
    """One use of the Validate button. Only a successful one has a document, and only such a one is worth a receipt.

    Failed ones are rows too, because they count towards the limit of attempts per minute.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.CASCADE, related_name="+")
    location = models.CharField(max_length=LOCATION_MAX)
    verify_certificate = models.BooleanField()
    ca_bundle = models.TextField(null=True)
    document = models.JSONField(null=True)
    etag = models.CharField(max_length=1024, null=True)
    max_age = models.PositiveBigIntegerField(null=True)
    certificate_expires_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(name="servers_validation_recent", fields=["organization", "created_at"])]
        constraints = [
            models.CheckConstraint(name="servers_validation_never_empty", condition=~Q(document=[])),
        ]

    def __str__(self) -> str:
        return str(self.id)
