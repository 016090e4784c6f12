"""Which version and build runs here."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
from typing import Literal


def kernel_kind() -> Literal["interpreted", "compiled"]:
    """Found out without loading the kernel, so that `watchword --version` is quick."""
    kernel = importlib.util.find_spec("watchword.core.verify")
    is_source = kernel is None or kernel.origin is None or kernel.origin.endswith(".py")
    return "interpreted" if is_source else "compiled"


def log_start(role: str) -> None:
    """The first line of a role's log, so that every later line can be read with the version that wrote it."""
    import structlog

    structlog.get_logger(f"watchword.{role}").info(
        f"{role}_starting",
        version=importlib.metadata.version("watchword"),
        python=platform.python_version(),
        kernel=kernel_kind(),
    )
