"""A portal whose management API commands of the same process use over real HTTP."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.servers.basehttp import WSGIServer
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, connections
from django.test.testcases import QuietWSGIRequestHandler

from kit import api_access, forge
from kit.key_server import KeyServer, serves

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_django import Settings

    from kit.command_line import CommandLine, Outcome

KEY = forge.ec_key("first")


def access_token() -> str:
    """One of Acme's enabled server with the issuer https://acme.example, for the API role Deployer."""
    now = int(time.time())
    scope = f"{api_access.CLOUD}::acme::Deployer"
    claims = forge.claims(iat=now - 10, nbf=now - 10, exp=now + 600, iss="https://acme.example", scope=scope)
    return forge.token(KEY, "ES256", payload=claims)


@dataclass
class RemotePortal:
    """`keys`: the key server at which servers are registered."""

    origin: str
    keys: KeyServer
    commands: CommandLine

    def run(self, *arguments: str, stdin: str = "") -> Outcome:
        return self.commands.run(*arguments, stdin=stdin)

    def ok(self, *arguments: str, stdin: str = "") -> Outcome:
        return self.commands.ok(*arguments, stdin=stdin)

    def document(self, *arguments: str) -> Any:
        return self.ok(*arguments, "--output", "json").json()

    def add(self, name: str, *arguments: str) -> None:
        self.ok("servers", "add", name, "--jwks-location", self.keys.location, *arguments)

    def export(self, path: Path) -> str:
        file = self.ok("export").stdout
        path.write_text(file)
        return file


@contextmanager
def serving(commands: CommandLine, allow: Callable[[KeyServer], None], settings: Settings) -> Iterator[RemotePortal]:
    """A portal on a port of its own."""
    with KeyServer(serves(forge.key_set(KEY))) as keys, _listening() as port:
        allow(keys)
        api_access.with_cloud_name(settings)
        settings.ALLOWED_HOSTS = ["127.0.0.1"]
        yield RemotePortal(f"http://127.0.0.1:{port}", keys, commands)


@contextmanager
def _listening() -> Iterator[int]:
    """The control plane over HTTP, one request after another, inside the transaction of the test.

    It uses the test's own connection to the database: while it answers, the test waits. So the test's changes need not
    be committed, and the database not be emptied afterwards, which takes most of a second.
    """
    server = WSGIServer(("127.0.0.1", 0), QuietWSGIRequestHandler)
    server.set_app(get_wsgi_application())
    shared = connections["default"]
    shared.inc_thread_sharing()

    def serve() -> None:
        connections["default"] = shared
        server.serve_forever(poll_interval=0.02)

    thread = threading.Thread(target=serve, daemon=True)
    # Like Django's own test client: otherwise each request would close the connection in the middle of the transaction.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)
        shared.dec_thread_sharing()
