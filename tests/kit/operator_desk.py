"""Access to the control plane's internals, for tests that run it as processes, beyond the `watchword` commands.

`Product.desk` has kit.desk run these in a process of its own.
"""

# ruff: noqa: PLC0415 - models can be imported only when Django is set up, which `run` does.

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from kit.processes import wait_until
from watchword.cli.control_plane import open_control_plane
from watchword.cli.migrations import apply_migrations

MIGRATED: Final = "KIT_MIGRATED_DATABASE"
"""The variable that names the file of an empty SQLite database, kept by the first `prepare` for all later ones."""


def run(action: str, *arguments: str) -> None:
    """Call the function of this name."""
    if action == "watchword":
        watchword(*arguments)
        return
    open_control_plane()
    globals()[action](*arguments)


def watchword(*arguments: str) -> None:
    """The `watchword` command with these arguments, where only its effect matters."""
    from watchword.cli.root import watchword as command

    command(arguments, prog_name="watchword", standalone_mode=False)


def prepare(people_by_organization: str, api_call_threshold: str = "") -> None:
    """Migrate, and make organizations with their administrators.

    The commands of `watchword` do the same, one process each.

    Args:
        people_by_organization: JSON, such as `{"acme": {"alice": "API Key Management"}}`: the first part of the e-mail
            address, and the only permission of that person's role; `*` for every permission.
        api_call_threshold: of every organization; none by default, so that no load suspends one.
    """
    from kit import people
    from watchword.control.base.actor import Permission

    migrate()
    for organization, permissions in json.loads(people_by_organization).items():
        people.organization(organization, api_call_threshold=int(api_call_threshold) if api_call_threshold else None)
        for name, permission in permissions.items():
            people.administrator(name, organization, *(Permission if permission == "*" else [Permission(permission)]))


def migrate() -> None:
    from django.db import connection

    kept = Path(os.environ[MIGRATED])
    if connection.vendor == "sqlite" and kept.exists():
        shutil.copyfile(kept, connection.settings_dict["NAME"])
        return
    apply_migrations()
    if connection.vendor == "sqlite":
        # The last connection to close leaves one file, without a write-ahead log.
        connection.close()
        unfinished = kept.with_suffix(f".{os.getpid()}")
        shutil.copyfile(connection.settings_dict["NAME"], unfinished)
        unfinished.replace(kept)


def api_role(organization: str, name: str) -> None:
    """An API role with all rights."""
    from kit import api_access

    api_access.api_role(name, organization)


def api_key(organization: str, role: str) -> None:
    """Print the secret of a new API key."""
    from kit import api_access

    sys.stdout.write(api_access.api_key(role, organization).secret)


def suspend(organization: str) -> None:
    from watchword.control.base.actor import command_line
    from watchword.control.organizations.commands import Suspend
    from watchword.control.organizations.models import SuspensionReason

    Suspend(organization_id=organization, reason=SuspensionReason.TERMS_VIOLATED).run(command_line())


def reinstate(organization: str) -> None:
    from watchword.control.base.actor import command_line
    from watchword.control.organizations.commands import Reinstate

    Reinstate(organization_id=organization).run(command_line())


def register(organization: str, key_set: str) -> None:
    """Register and enable a server with these keys, as after a validation that found them."""
    from kit import registrations

    _register(organization, key_set, registrations.LOCATION)


def register_all(servers: str) -> None:
    """The same for many organizations, at locations that a worker can fetch.

    Args:
        servers: JSON, `{organization: [key set, location]}`.
    """
    for organization, (key_set, location) in json.loads(servers).items():
        _register(organization, key_set, location)


def _register(organization: str, key_set: str, location: str) -> None:
    from django.utils import timezone

    from kit import registrations
    from watchword.control.base.actor import Permission
    from watchword.control.servers.commands import AddServer
    from watchword.control.servers.validate import BeginValidation, RecordValidation
    from watchword.core.jwk import admit

    actor = registrations.administrator("alice", organization, Permission.API_KEY_MANAGEMENT)
    fields = registrations.fields(jwks_location=location)
    receipt = RecordValidation(
        attempt=BeginValidation(organization_id=organization).run(actor, timezone.now()),
        organization_id=organization,
        location=fields.jwks_location,
        verify_certificate=fields.verify_certificate,
        keys=admit(key_set.encode()).keys,
        etag=None,
        max_age=None,
    ).run(actor, timezone.now())
    AddServer(organization_id=organization, fields=fields, receipt=receipt).run(actor)


def multiply(organization: str, names: str) -> None:
    """Make organizations that differ from this one only by name, without commands: a hundred take a second.

    Args:
        organization: with its subscription, enabled server and keys.
        names: JSON, a list.
    """
    import uuid

    from django.db import transaction

    from watchword.control.fleet.commands import publish_trust
    from watchword.control.organizations.models import Organization, Subscription
    from watchword.control.servers.models import AuthorizationServer, KeySetState

    model = Organization.objects.get(pk=organization)
    subscription = Subscription.objects.get(pk=organization)
    server = AuthorizationServer.objects.get(organization_id=organization, enabled=True)
    keys = KeySetState.objects.get(pk=server.pk)
    with transaction.atomic():
        for name in json.loads(names):
            model.pk, model.name = name, name
            model.save(force_insert=True)
            subscription.organization_id = name
            subscription.save(force_insert=True)
            server.pk, server.organization_id = uuid.uuid4(), name
            server.save(force_insert=True)
            keys.server_id = server.pk
            keys.save(force_insert=True)
            publish_trust(name)


