"""What each role does in its own process until SIGTERM or SIGINT."""

from __future__ import annotations

import http
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from watchword.cli.control_plane import open_migrated_control_plane
from watchword.cli.roles import connectable, status_of
from watchword.cli.start_checks import (
    control_checks,
    portal_checks,
    portal_ports,
    require,
    require_free,
    verifier_checks,
    verifier_ports,
    worker_ports,
)
from watchword.cli.supervisor import stop_when_abandoned
from watchword.runtime.logging import configure_logging, log_start
from watchword.runtime.sd_notify import notify_stopping, reporting_to_systemd
from watchword.runtime.shutdown import stop_on_signals

if TYPE_CHECKING:
    from watchword.settings.verifier import VerifierSettings

ALIVE_SECONDS = 5.0


def run_portal() -> None:
    """Serve the Admin Portal and the feed."""
    configure_logging("portal")
    log_start("portal")
    settings = open_migrated_control_plane()
    require(portal_checks(settings))
    require_free(portal_ports(settings))
    from watchword.cli.portal_server import portal_server

    server = portal_server(settings)
    stop_when_abandoned()
    # No thread may run here before the server has forked its worker: a lock that it holds at that moment is held in the
    # worker for ever. So the worker itself tells the service manager how it does (portal_application.py).
    server.serve()
    notify_stopping()


def run_worker() -> None:
    """Refresh key sets that are due."""
    configure_logging("worker")
    log_start("worker")
    settings = open_migrated_control_plane()
    require(control_checks(settings))
    require_free(worker_ports(settings))
    from watchword.runtime.admin_http import listening
    from watchword.runtime.metrics import CertificateExpiry
    from watchword.worker.loop import run
    from watchword.worker.metrics import WorkerMetrics

    metrics = WorkerMetrics()

    def is_well() -> bool:
        return metrics.why_not_ready() is None

    with stop_on_signals() as stop, ExitStack() as stack:
        stop_when_abandoned()
        files = {"jwks_ca_file": settings.jwks_ca_file}
        metrics.registry.register(CertificateExpiry("worker", files))
        host, port = settings.admin_host, settings.worker_admin_port
        if port is not None:
            stack.enter_context(listening(host, port, registry=metrics.registry, why_not_ready=metrics.why_not_ready))
        stack.enter_context(reporting_to_systemd(is_well, is_well))
        run(settings, stop, metrics)


def run_verifier(**flags: Any) -> None:
    """Answer gateways. Knows nothing of the control plane but the feed's address."""
    configure_logging("verifier")
    log_start("verifier")
    from watchword.settings.load import load_verifier_settings
    from watchword.verifier.listeners.http import serve

    settings = load_verifier_settings(**flags)
    require(verifier_checks(settings))
    require_free(verifier_ports(settings))

    def is_ready() -> bool:
        return status_of((settings.admin_host, settings.admin_port), "/readyz") == http.HTTPStatus.OK

    with stop_on_signals() as stop, reporting_to_systemd(is_ready, lambda: verifier_is_alive(settings)):
        stop_when_abandoned()
        serve(settings, stop)


def verifier_is_alive(settings: VerifierSettings) -> bool:
    """True if it answers gateways, or its probe says that it cannot decide, which a restart would not change."""
    if responds(settings.host, settings.port):
        return True
    return status_of((settings.admin_host, settings.admin_port), "/readyz") == http.HTTPStatus.SERVICE_UNAVAILABLE


def responds(host: str, port: int) -> bool:
    """True if a server reads a request and responds in any way, such as that it expects TLS."""
    try:
        with socket.create_connection((connectable(host), port), timeout=ALIVE_SECONDS) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: watchdog\r\nConnection: close\r\n\r\n")
            connection.recv(1)
    except ConnectionResetError:
        return True
    except OSError:
        return False
    return True
