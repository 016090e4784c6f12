"""The management API's list and read, with 100,000 organizations on PostgreSQL, beside the portal's page of the same
servers and a bare Django view. Everything that serves, PostgreSQL included, shares one core.

Each request is for another of some organizations, with that organization's own API key. So the API also notes the use
of each key, once a minute.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg
from rich.console import Console

from bench.cores import SERVER, kept_on
from bench.peers import Peer
from bench.peers.bare_django import bare_django
from bench.report import Section
from bench.rounds import HEADINGS, Effort, Subject, alternate, ratio, show, warm_up
from bench.tokens import CLOUD_NAME
from kit.postgres import postgres
from kit.product import Product
from watchword.settings.database import POOL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kit.postgres import Cluster

# Longer rounds than those of verifiers: a page takes a hundred times as long as a decision.
FULL: Final = Effort(rounds=3, seconds=10, tokens=0)
QUICK: Final = Effort(rounds=2, seconds=4, tokens=0)
CONNECTIONS: Final = 8
ORGANIZATIONS: Final = 100_000
QUICK_ORGANIZATIONS: Final = 1_000
ASKED: Final = 250
"""Organizations whose servers are read, spread over all."""

API: Final = "management API"
LIST: Final = (API, "list")
READ: Final = (API, "read")
BY_TOKEN: Final = (API, "list, access token")
PAGE: Final = ("portal's page", "list")
BARE: Final = ("bare Django view", "list")
COMPARED: Final = ((LIST, BARE), (READ, BARE), (BY_TOKEN, LIST), (LIST, PAGE))

APPLICATION: Final = "portal"
"""Its connections have this name in PostgreSQL's log."""

_HOW: Final = (
    f"Each request is for another of {ASKED} organizations, with its API key or an access token (RS256) of its server.",
    "*processor* excludes PostgreSQL, which shares the core.",
)
_KEPT: Final = f"Its pool has at most {POOL['max_size']}, and the feed listens on one more."


def main(*, quick: bool = False) -> list[Section]:
    effort, organizations = (QUICK, QUICK_ORGANIZATIONS) if quick else (FULL, ORGANIZATIONS)
    console = Console()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="watchword-bench-") as name, ExitStack() as parts:
        folder = Path(name)
        with kept_on(SERVER):
            cluster = parts.enter_context(postgres())
        url = cluster.create_database()
        product = Product(
            folder, database_url=url, settings={"PGAPPNAME": APPLICATION, "WATCHWORD_CLOUD_NAME": CLOUD_NAME}
        )
        parts.callback(product.close)
        rows = _stored(product, organizations)
        console.print(f"{organizations:,} organizations stored in {time.monotonic() - started:.0f} s.")
        _log_connections(url)
        with kept_on(SERVER):
            portal = product.start("portal")
            bare = parts.enter_context(bare_django(folder, {**product.whole_environment(), "PGAPPNAME": "bare"}))
        own = Peer(product.portal_port, portal.pid)
        subjects = list(_subjects(folder, own, bare, rows))
        warm_up(subjects)
        alternate(subjects, effort, console)
        opened = _opened(cluster)
    sent = sum(subject.sent for subject in subjects if subject.port == own.port)
    section = Section(
        f"The management API: {organizations:,} organizations, PostgreSQL, one core for all that serves",
        ("what", "operation", *HEADINGS[2:]),
        [subject.cells() for subject in subjects],
        [
            *_HOW,
            *(
                f"{', '.join(ours)} / {', '.join(theirs)} = **{ratio(subjects, ours, theirs):.2f}**"
                for ours, theirs in COMPARED
            ),
            f"PostgreSQL connections that the portal opened for {sent:,} requests: **{opened}**. {_KEPT}",
        ],
    )
    show(section, console, started)
    return [section]


def _stored(product: Product, organizations: int) -> dict[str, Any]:
    """What `stored` printed in a process of its own: settings are read once in a process."""
    command = [sys.executable, "-m", "bench.management_api", str(organizations)]
    environment = product.whole_environment()
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    rows: dict[str, Any] = json.loads(done.stdout)
    return rows


def _subjects(folder: Path, own: Peer, bare: Peer, rows: dict[str, Any]) -> Iterator[Subject]:
    asked, session, cookie = rows["asked"], rows["session"], ("Cookie", "watchword_session=")

    def lines(name: str, written: Iterable[str]) -> Path:
        file = folder / name
        file.write_text("\n".join(written))
        return file

    api = "/api/v1/organizations/{organization}/authorization-servers"
    read = f"{api}/{{server}}"
    for path, (name, kind), credential in ((api, LIST, "secret"), (read, READ, "secret"), (api, BY_TOKEN, "token")):
        file = lines(kind, (f"{path.format(**each)} {each[credential]}" for each in asked))
        yield Subject(name, kind, own.port, own.pid, file, known=ASKED, connections=CONNECTIONS)
    file = lines("page", (f"{each['page']} {session}" for each in asked))
    yield Subject(*PAGE, own.port, own.pid, file, known=ASKED, connections=CONNECTIONS, credential=cookie)
    file = lines("bare", (f"/{each['organization']} {each['secret']}" for each in asked))
    yield Subject(*BARE, bare.port, bare.pid, file, known=ASKED, connections=CONNECTIONS)


def _log_connections(url: str) -> None:
    with psycopg.connect(url, user="postgres", autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET log_connections = on")
        connection.execute("SELECT pg_reload_conf()")


def _opened(cluster: Cluster) -> int:
    """How many connections the portal has opened since `_log_connections`."""
    authorized = re.compile(rf"connection authorized: .*application_name={APPLICATION}\b")
    return len(authorized.findall(cluster.log.read_text(errors="replace")))


# ------------------------------------------------------------------ the child: its own settings and database


def stored(organizations: int) -> dict[str, Any]:
    """Store them, and return those that the bench requests, with their credentials."""
    import django  # noqa: PLC0415 - after the settings of this process are known.

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415 - as above.
    from django.db import connection  # noqa: PLC0415 - as above.
    from django.urls import reverse  # noqa: PLC0415 - as above.

    from bench import portal_rows  # noqa: PLC0415 - as above.
    from watchword.control.servers.models import AuthorizationServer  # noqa: PLC0415 - as above.

    call_command("migrate", verbosity=0)
    portal_rows.fill(organizations)
    portal_rows.fill_api_keys(organizations)
    with connection.cursor() as cursor:
        # What PostgreSQL's own daemon does soon after so many rows.
        cursor.execute("VACUUM ANALYZE")
    # An ordinary one of each so many: it has a subscription, and keys that can be fetched.
    numbers = {portal_rows.id_of(number): number for number in range(11, organizations, organizations // ASKED)}
    servers = AuthorizationServer.objects.filter(organization_id__in=numbers, enabled=True)
    asked = [
        {
            "organization": server.organization_id,
            "server": str(server.pk),
            "secret": portal_rows.secret_of(numbers[server.organization_id]),
            "token": portal_rows.token_of(numbers[server.organization_id]),
            "page": reverse("servers:list", args=[server.organization_id]),
        }
        for server in servers
    ]
    return {"asked": asked, "session": portal_rows.session()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(stored(int(sys.argv[1]))))
