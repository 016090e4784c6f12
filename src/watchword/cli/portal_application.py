"""What the portal's server process loads: logging first, then the control plane's ASGI application."""

from __future__ import annotations

from typing import Any


def application() -> Any:
    """The ASGI application, made inside the server's own worker process."""
    from watchword.cli.process_logging import configure_logging

    configure_logging("portal")
    from watchword.control.asgi import application as control_plane

    return control_plane
