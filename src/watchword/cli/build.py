"""Which version runs here."""

from __future__ import annotations

import importlib.metadata
import platform


def log_start(role: str) -> None:
    """The first line of a role's log, so that every later line can be read with the version that wrote it."""
    import structlog

    structlog.get_logger(f"watchword.{role}").info(
        f"{role}_starting",
        version=importlib.metadata.version("watchword"),
        python=platform.python_version(),
    )
