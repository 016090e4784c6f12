"""What the worker does for the audit log: it purges, it verifies, and it never ends by a fault."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from structlog.testing import capture_logs

from kit.audit_events import all_rights, write_aged
from kit.people import NOW
from watchword.control.audit.chain import verify_chain
from watchword.control.audit.models import AuditCheckpoint, AuditEvent
from watchword.settings.base import SettingsProblem
from watchword.settings.control import ControlSettings
from watchword.settings.load import load_control_settings
from watchword.worker import background
from watchword.worker.background import keep_audit_log_once, keeping_the_audit_log
from watchword.worker.loop import run

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committing")]


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def test_old_events_are_purged_and_the_rest_is_verified() -> None:
    write_aged(200, 190, 183, 1)
    keep_audit_log_once(184, threading.Event(), NOW)
    assert [event.target for event in AuditEvent.objects.order_by("sequence")[:2]] == ["183 days old", "1 days old"]
    state = AuditCheckpoint.objects.get()
    assert (state.sequence, state.fault, state.verified_at) == (5, None, NOW)
    assert verify_chain() is None


def test_events_are_purged_by_whole_days() -> None:
    midnight = NOW.replace(hour=0, minute=0, second=0)
    write_aged(31, 30, 1)
    keep_audit_log_once(30, threading.Event(), midnight + timedelta(hours=23, minutes=59))
    assert [event.target for event in AuditEvent.objects.order_by("sequence")[:1]] == ["30 days old"]
    count = AuditEvent.objects.count()
    keep_audit_log_once(30, threading.Event(), midnight + timedelta(hours=23, minutes=59))
    assert AuditEvent.objects.count() == count


def test_purge_continues_in_batches_until_the_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "AUDIT_BATCH", 1)
    write_aged(200, 199, 198, 1)
    stop = threading.Event()
    stop.set()
    with capture_logs() as logs:
        keep_audit_log_once(184, stop, NOW)
        keep_audit_log_once(184, threading.Event(), NOW)
    assert [line["events"] for line in logs if line["event"] == "audit_events_purged"] == [3]


def test_a_broken_chain_is_an_error_in_the_log() -> None:
    write_aged(3, 2, 1)
    with all_rights():
        AuditEvent.objects.filter(sequence=2).update(actor="bob@acme.example")
    with capture_logs() as logs:
        keep_audit_log_once(184, threading.Event(), NOW)
    assert {"event": "audit_chain_broken", "fault": "Event 2 was changed.", "log_level": "error"} in logs


def test_audit_log_thread_survives_missing_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "AUDIT_SECONDS", 0.02)
    rename("audit_auditcheckpoint", "away")
    stop = threading.Event()
    with capture_logs() as logs, keeping_the_audit_log(184, stop):
        try:
            eventually(lambda: "audit_log_not_kept" in {line["event"] for line in logs})
        finally:
            rename("away", "audit_auditcheckpoint")
        eventually(AuditCheckpoint.objects.exists)
    assert stop.is_set()


def rename(table: str, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER TABLE "{table}" RENAME TO "{name}"')


def test_running_worker_keeps_the_audit_log() -> None:
    write_aged(200, 1)
    stop = threading.Event()
    thread = threading.Thread(target=run, args=[ControlSettings(), stop])
    thread.start()
    eventually(AuditCheckpoint.objects.exists)
    stop.set()
    thread.join(timeout=30)
    assert not thread.is_alive()
    assert not AuditEvent.objects.filter(sequence=1).exists()


def test_six_months_are_kept_unless_the_settings_say_otherwise() -> None:
    assert ControlSettings().audit_kept_days == 184
    assert load_control_settings(audit_kept_days=30).audit_kept_days == 30
    with pytest.raises(SettingsProblem, match="audit_kept_days"):
        load_control_settings(audit_kept_days=29)
