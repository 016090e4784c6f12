"""A throw-away PostgreSQL cluster: `with postgres() as cluster: cluster.create_database()`.

`python -m kit.postgres -- COMMAND…` (with PYTHONPATH=tests) runs a command with WATCHWORD_TEST_DATABASE_URL set to
an empty database of such a cluster.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg
from psycopg import sql

from kit.processes import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

OLDEST_VERSION = 15
START_SECONDS = 30.0
STOP_SECONDS = 15.0


class PostgresMissingError(RuntimeError):
    """There is no PostgreSQL here. This is an error, not a skip: a test that never runs protects nothing."""


def programs() -> Path:
    """The folder of the newest installed PostgreSQL's server programs."""
    installed = sorted(
        (int(folder.parent.name), folder)
        for folder in Path("/usr/lib/postgresql").glob("*/bin")
        if folder.parent.name.isdigit() and (folder / "initdb").exists()
    )
    if installed and installed[-1][0] >= OLDEST_VERSION:
        return installed[-1][1]
    # Other systems than Debian put the server programs on the search path.
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    raise PostgresMissingError(
        f"PostgreSQL {OLDEST_VERSION} or later is needed for the tests. Install it: apt-get install postgresql"
    )


class Cluster:
    """One server with its own data folder, listening on a unix socket and on a free loopback port."""

    def __init__(self, directory: Path) -> None:
        self._programs = programs()
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        self.password = secrets.token_hex(16)
        self.port = 0

    @property
    def log(self) -> Path:
        return self._directory / "postgres.log"

    def initialize(self) -> None:
        """Make the data folder and a role `watchword` that, like in production, is no superuser."""
        # PostgreSQL refuses to run as root; Debian's package brings an account for it.
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(self._directory, account.pw_uid, account.pw_gid)
        # The socket trusts every client that reaches it, so other users must not enter its folder.
        self._directory.chmod(0o700)
        subprocess.run(
            [
                *self._as_account(),
                self._programs / "initdb",
                f"--pgdata={self._directory / 'data'}",
                "--username=postgres",
                "--auth-local=trust",
                "--auth-host=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ],
            check=True,
            cwd=self._directory,
            capture_output=True,
        )
        self.start()
        with self._administer() as connection:
            connection.execute(
                sql.SQL("CREATE ROLE watchword LOGIN CREATEDB PASSWORD {}").format(sql.Literal(self.password))
            )

    def start(self) -> None:
        """Start the server and return when it answers; a second start uses the same port and data."""
        if self._process is not None:
            return
        self.port = self.port or free_port()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *self._as_account(),
                    self._programs / "postgres",
                    *("-D", self._directory / "data"),
                    *("-k", self._directory),
                    *("-h", "127.0.0.1"),
                    *("-p", str(self.port)),
                    # Only a crash of the machine could lose data without these, and it would end the test too.
                    *("-c", "fsync=off"),
                    *("-c", "full_page_writes=off"),
                    *("-c", "max_connections=200"),
                ],
                stdout=log,
                stderr=log,
                cwd=self._directory,
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self._administer().close()
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.kill()
                    raise RuntimeError(f"PostgreSQL did not start:\n{self.log.read_text()[-4000:]}") from None
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """Stop in the "fast" way: open transactions are rolled back, clients are disconnected."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """The "immediate" way: as after a power cut, the next start recovers from the log."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGQUIT)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def create_database(self) -> str:
        """A new empty database's URL, through the unix socket."""
        self._databases += 1
        name = f"watchword_{self._databases}"
        with self._administer() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER watchword").format(sql.Identifier(name)))
        return f"postgresql://watchword@/{name}?host={quote(str(self._directory), safe='')}&port={self.port}"

    def network_url(self, database_url: str) -> str:
        """The same database through the loopback port and with a password, as in production."""
        name = database_url.partition("watchword@/")[2].partition("?")[0]
        return f"postgresql://watchword:{self.password}@127.0.0.1:{self.port}/{name}"

    def _administer(self) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self._directory), port=self.port, user="postgres", dbname="postgres", autocommit=True
        )

    def _as_account(self) -> list[str]:
        # A killed test run must not leave servers behind: the kernel stops this one when its parent dies.
        setpriv = ["setpriv", "--pdeathsig=INT"]
        if os.geteuid() == 0:
            setpriv += ["--reuid=postgres", "--regid=postgres", "--clear-groups"]
        return [*setpriv, "--"]


@contextmanager
def postgres() -> Iterator[Cluster]:
    """A running cluster, removed afterwards.

    Raises:
        PostgresMissingError: the message says what to install.
    """
    programs()
    # Not pytest's tmp_path: a unix socket's path may have at most 107 bytes.
    directory = Path(tempfile.mkdtemp(prefix="watchword-pg-"))
    cluster = Cluster(directory)
    try:
        cluster.initialize()
        yield cluster
    finally:
        cluster.kill()
        shutil.rmtree(directory, ignore_errors=True)


def main(arguments: list[str]) -> int:
    command = arguments[1:] if arguments[:1] == ["--"] else arguments
    if not command:
        sys.stderr.write("usage: python -m kit.postgres -- COMMAND…\n")
        return 2
    try:
        with postgres() as cluster:
            environment = os.environ | {"WATCHWORD_TEST_DATABASE_URL": cluster.create_database()}
            return subprocess.run(command, env=environment, check=False).returncode
    except PostgresMissingError as missing:
        sys.stderr.write(f"{missing}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
