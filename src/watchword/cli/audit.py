"""`watchword audit`."""

from __future__ import annotations

from typing import Any

import click

from watchword.cli.control_plane import open_migrated_control_plane
from watchword.cli.options import settings_options
from watchword.cli.output import CommandFailed, json_option, print_json


@click.group()
def audit() -> None:
    """Verify the audit log's hash chain.

    Works on the database of this installation, not through the management API, as `watchword audit-events` does.
    """


@audit.command("verify")
@click.option(
    "--expect",
    metavar="SEQUENCE:HASH",
    help="A head that this command printed before and that you kept elsewhere: it must still be in the chain.",
)
@json_option
@settings_options
@click.pass_context
def verify(context: click.Context, *, expect: str | None, as_json: bool) -> None:
    """Verify the whole audit log: no event was changed, removed or inserted.

    Prints the head of the chain as SEQUENCE:HASH. Keep it on another machine and pass it with --expect next time: the
    database alone cannot show that the last events were removed together with the row that names the head.

    Exit status 1 when the chain is broken; the first fault is named.
    """
    open_migrated_control_plane()
    from django.utils import timezone

    from watchword.control.audit import chain, checkpoint

    expected = _link(chain.Link.parse, expect)
    fault = checkpoint.verify_all(timezone.now(), expected=expected)
    begin, head = chain.anchor(), chain.head()
    events = 0 if head is None else head.sequence - begin.sequence
    if as_json:
        print_json(
            {
                "whole": fault is None,
                "events": events,
                "purged": begin.sequence,
                "head": None if head is None else str(head),
                "fault": fault,
            }
        )
        context.exit(0 if fault is None else CommandFailed.exit_code)
    if fault is not None:
        raise CommandFailed(
            f"The audit log was tampered with or damaged: {fault} Compare it with a backup before going on."
        )
    click.echo(f"The chain of {events} events is whole.")
    if head is not None:
        click.echo(f"Its head is {head}")


def _link(parse: Any, text: str | None) -> Any:
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError as unreadable:
        raise click.BadParameter(f"{unreadable}.", param_hint="--expect") from None
