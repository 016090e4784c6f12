"""The verifier's /livez, /readyz and /metrics. It is ready when it can decide and gateways can connect to it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from watchword.runtime.admin_http import listening

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client import CollectorRegistry

    from watchword.verifier.listeners.gateway_port import GatewayPort
    from watchword.verifier.snapshot import CurrentSnapshot


@contextmanager
def admin_listener(
    host: str,
    port: int,
    *,
    registry: CollectorRegistry,
    current: CurrentSnapshot,
    gateway_port: GatewayPort,
    clock: Callable[[], float] = time.time,
) -> Iterator[None]:
    """Answer while the block runs.

    Raises:
        OSError: the port is in use.
    """

    def why_not_ready() -> str | None:
        why_not = current.why_not_ready(clock())
        return "The gateway port is closed." if why_not is None and not gateway_port.is_open else why_not

    with listening(
        host,
        port,
        registry=registry,
        why_not_ready=why_not_ready,
        warning=lambda: current.warning(clock()),
    ):
        yield
