"""`watchword organization`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from watchword.cli.control_plane import open_migrated_control_plane
from watchword.cli.options import Moment, settings_options
from watchword.cli.output import CommandFailed, iso, json_option, print_json, print_rows

if TYPE_CHECKING:
    from watchword.control.organizations.models import Organization

MAX_DAYS = 36_500


@click.group()
def organization() -> None:
    """Create, entitle, suspend and list organizations.

    Works on the database of this installation, not through the management API.
    """


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
    """Create an organization. ID is used in URLs and cannot be changed: lower-case letters, digits and hyphens.

    IDs that look like hosts of the API provider, such as `www` and `api`, are reserved.

    Create its first administrator with `watchword administrator create`.
    """
    open_migrated_control_plane()
    from watchword.control.base.actor import command_line
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
@click.option("--expires-at", type=Moment(), required=True, help="Access ends at this time.")
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
    from watchword.control.base.actor import command_line
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


@organization.command("renew")
@click.argument("organization_id", metavar="ID")
@click.option("--expires-at", type=Moment(), help="Access ends at this time.")
@click.option("--days", type=click.IntRange(1, MAX_DAYS), help="So many days after its present end, or from now on.")
@json_option
@settings_options
def renew(*, organization_id: str, expires_at: datetime | None, days: int | None, as_json: bool) -> None:
    """Give an organization's API subscription a new end. Its start and its threshold stay, and so does a suspension."""
    if (expires_at is None) == (days is None):
        raise click.UsageError("Say either --expires-at or --days.")
    open_migrated_control_plane()
    from watchword.control.base.actor import command_line
    from watchword.control.organizations.commands import RenewSubscription
    from watchword.control.organizations.queries import subscription_terms

    now = datetime.now(tz=UTC)
    if expires_at is None:
        terms = subscription_terms(organization_id)
        # Without a subscription any end will do: the command refuses because there is none.
        try:
            expires_at = (now if terms is None else max(now, terms.expires_at)) + timedelta(days=days or 0)
        except OverflowError:
            raise CommandFailed("The API subscription already ends at the end of the calendar.") from None
    subscription = RenewSubscription(organization_id=organization_id, expires_at=expires_at).run(command_line())
    row = describe(subscription.organization, now)
    if as_json:
        print_json(row)
    else:
        click.echo(f"Organization {row['id']}; API subscription: {row['standing']}, until {row['expires_at']}.")


@organization.command("suspend")
@click.argument("organization_id", metavar="ID")
@click.option(
    "--reason", required=True, type=click.Choice(["threshold", "terms", "other"]), help="The organization sees it."
)
@click.option("--public-text", default="", help="Follows the reason; required for another reason than the two.")
@click.option("--private-note", default="", help="For operators alone.")
@json_option
@settings_options
def suspend(*, organization_id: str, reason: str, public_text: str, private_note: str, as_json: bool) -> None:
    """Suspend an organization: its tokens are rejected within seconds, its servers can no longer be changed.

    Only an operator can reinstate it; renewing the API subscription does not.
    """
    open_migrated_control_plane()
    from watchword.control.base.actor import command_line
    from watchword.control.organizations.commands import Suspend
    from watchword.control.organizations.models import SuspensionReason
    from watchword.control.organizations.queries import entitlement_of

    reasons = {
        "threshold": SuspensionReason.API_CALL_THRESHOLD_EXCEEDED,
        "terms": SuspensionReason.TERMS_VIOLATED,
        "other": SuspensionReason.OTHER,
    }
    suspension = Suspend(
        organization_id=organization_id, reason=reasons[reason], public_text=public_text, private_note=private_note
    ).run(command_line())
    banner = entitlement_of(organization_id, suspension.started_at).banner
    if as_json:
        print_json({"id": organization_id, "reference": suspension.reference, "banner": banner})
    else:
        click.echo(f"Organization {organization_id} is suspended. It reads: {banner}")


@organization.command("reinstate")
@click.argument("organization_id", metavar="ID")
@json_option
@settings_options
def reinstate(*, organization_id: str, as_json: bool) -> None:
    """Lift an organization's suspension. Its servers are enabled and disabled as before."""
    open_migrated_control_plane()
    from watchword.control.base.actor import command_line
    from watchword.control.organizations.commands import Reinstate

    suspension = Reinstate(organization_id=organization_id).run(command_line())
    row = describe(suspension.organization, datetime.now(tz=UTC))
    if as_json:
        print_json(row)
    else:
        click.echo(f"Organization {row['id']} is reinstated (reference {suspension.reference}); now {row['standing']}.")


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
    from watchword.control.base.refusals import RefusalReason
    from watchword.control.organizations.queries import entitlement_of, subscription_terms
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
