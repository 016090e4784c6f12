"""The first start: an organization and an administrator, so that there is an account to sign in with."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from watchword import cli
from watchword.cli.people import create_administrator, let_in

if TYPE_CHECKING:
    from watchword.settings.control import ControlSettings

ORGANIZATION_ID = "main"
ORGANIZATION_NAME = "Main"
EMAIL = "admin@localhost"
SUBSCRIPTION = timedelta(days=365)


def first_sign_in(control: ControlSettings) -> list[str]:
    """Lines that explain how to sign in for the first time; none if there are accounts.

    At a terminal it asks for names; elsewhere, such as under systemd, it takes the defaults and says so. It is only
    for `watchword serve` without a role: the portal of a production never creates people.
    """
    from watchword.control.identity.models import Person
    from watchword.control.organizations.models import Organization

    people = list(Person.objects.order_by("pk")[:2])
    if len(people) == 1 and not people[0].has_usable_password():
        # The link of the first start was lost, expired, or was never printed because the start failed.
        made = let_in(control, people[0], None)
        return [f"{made.email} has no password yet; choose one here, once, within a day:", f"    {made.link}"]
    if people:
        return []
    if Organization.objects.exists():
        return ["There is no account yet.", *more_people()]
    organization_id, name, email = ask() if sys.stdin.isatty() and sys.stdout.isatty() else defaults()
    create_organization(organization_id, name)
    made = create_administrator(control, organization_id=organization_id, email=email)
    return [
        "",
        f"Created organization {name} ({organization_id}) with an API subscription for a year, and an administrator,",
        f"{made.email}, as there was no account yet. Choose the password here, once, within a day:",
        "",
        f"    {made.link}",
        "",
        *more_people(),
        "",
    ]


def more_people() -> list[str]:
    """The commands that open the rest of the portal, as this terminal can run them."""
    name = program()
    return [
        "In another terminal, while this runs:",
        f"    {name} operator create EMAIL    for the operator console: organizations, verifiers, gateways",
        f"    {name} administrator create EMAIL --organization ID",
        f"    {name} organization create ID",
    ]


def program() -> str:
    """What to type in place of `watchword`, from how this process was started."""
    started_as = sys.argv[0]
    if started_as == str(Path(cli.__file__).with_name("__main__.py")):
        return f"{shlex.quote(sys.executable)} -m {cli.__name__}"
    if Path(started_as).name != "watchword" or started_as == shutil.which("watchword"):
        return "watchword"
    return shlex.quote(started_as)


def defaults() -> tuple[str, str, str]:
    return ORGANIZATION_ID, ORGANIZATION_NAME, EMAIL


def ask() -> tuple[str, str, str]:
    click.echo("This is a new installation. Name the organization whose authorization servers you will manage.")
    name = click.prompt("Organization's name", default=ORGANIZATION_NAME, value_proc=checked_name)
    organization_id = click.prompt("Its short ID, for URLs", default=suggested_id(name), value_proc=checked_id)
    email = click.prompt("Your e-mail address, to sign in with", default=EMAIL, value_proc=checked_email)
    return organization_id, name, email


def checked_name(typed: str) -> str:
    """Raises UsageError, after which click prompts again."""
    from watchword.control.organizations.rules import check_organization

    faults = check_organization(organization_id=ORGANIZATION_ID, name=typed)
    if faults:
        raise click.UsageError(" ".join(faults.values()))
    return typed


def checked_id(typed: str) -> str:
    """Raises UsageError, after which click prompts again."""
    from watchword.control.organizations.rules import check_organization

    faults = check_organization(organization_id=typed, name=ORGANIZATION_NAME)
    if faults:
        raise click.UsageError(" ".join(faults.values()))
    return typed


def checked_email(typed: str) -> str:
    """Raises UsageError, after which click prompts again."""
    from watchword.control.identity.rules import check_person, normalised_email

    faults = check_person(email=normalised_email(typed), name="")
    if faults:
        raise click.UsageError(" ".join(faults.values()))
    return typed


def suggested_id(name: str) -> str:
    """An ID that fits the rules, made of the letters and digits of a name."""
    words = re.findall(r"[a-z0-9]+", name.lower())
    suggestion = "-".join(words).lstrip("0123456789-")[:32].rstrip("-")
    return suggestion if len(suggestion) > 1 else ORGANIZATION_ID


def create_organization(organization_id: str, name: str) -> None:
    from watchword.control.base.actor import command_line
    from watchword.control.organizations.commands import CreateOrganization, SetSubscription

    now = datetime.now(tz=UTC)
    CreateOrganization(organization_id=organization_id, name=name).run(command_line())
    SetSubscription(organization_id=organization_id, starts_at=now, expires_at=now + SUBSCRIPTION).run(command_line())
