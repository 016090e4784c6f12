"""The verifier's /livez, /readyz and /metrics: ready is who can decide."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from watchword.admin import listening

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client import CollectorRegistry

    from watchword.verifier.snapshot import CurrentSnapshot


@contextmanager
def admin_listener(
    host: str,
    port: int,
    *,
    registry: CollectorRegistry,
    current: CurrentSnapshot,
    clock: Callable[[], float] = time.time,
) -> Iterator[None]:
    """Answer while the block runs.

    Raises:
        OSError: the port is in use.
    """
    with listening(
        host,
        port,
        registry=registry,
        why_not_ready=lambda: current.why_not_ready(clock()),
        warning=lambda: current.warning(clock()),
    ):
        yield
