"""`watchword audit`."""

from __future__ import annotations

import click

from watchword.cli.control_plane import open_migrated_control_plane
from watchword.cli.options import settings_options
from watchword.cli.output import CommandFailed, json_option, print_json


@click.group()
def audit() -> None:
    """Verify the audit log's hash chain."""


@audit.command("verify")
@json_option
@settings_options
@click.pass_context
def verify(context: click.Context, *, as_json: bool) -> None:
    """Walk the whole audit log and check that no event was changed, removed or put in between.

    Exit status 1 when the chain is broken; the first fault is named.
    """
    open_migrated_control_plane()
    from watchword.control.audit.log import verify_chain
    from watchword.control.audit.models import AuditHead

    fault = verify_chain()
    head = AuditHead.objects.filter(id=1).first()
    events = 0 if head is None else head.sequence
    if as_json:
        print_json({"whole": fault is None, "events": events, "fault": fault})
        context.exit(0 if fault is None else CommandFailed.exit_code)
    if fault is not None:
        raise CommandFailed(
            f"The audit log was tampered with or damaged: {fault} Compare it with a backup before going on."
        )
    click.echo(f"The chain of {events} events is whole.")
