"""The shipped Python middleware, under a real uvicorn, around an app that forwards everything to an API."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kit.pasted import pasted
from kit.processes import LOOPBACK, free_port, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.behind import Behind, Routing

_APP = """
import http.client
from watchword_asgi import Watchword

async def api(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        return await send({"type": "lifespan.shutdown.complete"})
    connection = http.client.HTTPConnection("%s", %d, timeout=5)
    connection.putrequest("GET", scope["path"], skip_host=True, skip_accept_encoding=True)
    for name, value in scope["headers"]:
        if name in {b"connection", b"upgrade"}:
            continue  # They speak of the connection from the client.
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    await send({"type": "http.response.start", "status": answer.status, "headers": []})
    await send({"type": "http.response.body", "body": answer.read()})
    connection.close()

app = Watchword(api)
"""


@contextmanager
def asgi(folder: Path, behind: Behind, *, routing: Routing = "host") -> Iterator[int]:
    """Yields its port on loopback."""
    port = free_port()
    changes = {
        '"127.0.0.1", 8081': f'"{LOOPBACK}", {behind.verifiers[0]}',
        'SECRET = ""': f'SECRET = "{behind.secret}"',
    }
    (middleware,) = pasted("python", changes)
    (folder / "watchword_asgi.py").write_text(middleware)
    (folder / "api.py").write_text(_APP % (LOOPBACK, behind.api.port))
    options = ["--host", LOOPBACK, "--port", str(port), "--no-access-log", "--app-dir", str(folder)]
    with running([sys.executable, "-m", "uvicorn", "api:app", *options], log=folder / "uvicorn.log", port=port):
        yield port