def pass_time(organization: str, seconds: str, with_fetches: str = "") -> None:
    """Move the stored times of the organization's key sets back by this many seconds, which may be negative.

    For worker and verifiers this is a step of the clock, while tokens and certificates keep their times.

    Args:
        organization: whose.
        seconds: by how many.
        with_fetches: anything if fetches may be under way. Otherwise this waits for their end, because they would then
            store when the next one is due, as if no time had passed.
    """
    from datetime import timedelta

    from django.db import transaction
    from django.db.models import F
    from django.utils import timezone

    from watchword.control.fleet.commands import publish_trust
    from watchword.control.servers.models import AuthorizationServer, KeySetState

    if not with_fetches:
        wait_until(
            lambda: (
                not KeySetState.objects.filter(
                    server__organization_id=organization, lease_until__gt=timezone.now()
                ).exists()
            ),
            what="no fetch is under way",
            timeout=40,
        )
    step = timedelta(seconds=int(seconds))
    times = ("fetched_at", "good_until", "attempted_at", "due_at", "failing_since", "forced_at", "requested_at",
             "spent_until", "lease_until")  # fmt: skip
    with transaction.atomic():
        KeySetState.objects.filter(server__in=AuthorizationServer.objects.filter(organization_id=organization)).update(
            **{name: F(name) - step for name in times}
        )
        publish_trust(organization)


def inspect(organization: str) -> None:
    """The rows that must be consistent, as JSON."""
    from django.utils import timezone

    from watchword.control.audit.chain import verify_chain
    from watchword.control.audit.models import AuditEvent
    from watchword.control.fleet.models import TrustRecord
    from watchword.control.servers.models import AuthorizationServer, KeySetState
    from watchword.control.servers.trust import trust_of
    from watchword.feed import encode_trust

    servers = AuthorizationServer.objects.filter(organization_id=organization)
    record = TrustRecord.objects.get(organization_id=organization)
    fetching = KeySetState.objects.filter(server__organization_id=organization, server__enabled=True).first()
    actual = encode_trust(replace(trust_of(organization), revision=record.revision))
    found = {
        "servers": servers.count(),
        "enabled": servers.filter(enabled=True).count(),
        "published_trust_is_current": record.document == actual,
        "chain_fault": verify_chain(),
        "failures": 0 if fetching is None else fetching.failures,
        "hours_good": None
        if fetching is None or fetching.good_until is None
        else round((fetching.good_until - timezone.now()).total_seconds() / 3600),
        "switched": AuditEvent.objects.filter(organization=organization, action="server_enabled").count(),
    }
    sys.stdout.write(json.dumps(found))


def counted(organization: str) -> None:
    """The counts of the organization's calls and their effects, as JSON."""
    from django.db.models import Sum

    from watchword.control.activity.models import DailyCalls, UsageLine, UsageStream
    from watchword.control.audit.models import AuditEvent
    from watchword.control.organizations.models import Suspension

    days = DailyCalls.objects.filter(organization=organization).aggregate(allowed=Sum("allowed"), denied=Sum("denied"))
    notices = AuditEvent.objects.filter(organization=organization, action="threshold_reached").order_by("sequence")
    found = {
        "allowed": days["allowed"] or 0,
        "denied": days["denied"] or 0,
        "lines": sum(UsageLine.objects.filter(organization=organization).values_list("calls", flat=True)),
        "processes": UsageStream.objects.count(),
        "notices": [event.changes["percent"][1] for event in notices],
        "suspensions": Suspension.objects.filter(organization=organization).count(),
    }
    sys.stdout.write(json.dumps(found))


def not_understanding(organization: str) -> None:
    """The verifiers that cannot read the organization's trust, and how many follow, as JSON."""
    from django.utils import timezone

    from watchword.control.fleet.queries import verifiers_that_do_not_understand

    sys.stdout.write(json.dumps(verifiers_that_do_not_understand(organization, timezone.now())))


def idle() -> None:
    """Let half an hour pass without use of any session."""
    from django.utils import timezone

    from watchword.control.identity.models import Session
    from watchword.control.identity.session_rules import IDLE

    Session.objects.update(seen_at=timezone.now() - IDLE)


def prove(minutes: str = "0") -> None:
    """Let the last proof in every session be this old."""
    from datetime import timedelta

    from django.utils import timezone

    from watchword.control.identity.models import Session

    Session.objects.update(proven_at=timezone.now() - timedelta(minutes=int(minutes)))


def single_sign_on(organization: str, domain: str, issuer: str, client_id: str, client_secret: str) -> None:
    """Assign the domain, and let the organization's people sign in at the provider with the first role."""
    from watchword.control.base.actor import command_line
    from watchword.control.identity.models import Role, SingleSignOn
    from watchword.control.identity.sealing import seal
    from watchword.control.identity.single_sign_on.configuration_commands import CLIENT_SECRET
    from watchword.control.identity.single_sign_on.domain_commands import AssignEmailDomain

    AssignEmailDomain(organization_id=organization, domain=domain).run(command_line())
    SingleSignOn.objects.create(
        organization_id=organization,
        enabled=True,
        issuer=issuer,
        client_id=client_id,
        sealed_client_secret=seal(CLIENT_SECRET, client_secret),
        default_role=Role.objects.filter(organization_id=organization).order_by("pk").first(),
    )
