"""Builds a verifier from its settings: the copy on disk, the feed, usage, metrics and the threads that run them."""

from __future__ import annotations

import secrets
import threading
import time
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import structlog

from watchword.runtime.admin_http import listening
from watchword.runtime.metrics import new_registry
from watchword.verifier.app import Verifier
from watchword.verifier.disk.copy import CopyDamaged, DiskCopy
from watchword.verifier.feed_client.follower import FeedClient, report_unknown_keys
from watchword.verifier.feed_client.http import Credential, FeedOverHttp
from watchword.verifier.metrics import FeedCollector, VerifierCollector
from watchword.verifier.snapshot import CurrentSnapshot
from watchword.verifier.token_cache import TokenCache
from watchword.verifier.unknown_keys import UnknownKeys
from watchword.verifier.usage.backlog import Backlog
from watchword.verifier.usage.counting import Usage
from watchword.verifier.usage.journal import Journal
from watchword.verifier.usage.sender import UsageSender

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from prometheus_client import CollectorRegistry
    from prometheus_client.registry import Collector

    from watchword.feed import Snapshot
    from watchword.settings.verifier import VerifierSettings
    from watchword.verifier.listeners.gateway_port import GatewayPort

FLUSH_SECONDS: Final = 8.0
"""How long a graceful stop waits until the last counts are sent: one batch without an answer, and one more."""

_PORT_CLOSED = "the gateway port stays closed until the feed answers"

_log = structlog.get_logger("watchword.verifier")


@contextmanager
def assembled(settings: VerifierSettings, gateway_port: GatewayPort, *collectors: Collector) -> Iterator[Verifier]:
    """Load the copy on disk, follow the feed and answer health checks while the block runs.

    Raises:
        SettingsProblem: there is no usable credential or CA file.
        OSError: the admin port is in use.
    """
    current = CurrentSnapshot(hard_limit=settings.snapshot_hard_limit, soft_limit=settings.snapshot_soft_limit)
    disk = DiskCopy(settings.state_file)
    base = _start_from(disk, current)
    feed = _feed_of(settings)
    # Each is written by one thread only.
    usage, late_usage, unknown_keys = Usage(), Usage(), UnknownKeys()
    token_cache = TokenCache(settings.token_cache_bytes)
    verifier = Verifier(
        current=current,
        usage=usage,
        late_usage=late_usage,
        unknown_keys=unknown_keys,
        token_cache=token_cache,
        limits=settings.limits,
        max_scope=settings.scope_max_characters,
        cloud_name=settings.cloud_name or "",
    )
    backlog = Backlog(node=settings.node, boot=secrets.token_hex(16))
    journal = Journal(settings.state_file.with_name("usage.json"))
    sender = UsageSender(intake=feed, usages=(usage, late_usage), backlog=backlog, journal=journal)
    current.on_swap += (verifier.pending_requests.wake, gateway_port.wake)
    client = FeedClient(feed=feed, current=current, disk=disk, base=base)
    registry = new_registry("verifier")
    for collector in (
        VerifierCollector(outcomes=(usage, late_usage), current=current, feed=client, token_cache=token_cache),
        FeedCollector(current=current, disk=disk),
        feed.clock_skew,
        *collectors,
    ):
        registry.register(collector)
    stop = threading.Event()
    with admin_listener(
        settings.admin_host, settings.admin_port, registry=registry, current=current, gateway_port=gateway_port
    ):
        # Daemon threads: a feed request that the control plane holds for 20 s must not delay the end of the process.
        _start_thread("feed", client.run, stop)
        _start_thread("unknown-keys", report_unknown_keys, feed, unknown_keys, stop)
        _start_thread("pending-requests", verifier.pending_requests.run, stop)
        _start_thread("token-cache", token_cache.run, stop)
        sending = _start_thread("usage", sender.run, stop)
        try:
            yield verifier
        finally:
            stop.set()
            sending.join(FLUSH_SECONDS)


def admin_listener(
    host: str,
    port: int,
    *,
    registry: CollectorRegistry,
    current: CurrentSnapshot,
    gateway_port: GatewayPort,
    clock: Callable[[], float] = time.time,
) -> AbstractContextManager[None]:
    """Serve /livez, /readyz and /metrics. The verifier is ready when it can decide and gateways can connect to it.

    Raises:
        OSError: the port is in use.
    """

    def why_not_ready() -> str | None:
        why_not = current.why_not_ready(clock())
        return "The gateway port is closed." if why_not is None and not gateway_port.is_open else why_not

    return listening(
        host, port, registry=registry, why_not_ready=why_not_ready, warning=lambda: current.warning(clock())
    )


def _start_from(disk: DiskCopy, current: CurrentSnapshot) -> Snapshot | None:
    """Decide by the copy. A copy that is behind is returned instead, so that the feed continues it first."""
    try:
        copy = disk.load(now=time.time())
    except CopyDamaged as damaged:
        _log.error("snapshot_copy_damaged", problem=str(damaged), consequence=_PORT_CLOSED)
        return None
    if copy is None:
        return None
    if copy.behind:
        _log.error("snapshot_copy_behind", revision=copy.snapshot.revision, consequence=_PORT_CLOSED)
        return copy.snapshot
    current.swap(copy.snapshot, heard_at=copy.heard_at)
    _log.info("snapshot_copy_loaded", revision=copy.snapshot.revision)
    return None


def _feed_of(settings: VerifierSettings) -> FeedOverHttp:
    return FeedOverHttp(
        origin=settings.feed_url,
        credential=Credential(settings.read_credential),
        node=settings.node,
        version=version("watchword"),
        ca_file=settings.feed_ca_file,
    )


def _start_thread(name: str, run: Callable[..., None], *arguments: Any) -> threading.Thread:
    thread = threading.Thread(target=run, args=arguments, name=name, daemon=True)
    thread.start()
    return thread
