"""What the portal's server process loads: logging first, then the control plane's ASGI application."""

from __future__ import annotations

import atexit
from contextlib import ExitStack
from typing import Any


def application() -> Any:
    """The ASGI application, made inside the server's own worker process, with the admin listener beside it."""
    from watchword.cli.process_logging import configure_logging

    configure_logging("portal")
    from django.conf import settings

    from watchword.control.asgi import application as control_plane
    from watchword.control.figures import PortalFigures, why_not_ready

    port = settings.WATCHWORD.portal_admin_port
    if port is None:
        return control_plane
    from watchword.admin import listening

    figures = PortalFigures()
    listener = ExitStack()
    listener.enter_context(
        listening(settings.WATCHWORD.admin_host, port, registry=figures.registry, why_not_ready=why_not_ready)
    )
    atexit.register(listener.close)
    return figures.counting(control_plane)
