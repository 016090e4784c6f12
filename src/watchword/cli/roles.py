"""How each role is started as a child process, and when it counts as ready."""

from __future__ import annotations

import http.client
import sys
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from watchword.cli.supervisor import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

PROBE_SECONDS = 1.0
SERVER_ERROR = 500
COLOURS = {
    "portal": "\x1b[36m",
    "worker": "\x1b[33m",
    "verifier": "\x1b[32m",
    "verifier-2": "\x1b[34m",
    "serve": "\x1b[35m",
}


class Addresses(Protocol):
    """Where the roles listen."""

    @property
    def portal(self) -> tuple[str, int]: ...
    @property
    def public_origin(self) -> str: ...
    @property
    def feed(self) -> tuple[str, int]: ...
    @property
    def verifier_admin(self) -> tuple[str, int]: ...


def status_of(address: tuple[str, int], path: str, origin: str | None = None) -> int | None:
    """The status of a GET, None without a response.

    Args:
        address: where to connect.
        path: of the request.
        origin: the portal's, for its pages: it refuses requests for any other host and logs them as errors.
    """
    host = address[0].strip("[]")
    connection = http.client.HTTPConnection(connectable(host), address[1], timeout=PROBE_SECONDS)
    try:
        connection.request("GET", path, headers={} if origin is None else {"Host": urlsplit(origin).netloc})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def feed_responds(address: tuple[str, int]) -> bool:
    # It refuses requests without a credential before it opens the database: a restart would not bring that back.
    return status_of(address, "/feed/v1/changes") == http.HTTPStatus.UNAUTHORIZED


def connectable(host: str) -> str:
    """The address at which to reach a listener that may listen on all addresses."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared with, not listened on.


def role_command(name: str) -> tuple[str, ...]:
    # `-m` with this interpreter, not the `watchword` script: that may be another installation on the PATH.
    return (sys.executable, "-m", "watchword.cli", "serve", name)


def roles(addresses: Addresses, environment: Mapping[str, str]) -> tuple[Role, ...]:
    """Portal, worker and verifier in the order in which they need one another."""

    def portal_is_ready() -> bool:
        # Without a session the portal shows its sign-in page; only a server error means that it is not ready.
        status = status_of(addresses.portal, "/", addresses.public_origin)
        return status is not None and status < SERVER_ERROR and feed_responds(addresses.feed)

    return (
        Role(name="portal", command=role_command("portal"), environment=environment, is_ready=portal_is_ready),
        Role(name="worker", command=role_command("worker"), environment=environment),
        verifier_role("verifier", addresses.verifier_admin, environment),
    )


def verifier_role(name: str, admin: tuple[str, int], environment: Mapping[str, str]) -> Role:
    """A verifier whose /readyz is at `admin`."""

    def is_ready() -> bool:
        return status_of(admin, "/readyz") == http.HTTPStatus.OK

    return Role(name=name, command=role_command("verifier"), environment=environment, is_ready=is_ready)
