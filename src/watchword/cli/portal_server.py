"""The portal's HTTP server: a process for the pages, and one for the feed if that has a port of its own.

With `verifier/listeners/http.py` the only code that knows granian's inside (docs/decisions/0003).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from granian.constants import HTTPModes, Interfaces, Loops, RuntimeModes
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer, WorkerProcess

from watchword.cli import portal_application
from watchword.runtime.open_files import connections_allowed

if TYPE_CHECKING:
    from watchword.settings.control import ControlSettings

# Less than the 10 s after which `watchword serve`, systemd or a container platform sends SIGKILL.
PORTAL_STOP_SECONDS = 5
# Django's views are synchronous and wait for the database; long polls of verifiers hold no thread.
PORTAL_THREADS = 8
# Stalled clients must use all of these before others have to wait, and each holds one for seconds only.
PORTAL_CONNECTIONS = 8192
# For the headers of a request, and for the time between two requests on one connection.
HEADER_MILLISECONDS = 20_000
MAX_HEADER_BYTES = 65_536


class PortalServer(MPServer):
    """Granian's server, with a second process that serves another application on a port of its own.

    Both start, stop and fail as one. They share neither connections, threads, memory nor open files.

    Args:
        application: a factory in portal_application.py.
        port: where it is served.
        beside: the second server; its `serve` is not called.
    """

    def __init__(
        self, settings: ControlSettings, application: str, port: int, beside: PortalServer | None = None
    ) -> None:
        super().__init__(
            f"watchword.cli.portal_application:{application}",
            factory=True,
            address=settings.portal_host,
            port=port,
            interface=Interfaces.ASGI,
            # Named, because granian would take a faster one if it is installed.
            loop=Loops.asyncio,
            runtime_mode=RuntimeModes.mt,
            # Not `auto`: to detect the version granian waits for data without a time limit.
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(header_read_timeout=HEADER_MILLISECONDS, max_buffer_size=MAX_HEADER_BYTES),
            # With this many connections granian accepts no further one.
            backpressure=connections_allowed(PORTAL_CONNECTIONS),
            workers=1,
            blocking_threads=1,
            runtime_blocking_threads=PORTAL_THREADS,
            websockets=False,
            # `watchword serve` prints where the portal is; of granian's own messages only warnings matter.
            log_level=LogLevels.warning,
            log_access=False,
            # A worker that dies takes the role down; its supervisor restarts the whole role.
            respawn_failed_workers=False,
            workers_kill_timeout=PORTAL_STOP_SECONDS,
        )
        self._beside = beside

    # What is overridden here has no types in granian.

    def _init_shared_socket(self) -> None:
        super()._init_shared_socket()  # type: ignore[no-untyped-call]
        if self._beside is not None:
            self._beside._init_shared_socket()  # noqa: SLF001 - of this class.

    def _spawn_workers(self, spawn_target: Any, target_loader: Any) -> None:
        beside = None if self._beside is None else self._beside.worker_of(self, spawn_target)
        if beside is not None:
            # Both processes are forked before this one starts threads that wait for them.
            beside.inner.start()
        super()._spawn_workers(spawn_target, target_loader)  # type: ignore[no-untyped-call]
        if beside is not None:
            beside._watch()  # type: ignore[no-untyped-call]  # noqa: SLF001 - what `start` does after the fork.
            self.wrks.append(beside)

    def worker_of(self, main: PortalServer, spawn_target: Any) -> WorkerProcess:
        """The process of this server, which ends with those of `main`; not started yet."""
        worker = self._spawn_worker(main.workers, spawn_target, portal_application.feed)
        worker.parent = main
        return worker


def portal_server(settings: ControlSettings) -> MPServer:
    """The server of pages and feed; `serve` runs it until SIGTERM or SIGINT."""
    feed = None if settings.feed_port is None else PortalServer(settings, "feed", settings.feed_port)
    return PortalServer(settings, "application", settings.portal_port, feed)
