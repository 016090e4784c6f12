"""The worker: fetches the key sets that are due, a few at a time, until it is stopped."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import structlog
from django.db import DatabaseError, connections
from django.utils import timezone

from watchword.control.base.fetch_policy import fetch_policy
from watchword.control.identity.sign_in_link_commands import purge as purge_people
from watchword.control.servers import key_set_commands, rotation_commands
from watchword.control.servers.key_set_commands import RefreshSettings
from watchword.control.servers.shown_location import on_one_line
from watchword.jwks.probe import probe
from watchword.runtime.outages import Outage
from watchword.worker.background import keeping_the_audit_log, watching_the_usage
from watchword.worker.metrics import NOT_RECORDED, WorkerMetrics

if TYPE_CHECKING:
    from watchword.control.servers.key_set_commands import Claim
    from watchword.jwks.findings import Findings
    from watchword.jwks.probe import FetchPolicy
    from watchword.settings.control import ControlSettings

POLL_SECONDS: Final = 0.1
"""As often as the feed looks for changes: a request may wait for the fetch that its unknown key has caused."""

ANSWERING_AT_ONCE: Final = 12
"""Fetches at the same time of key sets whose last fetch was good. If 600 of 1,000 servers begin to hang for 5 s each,
twelve slots still finish a round in 250 s, within the interval of the other 400 (M-13)."""

FAILING_AT_ONCE: Final = 12
"""Of key sets whose last fetch failed. No matter how many hang and how often tokens or people make them due, they use
only these slots; 600 of them are fetched as often as their retries, at most every 300 s, are due."""

_PURGE_SECONDS: Final = 60.0

_log = structlog.get_logger("watchword.worker")


class Fetch(Protocol):
    """The signature of `jwks.probe.probe`."""

    def __call__(
        self,
        location: str,
        *,
        verify_certificate: bool,
        ca_bundle: str | None,
        policy: FetchPolicy,
        etag: str | None,
    ) -> Findings: ...


def run(settings: ControlSettings, stop: threading.Event, metrics: WorkerMetrics | None = None) -> None:
    """Work until `stop` is set, then finish the fetches under way (at most about 5 s) and return."""
    with keeping_the_audit_log(settings.audit_kept_days, stop), watching_the_usage(settings.usage_kept_days, stop):
        Worker(
            policy=fetch_policy(settings),
            refresh=RefreshSettings(interval=settings.refresh_interval, hard_limit=settings.keys_hard_limit),
            metrics=metrics,
        ).run(stop)


class FetchSlots:
    """Taken by the loop alone, released by the threads of its pool."""

    def __init__(self, *, answering: int = ANSWERING_AT_ONCE, failing: int = FAILING_AT_ONCE) -> None:
        self._lock = threading.Lock()
        self._free = {False: answering, True: failing}

    def free(self, *, failing: bool) -> int:
        """How many fetches of that kind can begin now."""
        return self._free[failing]

    def take(self, claim: Claim) -> None:
        self._add(claim, -1)

    def release(self, claim: Claim) -> None:
        self._add(claim, 1)

    def _add(self, claim: Claim, slots: int) -> None:
        with self._lock:
            self._free[claim.failing] += slots


class Worker:
    """One worker process. Any number of them may run against one database; leases keep them apart."""

    def __init__(
        self,
        *,
        policy: FetchPolicy,
        refresh: RefreshSettings,
        fetch: Fetch = probe,
        metrics: WorkerMetrics | None = None,
    ) -> None:
        self.holder = f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._fetch = fetch
        self._policy = policy
        self._refresh = refresh
        self._metrics = WorkerMetrics() if metrics is None else metrics
        self._slots = FetchSlots()
        self._purged_at = -_PURGE_SECONDS
        self._claiming = Outage(_log, "nothing_claimed", over="claiming_again")
        self._recording = Outage(_log, "key_sets_not_recorded", over="recording_again")

    def run(self, stop: threading.Event) -> None:
        """Claim and fetch until `stop` is set. No fault of a server or of the database ends the loop."""
        _log.info("worker_started", holder=self.holder)
        threads = ANSWERING_AT_ONCE + FAILING_AT_ONCE
        with ThreadPoolExecutor(max_workers=threads, thread_name_prefix="fetch") as pool:
            while not stop.is_set():
                self._begin_due_fetches(pool)
                self._metrics.turned()
                stop.wait(POLL_SECONDS)
        connections.close_all()
        _log.info("worker_stopped", holder=self.holder)

    def refresh(self, claim: Claim) -> None:
        """Fetch one key set and record what was found. Runs in a thread of the pool."""
        started, outcome = time.monotonic(), NOT_RECORDED
        try:
            recorded, problem = self._fetch_and_record(claim)
            outcome = recorded.value
            self._recording.succeeded()
            _log.info(
                "key_set_fetched",
                organization=claim.organization_id,
                server=str(claim.server_id),
                location=on_one_line(claim.location),
                outcome=outcome,
                problem=problem,
                milliseconds=round((time.monotonic() - started) * 1000),
            )
        except DatabaseError as error:
            # The lease expires, and then the fetch is repeated.
            self._recording.failed(**_fault(error))
        except Exception as error:  # noqa: BLE001 - one server's trouble never reaches another's fetch.
            _log.error("key_set_not_recorded", server=str(claim.server_id), **_fault(error))
        finally:
            self._metrics.fetched(outcome, time.monotonic() - started)
            connections.close_all()

    def _fetch_and_record(self, claim: Claim) -> tuple[key_set_commands.Recorded, str | None]:
        try:
            findings = self._fetch(
                claim.location,
                verify_certificate=claim.verify_certificate,
                ca_bundle=claim.ca_bundle,
                policy=self._policy,
                etag=claim.etag,
            )
        except Exception as error:  # noqa: BLE001 - every fault is recorded.
            # A fault of ours. It is noted with the key set like any failure, so that the page shows it and the next
            # attempt waits its turn, instead of this server being fetched in a circle.
            _log.error("probe_failed", server=str(claim.server_id), **_fault(error))
            recorded = key_set_commands.record_fault(claim, timezone.now(), self._refresh)
            return recorded, key_set_commands.FAULT_OF_OURS
        recorded = key_set_commands.record_findings(claim, findings, timezone.now(), self._refresh)
        return recorded, findings.problem.code if findings.problem else None

    def _begin_due_fetches(self, pool: ThreadPoolExecutor) -> None:
        """Fill the free slots with due fetches."""
        claims: list[Claim] = []
        try:
            self._purge_now_and_then()
            claims = key_set_commands.claim_due(
                self.holder,
                timezone.now(),
                self._slots.free(failing=False),
                failing_limit=self._slots.free(failing=True),
            )
        except Exception as error:  # noqa: BLE001 - the loop outlives the database.
            self._claiming.failed(**_fault(error))
            # The connection may be broken; the next attempt gets a new one.
            connections.close_all()
        else:
            self._claiming.succeeded()
        for claim in claims:
            self._slots.take(claim)
            pool.submit(self._refresh_in_slot, claim)

    def _refresh_in_slot(self, claim: Claim) -> None:
        try:
            self.refresh(claim)
        finally:
            self._slots.release(claim)

    def _purge_now_and_then(self) -> None:
        if time.monotonic() - self._purged_at >= _PURGE_SECONDS:
            now = timezone.now()
            key_set_commands.purge_validations(now)
            rotation_commands.purge_history(now)
            purge_people(now)
            self._purged_at = time.monotonic()


def _fault(error: Exception) -> dict[str, str]:
    """The fields of a log line about a fault: its kind and place. Its text may hold a row of the database, or a URL."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return {"fault": type(error).__name__, "at": f"{Path(frame.filename).name}:{frame.lineno}"}
