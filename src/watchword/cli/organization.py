"""`watchword organization`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from watchword.cli.control_plane import open_migrated_control_plane
from watchword.cli.moments import Moment, iso
from watchword.cli.options import settings_options
from watchword.cli.output import json_option, print_json, print_rows

if TYPE_CHECKING:
    from watchword.control.organizations.models import Organization

MAX_DAYS = 36_500


@click.group()
def organization() -> None:
    """Create and list organizations."""


@organization.command("create")
@click.argument("organization_id", metavar="ID")
@click.option("--name", help="What people read; the ID when left out.")
@click.option(
    "--subscription-days",
    type=click.IntRange(1, MAX_DAYS),
    help="Start an API subscription of so many days now. Without one, nothing can be changed and tokens are refused.",
)
@json_option
@settings_options
def create(*, organization_id: str, name: str | None, subscription_days: int | None, as_json: bool) -> None:
    """Create an organization. ID stands in URLs and never changes: lower-case letters, digits and hyphens.

    Its first administrator is created by `watchword administrator create`.
    """
    open_migrated_control_plane()
    from watchword.control.access.actor import command_line
    from watchword.control.organizations.commands import CreateOrganization, SetSubscription

    now = datetime.now(tz=UTC)
    made = CreateOrganization(organization_id=organization_id, name=name or organization_id).run(command_line())
    if subscription_days is not None:
        expires_at = now + timedelta(days=subscription_days)
        SetSubscription(organization_id=made.pk, starts_at=now, expires_at=expires_at).run(command_line())
    row = describe(made, now)
    if as_json:
        print_json(row)
    else:
        click.echo(f"Created organization {row['id']} ({row['name']}); API subscription: {row['standing']}.")


@organization.command("subscribe")
@click.argument("organization_id", metavar="ID")
@click.option("--starts-at", type=Moment(), help="First second; now when left out.")
@click.option("--expires-at", type=Moment(), required=True, help="The second from which it no longer holds.")
@click.option("--api-call-threshold", type=click.IntRange(1), help="Allowed API calls per day; no limit when left out.")
@json_option
@settings_options
def subscribe(
    *,
    organization_id: str,
    starts_at: datetime | None,
    expires_at: datetime,
    api_call_threshold: int | None,
    as_json: bool,
) -> None:
    """Set or renew an organization's API subscription. A suspension stays as it is."""
    open_migrated_control_plane()
    from watchword.control.access.actor import command_line
    from watchword.control.organizations.commands import SetSubscription

    now = datetime.now(tz=UTC)
    subscription = SetSubscription(
        organization_id=organization_id,
        starts_at=starts_at or now,
        expires_at=expires_at,
        api_call_threshold=api_call_threshold,
    ).run(command_line())
    row = describe(subscription.organization, now)
    if as_json:
        print_json(row)
    else:
        click.echo(f"Organization {row['id']}; API subscription: {row['standing']}, until {row['expires_at']}.")


@organization.command("list")
@json_option
@settings_options
def list_organizations(*, as_json: bool) -> None:
    """List all organizations with their API subscription and the enabled authorization server."""
    open_migrated_control_plane()
    from watchword.control.organizations.models import Organization

    now = datetime.now(tz=UTC)
    rows = [describe(row, now) for row in Organization.objects.order_by("id")]
    columns = {"id": "ID", "name": "Name", "standing": "Standing", "expires_at": "Expires", "enabled_server": "Enabled"}
    print_rows(rows, columns, as_json=as_json, empty="No organization yet: `watchword organization create ID`.")


def describe(row: Organization, now: datetime) -> dict[str, Any]:
    """One organization as JSON. `standing` is active, inactive or suspended."""
    from watchword.control.organizations.queries import entitlement_of, subscription_terms
    from watchword.control.refusals import RefusalReason
    from watchword.control.servers.models import AuthorizationServer

    terms = subscription_terms(row.pk)
    refusal = entitlement_of(row.pk, now).refusal
    words = {None: "active", RefusalReason.ORGANIZATION_SUSPENDED: "suspended"}
    server = AuthorizationServer.objects.filter(organization=row, enabled=True).first()
    return {
        "id": row.pk,
        "name": row.name,
        "standing": words.get(refusal, "inactive"),
        "starts_at": None if terms is None else iso(terms.starts_at),
        "expires_at": None if terms is None else iso(terms.expires_at),
        "enabled_server": None if server is None else server.name,
    }
