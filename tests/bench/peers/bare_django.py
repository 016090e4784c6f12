"""The least that a Django view can do to list an organization's authorization servers for an API key: on the portal's
database, pool and server, without middleware, permissions, request ids, types or strict reading."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.peers import Peer
from kit.processes import LOOPBACK, free_port, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from django.http import HttpRequest, HttpResponse

PORTAL_THREADS = 8


@contextmanager
def bare_django(folder: Path, environment: Mapping[str, str]) -> Iterator[Peer]:
    """Args:
    folder: for the log.
    environment: with the portal's settings.
    """
    port = free_port()
    command = [
        str(Path(sys.executable).parent / "granian"), "bench.peers.bare_django:application", "--factory",
        "--interface", "asgi", "--host", LOOPBACK, "--port", str(port), "--loop", "asyncio",
        "--runtime-mode", "mt", "--http", "1", "--no-ws", "--runtime-blocking-threads", str(PORTAL_THREADS),
    ]  # fmt: skip
    log = folder / "bare-django.log"
    with running(command, log=log, port=port, environment=environment, timeout=60) as child:
        yield Peer(port, child.pid)


def application() -> object:
    """Called in the server's process."""
    import django  # noqa: PLC0415 - the settings of this process alone.
    from django.conf import settings  # noqa: PLC0415 - as above.
    from django.db import connections  # noqa: PLC0415 - as above.
    from django.urls import path  # noqa: PLC0415 - as above.

    from watchword.settings.database import pooled  # noqa: PLC0415 - as above.

    django.setup()
    settings.MIDDLEWARE = []
    # In place of a module.
    settings.ROOT_URLCONF = (path("<slug:organization>", _servers),)
    pooled(connections.settings["default"])
    from django.core.asgi import get_asgi_application  # noqa: PLC0415 - as above.

    return get_asgi_application()


def _servers(request: HttpRequest, organization: str) -> HttpResponse:
    from django.http import HttpResponse, JsonResponse  # noqa: PLC0415 - as above.

    from watchword.control.identity.api_models import ApiKey, secret_hash  # noqa: PLC0415 - as above.
    from watchword.control.servers.models import AuthorizationServer  # noqa: PLC0415 - as above.

    secret = request.headers["Authorization"].removeprefix("Bearer ")
    key = ApiKey.objects.filter(secret_hash=secret_hash(secret)).first()
    if key is None or key.organization_id != organization:
        return HttpResponse(status=401)
    servers = AuthorizationServer.objects.filter(organization_id=organization).select_related("key_set")
    return JsonResponse({"items": [{**_columns(server), "key_set": _columns(server.key_set)} for server in servers]})


def _columns(row: object) -> dict[str, object]:
    return {name: value for name, value in vars(row).items() if not name.startswith("_")}
