"""What the processes of the portal's server load: logging first, then an ASGI application of the control plane."""

from __future__ import annotations

import asyncio
import atexit
import multiprocessing
import os
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watchword.control.base.asgi import Application
    from watchword.settings.control import ControlSettings

TURN_SECONDS = 5.0


def application() -> Application:
    """The pages, and the feed unless it has a port of its own; called in the process that serves them."""
    control = set_up()
    from watchword.cli.roles import feed_responds, status_of
    from watchword.control.entrance.asgi import application as control_plane
    from watchword.runtime.sd_notify import reporting_to_systemd

    # Granian has set this loop and runs it later.
    loop = asyncio.get_event_loop()

    def is_ready() -> bool:
        own, of_feed = (control.portal_host, control.portal_port), (control.portal_host, control.port_of_feed)
        # Any response will do: a page may need the database, and a restart would not bring that back.
        return status_of(own, "/", control.public_origin) is not None and feed_responds(of_feed)

    def is_alive() -> bool:
        # Not through its own port: while clients hold all connections, systemd would restart the portal repeatedly.
        return turns(loop) and (control.feed_port is None or feed_responds((control.portal_host, control.feed_port)))

    beside = ExitStack()
    atexit.register(beside.close)
    beside.enter_context(reporting_to_systemd(is_ready, is_alive))
    return counted(control_plane, control, control.portal_admin_port, beside)


def feed() -> Application:
    """The feed alone, for a port of its own; called in the process that serves it."""
    control = set_up()
    from watchword.control.entrance.asgi import feed_application

    beside = ExitStack()
    atexit.register(beside.close)
    return counted(feed_application, control, control.feed_admin_port, beside)


def turns(loop: asyncio.AbstractEventLoop) -> bool:
    """True if the event loop runs a new callback within TURN_SECONDS."""
    turned = threading.Event()
    try:
        loop.call_soon_threadsafe(turned.set)
    except RuntimeError:
        return False
    return turned.wait(TURN_SECONDS)


def set_up() -> ControlSettings:
    """Configure logging and the pool of database connections."""
    from watchword.runtime.logging import configure_logging

    configure_logging("portal")
    end_with_parent()
    from django.conf import settings
    from django.db import connections

    from watchword.settings.database import pooled

    pooled(connections.settings["default"])
    control: ControlSettings = settings.WATCHWORD
    return control


def counted(application: Application, control: ControlSettings, port: int | None, beside: ExitStack) -> Application:
    """The same application, with metrics on an admin listener if that has a port."""
    if port is None:
        return application
    from watchword.control.entrance.metrics import PortalMetrics, why_not_ready
    from watchword.runtime.admin_http import listening

    figures = PortalMetrics()
    beside.enter_context(listening(control.admin_host, port, registry=figures.registry, why_not_ready=why_not_ready))
    return figures.counting(application)


def end_with_parent() -> None:
    """End this process when its parent ends, even by SIGKILL.

    It would keep the port and answer requests, and no new portal could start.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait_for_end() -> None:
        parent.join()
        # At once: no process waits for a graceful end, and the database rolls an open transaction back.
        os._exit(1)

    threading.Thread(target=wait_for_end, name="parent-watch", daemon=True).start()
