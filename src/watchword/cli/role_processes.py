"""What one role does in its own process. Each returns when SIGTERM or SIGINT asked it to."""

from __future__ import annotations

from typing import Any

from watchword.cli.control_plane import open_migrated_control_plane
from watchword.cli.process_logging import configure_logging
from watchword.cli.supervisor import stop_when_abandoned
from watchword.stopping import stop_on_signals

# Below the 10 s after which a stop by `watchword serve`, systemd or a container platform turns to force.
PORTAL_STOP_SECONDS = 5
# Django's views are synchronous and wait for the database; long polls of verifiers hold no thread.
PORTAL_THREADS = 8


def run_portal() -> None:
    """Serve the Admin Portal and the feed."""
    configure_logging("portal")
    settings = open_migrated_control_plane()
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server import Server

    server = Server(
        "watchword.cli.portal_application:application",
        factory=True,
        address=settings.portal_host,
        port=settings.portal_port,
        interface=Interfaces.ASGI,
        workers=1,
        blocking_threads=1,
        runtime_blocking_threads=PORTAL_THREADS,
        websockets=False,
        # `watchword serve` says where the portal is; what granian has to say beyond that is trouble.
        log_level=LogLevels.warning,
        log_access=False,
        # A worker that dies takes the role down; whoever supervises it starts it whole, with back-off.
        respawn_failed_workers=False,
        workers_kill_timeout=PORTAL_STOP_SECONDS,
    )
    stop_when_abandoned()
    server.serve()


def run_worker() -> None:
    """Refresh key sets that are due."""
    configure_logging("worker")
    open_migrated_control_plane()
    from django.conf import settings

    from watchword.worker.loop import run

    with stop_on_signals() as stop:
        stop_when_abandoned()
        run(settings.WATCHWORD, stop)


def run_verifier(**flags: Any) -> None:
    """Answer gateways. Knows nothing of the control plane but the feed's address."""
    configure_logging("verifier")
    from watchword.verifier.config import load_settings
    from watchword.verifier.server import serve

    settings = load_settings(**flags)
    settings.read_credential()
    with stop_on_signals() as stop:
        stop_when_abandoned()
        serve(settings, stop)
