"""`watchword verifier`."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from watchword.cli.control_plane import open_migrated_control_plane
from watchword.cli.local_verifier import write_secret
from watchword.cli.options import settings_options
from watchword.cli.output import CommandFailed, ask_before, iso, json_option, print_json, print_rows, yes_option

if TYPE_CHECKING:
    from collections.abc import Iterator

credential_file_option = click.option(
    "--credential-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the secret there, readable by you alone, instead of printing it.",
)

_NEW_ONE_IS_UNUSED = (
    "No request has come with the new credential of verifier {name} yet. A verifier that still uses the previous one "
    "receives no more changes until it gets the new one."
)


@click.group()
def verifier() -> None:
    """Create, rotate, revoke and list the credentials of verifiers; make them start over.

    Works on the database of this installation, not through the management API.
    """


@verifier.command("create")
@click.argument("name")
@credential_file_option
@json_option
@settings_options
def create(*, name: str, credential_file: Path | None, as_json: bool) -> None:
    """Create a credential for a verifier.

    Its secret is shown once. Set it as WATCHWORD_VERIFIER_CREDENTIAL, or name a file with it in
    WATCHWORD_VERIFIER_CREDENTIAL_FILE. Names cannot be reused, not even of revoked verifiers.
    """
    open_migrated_control_plane()
    from watchword.control.base.actor import command_line
    from watchword.control.fleet.verifier_commands import CreateVerifier

    _show(name, CreateVerifier(name=name).run(command_line()), credential_file, as_json=as_json)


def _show(name: str, secret: str, credential_file: Path | None, *, as_json: bool) -> None:
    if credential_file is not None:
        write_secret(credential_file, secret)
    if as_json:
        shown = {"credential": secret} if credential_file is None else {"credential_file": str(credential_file)}
        print_json({"name": name, **shown})
    elif credential_file is not None:
        click.echo(f"Verifier {name}: its secret is in {credential_file}.")
    else:
        click.echo(secret)
        click.echo(f"This is the secret of verifier {name}. It is not stored and cannot be shown again.", err=True)


@verifier.command("rotate")
@click.argument("name")
@click.option(
    "--overlap",
    type=click.IntRange(0, 168),
    default=24,
    show_default=True,
    metavar="HOURS",
    help="How long the credential that the verifier uses now stays valid.",
)
@credential_file_option
@json_option
@settings_options
def rotate(*, name: str, overlap: int, credential_file: Path | None, as_json: bool) -> None:
    """Create a new credential for a verifier; the one that it uses stays valid for a while.

    A running verifier reads its credential file again by itself. If the new credential was never used, as when it was
    lost, run this again: the verifier keeps the one that it uses.
    """
    open_migrated_control_plane()
    from watchword.control.base.actor import command_line
    from watchword.control.fleet.verifier_commands import RotateVerifier

    with _must_exist(f"There is no verifier {name} with a valid credential; see `watchword verifier list`."):
        secret = RotateVerifier(name=name, overlap=timedelta(hours=overlap)).run(command_line())
    _show(name, secret, credential_file, as_json=as_json)
    if not as_json:
        if credential_file is None:
            click.echo(
                "Write it to the verifier's credential file, which the verifier reads again by itself.", err=True
            )
        click.echo("Restart the verifier if systemd or an environment variable passes the credential.", err=True)
        click.echo(f"The previous credential stays valid for {_hours(overlap)}.", err=True)


def _hours(count: int) -> str:
    return "1 hour" if count == 1 else f"{count} hours"


@verifier.command("revoke")
@click.argument("name")
@click.option("--previous", is_flag=True, help="Revoke only the previous credential, which `rotate` left valid.")
@yes_option
@json_option
@settings_options
def revoke(*, name: str, previous: bool, yes: bool, as_json: bool) -> None:
    """Revoke a verifier's credential. It stops deciding when its snapshot is too old, after 24 hours at most.

    With --previous, asks before if no request has come with the new credential yet; without a terminal, --yes is needed
    then.
    """
    open_migrated_control_plane()
    from watchword.control.base.actor import command_line
    from watchword.control.fleet.models import VerifierCredential
    from watchword.control.fleet.verifier_commands import RevokePreviousSecret, RevokeVerifier

    unused = {"name": name, "is_newest_used": False, "previous_secret_hash__isnull": False}
    if previous and VerifierCredential.objects.filter(**unused).exists():
        ask_before([_NEW_ONE_IS_UNUSED.format(name=name)], yes=yes)
    what = "previous" if previous else "valid"
    with _must_exist(f"There is no verifier {name} with a {what} credential; see `watchword verifier list`."):
        (RevokePreviousSecret if previous else RevokeVerifier)(name=name).run(command_line())
    if as_json:
        print_json({"name": name, "revoked": True})
    elif previous:
        click.echo(f"The previous credential of verifier {name} is revoked.")
    else:
        click.echo(f"Verifier {name} is revoked; the feed no longer answers it.")


@contextmanager
def _must_exist(sentence: str) -> Iterator[None]:
    from watchword.control.base.refusals import Refusal, RefusalReason

    try:
        yield
    except Refusal as refusal:
        if refusal.reason is not RefusalReason.NOT_FOUND:
            raise
        raise CommandFailed(sentence) from None


@verifier.command("start-over")
@json_option
@settings_options
def start_over(*, as_json: bool) -> None:
    """Make every verifier load everything from the database again. Needed once after a backup was restored.

    Revisions from after the backup will be used again for other trust. Until a verifier has loaded everything, it
    decides by its earlier copy.
    """
    open_migrated_control_plane()
    from watchword.control.base.actor import command_line
    from watchword.control.fleet.commands import RotateEpoch

    epoch = RotateEpoch().run(command_line())
    if as_json:
        print_json({"epoch": epoch})
    else:
        click.echo("A new epoch has begun; each verifier starts over with its next request.")


@verifier.command("list")
@json_option
@settings_options
def list_verifiers(*, as_json: bool) -> None:
    """List all verifiers with what they last reported."""
    open_migrated_control_plane()
    from watchword.control.fleet.models import VerifierCredential

    rows = [
        {
            "name": row.name,
            "created_at": iso(row.created_at),
            "credential_created_at": iso(row.rotated_at or row.created_at),
            "previous_until": iso(row.previous_until),
            "revoked_at": iso(row.revoked_at),
            "last_seen_at": iso(row.last_seen_at),
            "last_revision": row.last_revision,
            "node": row.node,
            "version": row.version,
        }
        for row in VerifierCredential.objects.order_by("name")
    ]
    columns = {
        "name": "Name",
        "node": "Node",
        "version": "Version",
        "last_revision": "Revision",
        "last_seen_at": "Last seen",
        "credential_created_at": "Credential created",
        "revoked_at": "Revoked",
    }
    print_rows(rows, columns, as_json=as_json, empty="There is no verifier yet: `watchword verifier create NAME`.")
