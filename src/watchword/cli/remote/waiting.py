"""`watchword apply --wait`: until the verifiers have what the portal published for the organization."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from watchword.cli.output import CommandFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword.client.management_api import ManagementApi

LIMIT_SECONDS = 90.0
"""A verifier reports its revision with each request to the feed, which the portal holds for up to half a minute."""

STEP_SECONDS = 1.0


def wait_for_verifiers(
    api: ManagementApi, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Return when all verifiers that follow the feed have the newest trust of the organization.

    Raises:
        CommandFailed: some do not within `LIMIT_SECONDS`, or there is none.
    """
    deadline = clock() + LIMIT_SECONDS
    shown = ""
    while True:
        published = api.publication()
        progress = f"{published.up_to_date} of {published.verifiers} verifiers have revision {published.revision}."
        if progress != shown:
            click.echo(progress, err=True)
            if not shown and published.up_to_date < published.verifiers:
                # The change itself takes a second.
                click.echo("Each verifier reports its revision at its next request, within about 25 seconds.", err=True)
            shown = progress
        if published.verifiers and published.up_to_date == published.verifiers:
            return
        if clock() >= deadline:
            break
        sleep(STEP_SECONDS)
    if not published.verifiers:
        raise CommandFailed("No verifier follows the feed. The change is stored and takes effect when one does.")
    raise CommandFailed("Some verifiers do not have the change yet. They may be restarting or of an older version.")
