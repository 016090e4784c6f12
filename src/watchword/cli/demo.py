"""`watchword demo`: everything on one machine, on data that is thrown away."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from watchword.cli.options import debug_option
from watchword.cli.output import FAILED, CommandFailed, console
from watchword.cli.ports import cannot_be_used, require_free
from watchword.cli.serve import log_stream, prepare, supervised

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from watchword.cli.serve import Machine
    from watchword.demo.walkthrough import Places, Walkthrough

HOST = "127.0.0.1"
_Server = TypeVar("_Server")
LOOPBACK_NETWORK = "127.0.0.0/8"


def port_option(flag: str, default: int, what: str) -> Callable[[Any], Any]:
    return click.option(flag, type=click.IntRange(1, 65535), default=default, show_default=True, help=what)


@click.command()
@port_option("--portal-port", 8080, "Admin Portal.")
@port_option("--verifier-port", 8081, "Verifier.")
@port_option("--authorization-server-port", 8082, "Demo authorization server.")
@port_option("--api-port", 8083, "Sample API.")
@port_option("--verifier-admin-port", 9081, "The verifier's /readyz and /metrics.")
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep the data in DIR, which must be new or empty.",
)
@click.option("--check", is_flag=True, help="Run the walk-through's own commands, print the results and stop.")
@debug_option
@click.pass_context
def demo(context: click.Context, /, *, keep: Path | None, check: bool, **ports: int) -> None:
    """Run everything on throw-away data and print a walk-through.

    Portal, worker and verifier as `watchword serve` runs them, and beside them a demo authorization server over TLS
    and a sample API. Settings of the environment and of watchword.toml are not used: a demo never touches real data.

    Exit status with --check: 0 when every step did what it says, 1 otherwise.
    """
    signal.signal(signal.SIGTERM, stop_on_sigterm)
    with ExitStack() as stack:
        directory = stack.enter_context(data_directory(keep))
        passed = run_demo(stack, directory, ports, check=check)
    if not passed:
        context.exit(FAILED)


def run_demo(stack: ExitStack, directory: Path, ports: dict[str, int], *, check: bool) -> bool:
    """Start all parts, print the walk-through, and wait for a stop or run the check. True unless a step failed."""
    from watchword.demo.authorization_server import authorization_server
    from watchword.demo.certificates import make_certificates
    from watchword.demo.issuing import DemoClient
    from watchword.demo.sample_api import sample_api
    from watchword.demo.walkthrough import Walkthrough

    require_free(
        {
            "--authorization-server-port": (HOST, ports["authorization_server_port"]),
            "--api-port": (HOST, ports["api_port"]),
        }
    )
    certificates = make_certificates(directory)
    use_demo_settings(directory, certificates.authority, ports)
    machine = prepare()
    from watchword.demo import sample_data

    client = DemoClient()
    issuing = listening(
        stack,
        "--authorization-server-port",
        ports["authorization_server_port"],
        authorization_server(
            host=HOST,
            port=ports["authorization_server_port"],
            tls=certificates.server_context(),
            audience=sample_data.AUDIENCE,
            client=client,
        ),
    )
    people = sample_data.create_people()
    sample_data.register_server(issuing.issuer, client.id)
    verifier = (machine.verifier.host, machine.verifier.port)
    api = listening(
        stack,
        "--api-port",
        ports["api_port"],
        sample_api(host=HOST, port=ports["api_port"], verifier=verifier, organization=sample_data.ORGANIZATION),
    )
    log = log_stream()
    supervisor = stack.enter_context(supervised(machine, log))
    walkthrough = Walkthrough(
        places=places_of(machine, issuing.issuer, api, certificates.authority),
        client=client,
        administrator=people.administrator,
        operator=people.operator,
        administrator_of_expired=people.administrator_of_expired,
    )
    if check:
        return check_walkthrough(walkthrough)
    click.echo(f"\n{walkthrough.text()}\n")
    supervisor.run()
    return True


def listening(stack: ExitStack, flag: str, port: int, server: AbstractContextManager[_Server]) -> _Server:
    """Start `server` until the stack ends.

    Raises:
        CommandFailed: the port is taken, as by a second demo that was started at the same time: `require_free` found it
            free for both.
    """
    try:
        return stack.enter_context(server)
    except OSError as failure:
        raise cannot_be_used(flag, HOST, port, failure.strerror or "cannot be listened on") from None


def places_of(machine: Machine, issuer: str, api: str, authority: Path) -> Places:
    from watchword.demo.sample_data import ORGANIZATION
    from watchword.demo.walkthrough import Places

    return Places(
        portal=machine.control.public_origin,
        verifier=f"http://{machine.verifier.host}:{machine.verifier.port}",
        authorization_server=issuer,
        api=api,
        authority=authority,
        organization=ORGANIZATION,
    )


def check_walkthrough(walkthrough: Walkthrough) -> bool:
    from watchword.demo.portal_visit import PortalVisit, VisitFailed
    from watchword.demo.sample_data import EXPIRED_ORGANIZATION
    from watchword.demo.walkthrough import CurlMissing, check

    places = walkthrough.places
    alice = PortalVisit(origin=places.portal, organization=places.organization, sign_in=walkthrough.administrator)
    charlie = PortalVisit(
        origin=places.portal, organization=EXPIRED_ORGANIZATION, sign_in=walkthrough.administrator_of_expired
    )
    passed = True
    out = console()
    try:
        for result in check(walkthrough, enable=alice.enable, disable=alice.disable):
            mark, style = ("✓", "green") if result.passed else ("✗", "red")
            line = f"{mark} {result.status} after {result.seconds:.1f} s: {result.title}"
            out.print(line if result.passed else f"{line} (expected {result.expected})", style=style)
            passed = passed and result.passed
        refused = charlie.says_that_tokens_are_refused()
        mark, style = ("✓", "green") if refused else ("✗", "red")
        out.print(f"{mark} an expired organization: its page says that tokens are refused", style=style)
        passed = passed and refused
    except VisitFailed as failed:
        raise CommandFailed(str(failed)) from None
    except CurlMissing:
        raise CommandFailed("The walk-through's commands need curl; on Debian: apt install curl.") from None
    return passed


def use_demo_settings(directory: Path, authority: Path, ports: dict[str, int]) -> None:
    """Replace all WATCHWORD_ settings of this process and its children by the demo's."""
    for name in [name for name in os.environ if name.startswith("WATCHWORD_")]:
        del os.environ[name]
    empty_file = directory / "watchword.toml"
    empty_file.touch()
    os.environ.update(
        # An empty file, named: the working directory's watchword.toml may point to a real database.
        WATCHWORD_CONFIG=str(empty_file),
        WATCHWORD_DATA_DIR=str(directory / "data"),
        WATCHWORD_PORTAL_PORT=str(ports["portal_port"]),
        WATCHWORD_PUBLIC_ORIGIN=f"http://{HOST}:{ports['portal_port']}",
        WATCHWORD_VERIFIER_PORT=str(ports["verifier_port"]),
        WATCHWORD_VERIFIER_ADMIN_PORT=str(ports["verifier_admin_port"]),
        WATCHWORD_JWKS_CA_FILE=str(authority),
        WATCHWORD_JWKS_ALLOWED_NETWORKS=LOOPBACK_NETWORK,
        WATCHWORD_JWKS_ALLOWED_PORTS=f"443,{ports['authorization_server_port']}",
    )


@contextmanager
def data_directory(keep: Path | None) -> Iterator[Path]:
    """A new directory, removed afterwards unless it was asked for by name.

    Raises:
        CommandFailed: the named directory holds something already.
    """
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="watchword-demo-") as temporary:
            yield Path(temporary)
        return
    keep = keep.resolve()
    keep.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(keep.iterdir()):
        raise CommandFailed(
            f"{keep} is not empty, and a demo starts from nothing. Name another directory; what a demo left there runs "
            f"with `watchword serve --data-dir {keep}/data`."
        )
    yield keep


def stop_on_sigterm(*_: object) -> NoReturn:
    """Until the supervisor takes the signal over: leave through all `finally`s, so that nothing stays behind."""
    sys.exit(128 + signal.SIGTERM)
