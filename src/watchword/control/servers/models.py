"""Authorization servers and the state of their key sets.

Database constraints enforce the invariants, also against code that does not use the commands.
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
    ROLE_MAX,
    SLOTS,
)
from watchword.outbound.ca_bundle import MAX_CHARACTERS

_CERTIFICATES = r"\A(-----BEGIN CERTIFICATE-----\n([A-Za-z0-9+/=]+\n)+-----END CERTIFICATE-----\n){1,5}\Z"


def _at_most(field: str, characters: int) -> LessThanOrEqual:
    return LessThanOrEqual(Length(F(field)), characters)


class AuthorizationServer(models.Model):
    """A registration made by an organization. NULL in `audience`, `issuer` or `client_id` means "any".

    `ca_bundle`: CA certificates in canonical PEM that this registration trusts in addition to the recognized ones; NULL
    for none. It stays stored without effect while `verify_certificate` is off.

    `accepts_bound_tokens`: whether tokens bound to a key or certificate are accepted without proof. It has no default,
    so that no code can forget it.

    `required_role`: the API role that each token must carry; NULL for none.
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
    required_role = models.CharField(max_length=ROLE_MAX, null=True)
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
            # \A and \Z instead of ^ and $, which would accept a trailing line break. PostgreSQL and the REGEXP function
            # that Django registers on SQLite treat the pattern alike. A SQLite connection without that function cannot
            # write at all, which is safe.
            models.CheckConstraint(name="servers_name_form", condition=Q(name__regex=r"\A[A-Za-z0-9]{1,64}\Z")),
            models.UniqueConstraint("organization", Lower("name"), name="servers_name_unique_ignoring_case"),
            models.CheckConstraint(
                name="servers_description_length", condition=_at_most("description", DESCRIPTION_MAX)
            ),
            models.CheckConstraint(
                name="servers_location_form",
                condition=Q(jwks_location__regex=r"\Ahttps://[!-~]+\Z") & Q(_at_most("jwks_location", LOCATION_MAX)),
            ),
            # Only certificates: no private key, no comment, no second spelling of the same set.
            models.CheckConstraint(
                name="servers_ca_bundle_form",
                condition=Q(ca_bundle__regex=_CERTIFICATES) & Q(_at_most("ca_bundle", MAX_CHARACTERS)),
            ),
            # An empty string would match no token or, worse, be taken for "any".
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
            models.CheckConstraint(
                name="servers_required_role_form", condition=Q(required_role__regex=r"\A[A-Za-z0-9]{1,16}\Z")
            ),
            models.CheckConstraint(name="servers_version_from_1", condition=Q(version__gte=1)),
        ]

    def __str__(self) -> str:
        return self.name


class KeySetState(models.Model):
    """The keys of a server's last good fetch and the state of its refresh. Exactly one per server.

    Attributes:
        document: the admitted public keys as JWKs, never an empty list; NULL before the first good fetch.
        etag: of the response with `document`.
        fetched_at: the last good fetch, with or without new keys.
        good_until: until when published trust allows the keys, in whole seconds. It follows `fetched_at` in large
            steps, so that most refreshes publish nothing.
        attempted_at: when the last fetch began.
        due_at: when the next fetch may be claimed.
        failing_since, failures, problem: of the failed fetches since the last good one; the problem is a code.
        forced_at: the last fetch brought forward because of an unknown kid.
        spent_until: how much of their allowance the fetches for repeated kids have used
            (`schedule.spend_on_repeated_kid`).
        requested_at: the last fetch brought forward by an administrator. Separate from `forced_at`, so that a flood of
            random kids cannot block the administrator's button.
        lease_until, lease_holder: who may fetch now.
        fetch_number: grows with each claim and each change of the location; only the newest one's result counts.
        replaced_at: the last fetch that found none of the previous keys.
        certificate_expires_at: of the server's last certificate; NULL before the first.
        certificate_expiry_reported: the last expiry in the audit log.
        failing_reported_at: when the audit log recorded the present run of failed fetches.
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
        # For the list of failing key sets among many thousands, longest failing first.
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

    A key that is published again after its withdrawal continues its row.

    Attributes:
        asked_at: when a token with this kid was last reported after the withdrawal. The client chose the kid.
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
            # NULL differs from NULL in a unique index, so keys without a kid need a separate one.
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
    """One use of the Validate button. Only a successful one has a document and a receipt.

    Failed ones are stored, too, because they count towards the limit per minute.
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
