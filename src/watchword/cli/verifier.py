"""`watchword verifier`."""

from __future__ import annotations

from pathlib import Path

import click

from watchword.cli.control_plane import open_migrated_control_plane
from watchword.cli.local_verifier import write_secret
from watchword.cli.options import settings_options
from watchword.cli.output import CommandFailed, iso, json_option, print_json, print_rows


@click.group()
def verifier() -> None:
    """Create, revoke and list the credentials of verifiers; make them start over.

    Works on the database of this installation, not through the management API.
    """


@verifier.command("create")
@click.argument("name")
@click.option(
    "--credential-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the secret there, readable by you alone, instead of printing it.",
)
@json_option
@settings_options
def create(*, name: str, credential_file: Path | None, as_json: bool) -> None:
    """Create a credential for a verifier.

    Its secret is shown once. Set it as WATCHWORD_VERIFIER_CREDENTIAL, or name a file with it in
    WATCHWORD_VERIFIER_CREDENTIAL_FILE. Names cannot be reused, not even of revoked verifiers.
    """
    open_migrated_control_plane()
    from watchword.control.base.actor import command_line
    from watchword.control.fleet.commands import CreateVerifier

    secret = CreateVerifier(name=name).run(command_line())
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


@verifier.command("revoke")
@click.argument("name")
@json_option
@settings_options
def revoke(*, name: str, as_json: bool) -> None:
    """Revoke a verifier's credential. It stops deciding when its snapshot is too old, after 24 hours at most."""
    open_migrated_control_plane()
    from watchword.control.base.actor import command_line
    from watchword.control.base.refusals import Refusal, RefusalReason
    from watchword.control.fleet.commands import RevokeVerifier

    try:
        RevokeVerifier(name=name).run(command_line())
    except Refusal as refusal:
        if refusal.reason is not RefusalReason.NOT_FOUND:
            raise
        raise CommandFailed(
            f"There is no verifier {name} with a valid credential; see `watchword verifier list`."
        ) from None
    if as_json:
        print_json({"name": name, "revoked": True})
    else:
        click.echo(f"Verifier {name} is revoked; the feed no longer answers it.")


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
        "revoked_at": "Revoked",
    }
    print_rows(rows, columns, as_json=as_json, empty="There is no verifier yet: `watchword verifier create NAME`.")
