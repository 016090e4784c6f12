"""`watchword demo`: everything on one machine, on temporary data."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from watchword.cli.demo_check import check_walkthrough, run_beside
from watchword.cli.local_verifier import second_verifier
from watchword.cli.options import debug_option
from watchword.cli.output import FAILED, CommandFailed
from watchword.cli.serve import log_stream, prepare, supervised
from watchword.cli.start_checks import cannot_be_used, require_free

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from watchword.demo.authenticator_app import DemoApp
    from watchword.demo.certificates import DemoCertificates
    from watchword.demo.walkthrough import Clients, Places

HOST = "127.0.0.1"
PORTAL_HOST = "localhost"
"""A name, because browsers offer passkeys for a domain and not for an address."""
API_URL = "http://{{organization}}.localhost:{}"
OWN_PORTS = {
    "--authorization-server-port": "authorization_server_port",
    "--api-port": "api_port",
    "--second-verifier-port": "second_verifier_port",
    "--second-verifier-admin-port": "second_verifier_admin_port",
}
"""Ports that `watchword serve` does not have."""
_Server = TypeVar("_Server")
LOOPBACK_NETWORK = "127.0.0.0/8"


def port_option(flag: str, default: int, what: str) -> Callable[[Any], Any]:
    return click.option(flag, type=click.IntRange(1, 65535), default=default, show_default=True, help=what)


@click.command()
@port_option("--portal-port", 8080, "Admin Portal.")
@port_option("--verifier-port", 8081, "First verifier.")
@port_option("--second-verifier-port", 8091, "Second verifier.")
@port_option("--authorization-server-port", 8082, "Demo authorization server.")
@port_option("--api-port", 8083, "Sample API.")
@port_option("--verifier-admin-port", 9081, "/readyz and /metrics of the first verifier.")
@port_option("--second-verifier-admin-port", 9091, "/readyz and /metrics of the second verifier.")
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
    """Run everything on temporary data and print a walk-through.

    Portal, worker and verifier run as with `watchword serve`; a second verifier, a demo authorization server with TLS
    and a sample API join them. Two organizations have a host each. The demo ignores the environment's settings and
    watchword.toml, so it never touches real data.

    Exit status with --check: 0 when every step passed, 1 otherwise.
    """
    signal.signal(signal.SIGTERM, stop_on_sigterm)
    with ExitStack() as stack:
        directory = stack.enter_context(data_directory(keep))
        passed = run_demo(stack, directory, ports, check=check)
    if not passed:
        context.exit(FAILED)


def run_demo(stack: ExitStack, directory: Path, ports: dict[str, int], *, check: bool) -> bool:
    """Start all parts, print the walk-through, and wait for a stop or run the check. True unless a step failed."""
    from watchword.demo.authenticator_app import DemoApp
    from watchword.demo.certificates import make_certificates
    from watchword.demo.issuing import DemoClient
    from watchword.demo.management_steps import ManagementSteps
    from watchword.demo.walkthrough import Clients, Walkthrough

    require_free({flag: (HOST, ports[name]) for flag, name in OWN_PORTS.items()})
    certificates = make_certificates(directory)
    use_demo_settings(directory, certificates.authority, ports)
    machine = prepare()
    from watchword.control.identity.factors.totp import new_secret
    from watchword.demo.sample_data import (
        ACME,
        GLOBEX,
        create_api_key,
        create_people,
        enrol_operator_app,
        register_server,
        set_up_single_sign_on,
    )

    portal = f"http://{PORTAL_HOST}:{ports['portal_port']}"
    clients = Clients(
        acme=DemoClient("acme-client"), globex=DemoClient("globex-client"), portal=DemoClient("watchword-portal")
    )
    app_secret = new_secret()
    app = DemoApp(app_secret)
    issuer = start_servers(stack, ports, certificates, clients, portal=portal, app=app)
    people = create_people()
    enrol_operator_app(people.operator, app_secret)
    set_up_single_sign_on(people.acme, issuer, clients.portal)
    register_server(ACME, people.acme, issuer, clients.acme.id)
    register_server(GLOBEX, people.globex, issuer, clients.globex.id)
    api_key = create_api_key(ACME)
    second = second_verifier(
        machine, port=ports["second_verifier_port"], admin_port=ports["second_verifier_admin_port"]
    )
    supervisor = stack.enter_context(supervised(machine, log_stream(width=len(second.name)), (second,)))
    pids = supervisor.pid_of("verifier"), supervisor.pid_of(second.name)
    if pids[0] is None or pids[1] is None:
        # A signal stopped the demo while it was starting, so no step was checked.
        return not check
    places = places_of(ports, (pids[0], pids[1]), issuer, certificates.authority)
    management = ManagementSteps(
        portal=places.portal,
        organization=ACME,
        api_key=api_key,
        # `watchword` itself need not be on the PATH.
        watchword=f"{shlex.quote(sys.executable)} -m watchword.cli",
    )
    walkthrough = Walkthrough(
        places=places, clients=clients, people=people, app_secret=app_secret, management=management
    )
    if check:
        return run_beside(supervisor, lambda: check_walkthrough(walkthrough))
    click.echo(f"\n{walkthrough.text()}\n")
    supervisor.run()
    return True


def start_servers(
    stack: ExitStack,
    ports: dict[str, int],
    certificates: DemoCertificates,
    clients: Clients,
    *,
    portal: str,
    app: DemoApp,
) -> str:
    """Serve the authorization server and the sample API until the stack ends; returns the issuer.

    Raises:
        CommandFailed: a port is taken.
    """
    from watchword.demo.authorization_server import authorization_server
    from watchword.demo.issuing import Issuing
    from watchword.demo.openid_provider import ALICE, OpenIdClient
    from watchword.demo.sample_api import sample_api
    from watchword.demo.sample_data import AUDIENCE

    port = ports["authorization_server_port"]
    issuing = Issuing(issuer=f"https://{HOST}:{port}", audience=AUDIENCE, clients=(clients.acme, clients.globex))
    relying_party = OpenIdClient(
        client=clients.portal,
        redirect_uri=f"{portal}/sign-in/single-sign-on/callback",
        post_logout_redirect_uri=f"{portal}/sign-in",
    )
    server = authorization_server(
        host=HOST,
        port=port,
        tls=certificates.server_context(),
        issuing=issuing,
        relying_party=relying_party,
        account=ALICE,
        operator_code=app.code,
    )
    listening(stack, "--authorization-server-port", port, server)
    port = ports["api_port"]
    verifiers = [(HOST, ports["verifier_port"]), (HOST, ports["second_verifier_port"])]
    listening(stack, "--api-port", port, sample_api(host=HOST, port=port, verifiers=verifiers))
    return issuing.issuer


def places_of(ports: dict[str, int], pids: tuple[int, int], issuer: str, authority: Path) -> Places:
    from watchword.demo.walkthrough import Places, RunningVerifier
    from watchword.demo.walkthrough_check import curl_options, curl_version

    return Places(
        portal=f"http://{PORTAL_HOST}:{ports['portal_port']}",
        verifiers=(
            RunningVerifier(origin=f"http://{HOST}:{ports['verifier_port']}", pid=pids[0]),
            RunningVerifier(origin=f"http://{HOST}:{ports['second_verifier_port']}", pid=pids[1]),
        ),
        authorization_server=issuer,
        api=API_URL.format(ports["api_port"]),
        authority=authority,
        curl_options=curl_options(curl_version(), ports["api_port"]),
    )


def listening(stack: ExitStack, flag: str, port: int, server: AbstractContextManager[_Server]) -> _Server:
    """Start `server` until the stack ends.

    Raises:
        CommandFailed: the port is taken, as by a second demo that was started at the same time: `require_free` found it
            free for both.
    """
    try:
        return stack.enter_context(server)
    except OSError as failure:
        raise CommandFailed(cannot_be_used(flag, HOST, port, failure)) from None


def use_demo_settings(directory: Path, authority: Path, ports: dict[str, int]) -> None:
    """Replace all WATCHWORD_ settings of this process and its children by the demo's."""
    from watchword.demo.management_steps import CLOUD_NAME

    for name in [name for name in os.environ if name.startswith("WATCHWORD_")]:
        del os.environ[name]
    empty_file = directory / "watchword.toml"
    empty_file.touch()
    os.environ.update(
        # An empty file, named: the working directory's watchword.toml may point to a real database.
        WATCHWORD_CONFIG=str(empty_file),
        WATCHWORD_DATA_DIR=str(directory / "data"),
        WATCHWORD_PORTAL_PORT=str(ports["portal_port"]),
        WATCHWORD_PUBLIC_ORIGIN=f"http://{PORTAL_HOST}:{ports['portal_port']}",
        WATCHWORD_VERIFIER_PORT=str(ports["verifier_port"]),
        WATCHWORD_VERIFIER_ADMIN_PORT=str(ports["verifier_admin_port"]),
        WATCHWORD_VERIFIER_NODE="verifier",
        # No WATCHWORD_API_UPSTREAM: the sample API asks the verifiers itself, so no gateway belongs in front of it.
        WATCHWORD_API_URL=API_URL.format(ports["api_port"]),
        WATCHWORD_GATEWAY_VERIFIERS=f"{HOST}:{ports['verifier_port']},{HOST}:{ports['second_verifier_port']}",
        WATCHWORD_CLOUD_NAME=CLOUD_NAME,
        WATCHWORD_VERIFIER_CLOUD_NAME=CLOUD_NAME,
        WATCHWORD_JWKS_CA_FILE=str(authority),
        WATCHWORD_JWKS_ALLOWED_NETWORKS=LOOPBACK_NETWORK,
        WATCHWORD_JWKS_ALLOWED_PORTS=f"443,{ports['authorization_server_port']}",
    )


@contextmanager
def data_directory(keep: Path | None) -> Iterator[Path]:
    """A new directory, removed afterwards unless --keep names it.

    Raises:
        CommandFailed: the named directory is not empty.
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
    """Until the supervisor handles the signal: leave through all `finally` blocks, so that nothing stays behind."""
    sys.exit(128 + signal.SIGTERM)
