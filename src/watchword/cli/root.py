"""The command tree. Each command is loaded when it is called, so that `watchword --help` is fast."""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import Any

import click

from watchword.cli.options import DEBUG_VARIABLE
from watchword.cli.output import explain, repair_standard_streams

# Name → module, attribute and the line in `watchword --help`, so that help loads no command.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "serve": ("watchword.cli.serve", "serve", "Run portal, worker and verifier, or one of them."),
    "demo": ("watchword.cli.demo", "demo", "Run everything on temporary data and print a walk-through."),
    "migrate": ("watchword.cli.migrations", "migrate", "Apply this version's migrations to the database."),
    "organization": ("watchword.cli.organization", "organization", "Create, entitle, suspend and list organizations."),
    "administrator": (
        "watchword.cli.administrator",
        "administrator",
        "Create, list, deactivate and reactivate administrators of an organization.",
    ),
    "operator": (
        "watchword.cli.operator",
        "operator",
        "Create, list, sign out, deactivate and reactivate operators, the provider's own people.",
    ),
    "verifier": (
        "watchword.cli.verifier",
        "verifier",
        "Create, rotate, revoke and list the credentials of verifiers; make them start over.",
    ),
    "gateway": ("watchword.cli.gateway", "gateway", "Print a gateway's configuration with the settings' addresses."),
    "token": ("watchword.cli.token", "token", "Check a token step by step."),
    "config": ("watchword.cli.config", "config", "Check the settings."),
    "audit": ("watchword.cli.audit", "audit", "Verify the audit log's hash chain."),
}

# These use the management API, from any machine.
REMOTE_COMMANDS: dict[str, tuple[str, str, str]] = {
    "login": (
        "watchword.cli.remote.login",
        "login",
        "Store the portal's URL, the organization and an API key for the commands of the management API.",
    ),
    "logout": ("watchword.cli.remote.login", "logout", "Delete the login that `watchword login` stored."),
    "servers": (
        "watchword.cli.remote.servers",
        "servers",
        "List and change an organization's authorization servers.",
    ),
    "export": (
        "watchword.cli.remote.plans",
        "export",
        "Print the organization's authorization servers as a file for `watchword plan` and `watchword apply`.",
    ),
    "plan": ("watchword.cli.remote.plans", "plan", "Show what `watchword apply` would change, and change nothing."),
    "apply": (
        "watchword.cli.remote.plans",
        "apply",
        "Change the organization's authorization servers until they are those of FILE.",
    ),
    "roles": ("watchword.cli.remote.roles", "roles", "List and change an organization's API roles."),
    "audit-events": ("watchword.cli.remote.audit_events", "audit_events", "Read an organization's audit log."),
}
ALL_COMMANDS = COMMANDS | REMOTE_COMMANDS


def is_text(value: str) -> bool:
    """True without NUL and surrogates, by which Python represents octets of the command line that are not UTF-8."""
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value)


class Watchword(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's own signature.
        return list(ALL_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's.
        if cmd_name not in ALL_COMMANDS:
            return None
        module, attribute, _ = ALL_COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)  # noqa: S101 - tells the type; the table is ours.
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        for heading, commands in (
            ("Commands on the machines of an installation", COMMANDS),
            ("Commands from any machine, over the management API", REMOTE_COMMANDS),
        ):
            with formatter.section(heading):
                formatter.write_dl([(name, line) for name, (_, _, line) in commands.items()])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # No name, address, date or path of this product has these characters, and each reader would fail differently.
        if not all(is_text(argument) for argument in args):
            raise click.UsageError("An argument holds NUL or octets that are not UTF-8.", ctx)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            # Click ends quietly when the reader of a pipe is gone, as in `watchword config check | head -1`.
            raise
        except Exception as failure:
            if ctx.meta.get(DEBUG_VARIABLE):
                raise
            raise explain(failure) from failure


def _tell_version(context: click.Context, _option: click.Parameter, asked: bool) -> None:  # noqa: FBT001 - click's.
    """Answer `--version`."""
    if not asked or context.resilient_parsing:
        return
    click.echo(f"watchword, version {importlib.metadata.version('watchword')}")
    context.exit()


@click.group(
    cls=Watchword,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit status: 0 done or allowed, 1 refused or failed, 2 wrong usage or settings.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_tell_version,
    help="Show the version and exit.",
)
def watchword() -> None:
    """Decide whose access tokens an API accepts.

    `watchword demo` shows it working; `watchword serve` runs it. Settings come from flags, from the environment
    (WATCHWORD_…) and from a file, watchword.toml, in this order.
    """


def main() -> None:
    repair_standard_streams()
    watchword(prog_name="watchword")
