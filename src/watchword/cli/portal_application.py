"""What the portal's server process loads: logging first, then the control plane's ASGI application."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import threading
from contextlib import ExitStack
from http import HTTPStatus
from typing import Any


def application() -> Any:
    """The ASGI application, made inside the server's own worker process, and what watches over it beside it."""
    from watchword.cli.process_logging import configure_logging
    from watchword.cli.roles import answers

    configure_logging("portal")
    end_with_parent()
    from django.conf import settings
    from django.db import connections

    from watchword.settings.database import pooled

    pooled(connections.settings["default"])
    from watchword.control.asgi import application as control_plane
    from watchword.service_manager import told

    control, beside = settings.WATCHWORD, ExitStack()
    atexit.register(beside.close)

    def is_up() -> bool:
        # The feed refuses who has no credential before it opens the database, whose absence no restart would mend.
        return answers((control.portal_host, control.portal_port), "/feed/v1/changes") == HTTPStatus.UNAUTHORIZED

    beside.enter_context(told(is_up, is_up))
    if control.portal_admin_port is None:
        return control_plane
    from watchword.admin import listening
    from watchword.control.figures import PortalFigures, why_not_ready

    figures = PortalFigures()
    beside.enter_context(
        listening(control.admin_host, control.portal_admin_port, registry=figures.registry, why_not_ready=why_not_ready)
    )
    return figures.counting(control_plane)


def end_with_parent() -> None:
    """End this process when the one that started it is gone, be it by SIGKILL.

    It would hold the port and answer on, and no new portal could start.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait_for_end() -> None:
        parent.join()
        # Nothing graceful: who would wait for it is gone, and an open transaction is undone.
        os._exit(1)

    threading.Thread(target=wait_for_end, name="parent-watch", daemon=True).start()
