"""`watchword token check`: the steps of a verification, one by one."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from watchword.cli.control_plane import open_migrated_control_plane
from watchword.cli.options import settings_options
from watchword.cli.output import FAILED, OK, CommandFailed, console, json_option, print_json

if TYPE_CHECKING:
    from watchword.core.decision import Decision
    from watchword.core.trust import Trust

# More than the limit of step 1, so that step 1 refuses it; and a bound for hostile files.
MAX_INPUT_BYTES = 1_048_576
# A trust read from the database at this moment is up to date.
FRESH_SECONDS = 60.0


@click.group()
def token() -> None:
    """Check a token step by step."""


@token.command("check")
@click.option("--organization", required=True, metavar="ID", help="Whose trust decides.")
@click.option(
    "--snapshot",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Decide by a verifier's disk copy instead of the local database.",
)
@click.argument("file", type=click.File("rb"), default="-")
@json_option
@settings_options
@click.pass_context
def check(context: click.Context, *, organization: str, snapshot: Path | None, file: Any, as_json: bool) -> None:
    """Verify a token from FILE, or from standard input, and show the result of each step.

    The token is never an argument, because all users of this machine can read arguments. A leading "Bearer " is
    ignored.
    Leeway, the largest token and the cloud name are those of the verifier's settings on this machine.

    Exit status 0 when the token is allowed, 1 when it is denied, 2 on wrong usage.
    """
    if file is sys.stdin.buffer and file.isatty():
        click.echo("Paste the token, then press Enter and Ctrl-D.", err=True)
    text = read_token(file.read(MAX_INPUT_BYTES))
    trust, good_until = (
        trust_from_database(organization) if snapshot is None else trust_from_snapshot(snapshot, organization)
    )
    from watchword.core.verify import verify_token
    from watchword.settings.load import load_verifier_settings

    settings = load_verifier_settings()
    # The verifier of `watchword serve` takes the portal's too.
    cloud_name = settings.cloud_name or (portal_cloud_name() if snapshot is None else None)
    decision = verify_token(
        text,
        trust,
        now=time.time(),
        snapshot_good_until=good_until,
        limits=settings.limits,
        cloud_name=cloud_name or "",
    )
    document = describe(decision)
    if as_json:
        print_json(document)
    else:
        show(document)
    context.exit(OK if document["decision"] == "allow" else FAILED)


def read_token(untrusted_bytes: bytes) -> str:
    """The token of a file. Characters outside ASCII stay in it, so that step 3 refuses them.

    Raises:
        UsageError: there is nothing in it.
    """
    text = untrusted_bytes.decode("ascii", "backslashreplace").strip()
    scheme, _, rest = text.partition(" ")
    text = rest.strip() if scheme.lower() == "bearer" else text
    if not text:
        raise click.UsageError("There is no token to check: give a FILE, or pipe the token into the command.")
    return text


def trust_from_database(organization: str) -> tuple[Trust | None, float]:
    """The organization's trust as of now, and until when it is valid.

    Raises:
        CommandFailed: the organization does not exist.
    """
    open_migrated_control_plane()
    from watchword.control.organizations.models import Organization
    from watchword.control.servers.trust import trust_of

    if not Organization.objects.filter(pk=organization).exists():
        raise CommandFailed(f"There is no organization {organization!r}; `watchword organization list` shows them.")
    return trust_of(organization), time.time() + FRESH_SECONDS


def portal_cloud_name() -> str | None:
    from django.conf import settings

    return str(settings.WATCHWORD.cloud_name) if settings.WATCHWORD.cloud_name is not None else None


def trust_from_snapshot(path: Path, organization: str) -> tuple[Trust | None, float]:
    """The trust of a verifier's disk copy, None for an unknown organization, and until when the copy is valid."""
    from watchword.settings.load import load_verifier_settings
    from watchword.verifier.disk.copy import CopyDamaged, DiskCopy

    try:
        copy = DiskCopy(path).load(now=time.time(), any_owner=True)
    except CopyDamaged:
        raise CommandFailed(
            f"{path} is damaged, or is no verifier's disk copy; a verifier would refuse it too."
        ) from None
    if copy is None:
        raise CommandFailed(f"{path} is gone.")
    return copy.snapshot.organizations.get(organization), copy.heard_at + load_verifier_settings().snapshot_hard_limit


def describe(decision: Decision) -> dict[str, Any]:
    """The decision as JSON. Steps are "passed", "failed" or "not_reached"; the token's claims only on allow."""
    from watchword.core.decision import Allow
    from watchword.core.verify import STEPS

    if isinstance(decision, Allow):
        steps = [{"number": number, "title": title, "result": "passed"} for number, title in enumerate(STEPS, start=1)]
        claims = decision.claims
        return {
            "decision": "allow",
            "organization": decision.organization,
            "server": decision.server,
            "role": decision.role,
            "claims": {
                "issuer": claims.issuer,
                "subject": claims.subject,
                "client_id": claims.client_id,
                "audience": list(claims.audience),
                "scope": claims.scope,
                "expires_at": claims.expires_at,
            },
            "steps": steps,
        }
    reason = decision.reason
    return {
        "decision": "deny",
        "reason": reason.code,
        "public_reason": reason.public.code,
        "sentence": reason.sentence,
        "status": reason.status,
        "missing_scope": decision.missing_scope,
        "steps": [
            {"number": number, "title": title, "result": result(number, reason.step)}
            for number, title in enumerate(STEPS, start=1)
        ],
    }


def result(number: int, failed_step: int) -> str:
    if number == failed_step:
        return "failed"
    # Step 0 is an error in Watchword itself: the result of each step is unknown.
    return "passed" if number < failed_step else "not_reached"


MARKS = {"passed": ("✓", "green"), "failed": ("✗", "red"), "not_reached": ("·", "dim")}


def show(document: dict[str, Any]) -> None:
    out = console()
    for step in document["steps"]:
        mark, style = MARKS[step["result"]]
        out.print(f"{mark} {step['number']:>2}  {step['title']}", style=style)
    if document["decision"] == "allow":
        out.print(f"\nAllowed for {document['organization']} by server {document['server']}.", style="bold green")
        for name, value in document["claims"].items():
            out.print(f"  {name:<10} {' '.join(value) if isinstance(value, list) else value}")
    else:
        out.print(f"\nDenied: {document['sentence']} ({document['reason']})", style="bold red")
        if document["missing_scope"] is not None:
            out.print(f"The token must carry the scope {document['missing_scope']}.")
        if document["public_reason"] != document["reason"]:
            out.print(f"The client sees the reason {document['public_reason']}.")
