"""The worker and API calls: it applies thresholds that are not applied yet, and purges."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.utils import timezone
from structlog.testing import capture_logs

from kit import people
from kit.people import NOW
from kit.processes import wait_until
from kit.usage import CountingVerifier, batch, line
from watchword.control.activity.models import DailyCalls
from watchword.control.organizations.models import Suspension
from watchword.settings.base import SettingsProblem
from watchword.settings.control import ControlSettings
from watchword.settings.load import load_control_settings
from watchword.worker import background
from watchword.worker.background import purge_usage_once, review_once, watching_the_usage
from watchword.worker.loop import run

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committing")]


def count(calls: int) -> None:
    """Calls that were added up, while the portal process was killed before it looked at the threshold."""
    people.organization("acme")
    now = timezone.now()
    CountingVerifier().apply(now, batch(1, line(now, calls)))


def test_worker_reviews_a_threshold_that_a_killed_portal_did_not() -> None:
    count(1001)
    with capture_logs() as logs:
        review_once(timezone.now())
        review_once(timezone.now())

    assert Suspension.objects.get().started_by == "system"
    assert [(entry["event"], entry["organizations"]) for entry in logs] == [("thresholds_reviewed", 1)]


def test_old_counts_are_purged_until_the_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "USAGE_BATCH", 1)
    count(1)
    stop = threading.Event()
    stop.set()
    purge_usage_once(31, stop, NOW + timedelta(days=20))
    assert DailyCalls.objects.exists()
    purge_usage_once(31, stop, NOW + timedelta(days=40))

    assert not DailyCalls.objects.exists()


def test_usage_thread_survives_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "REVIEW_SECONDS", 0.02)
    original, faults = background.review_once, iter([RuntimeError("x")])

    def review_or_fail(now: object) -> None:
        fault = next(faults, None)
        if fault is not None:
            raise fault
        original(now)  # type: ignore[arg-type]

    monkeypatch.setattr(background, "review_once", review_or_fail)
    count(1001)
    stop = threading.Event()
    with capture_logs() as logs, watching_the_usage(31, stop):
        wait_until(Suspension.objects.exists, what="Acme is suspended", timeout=30)

    assert stop.is_set()
    assert {"event": "usage_not_watched", "fault": "RuntimeError", "log_level": "error"} in logs


def test_running_worker_reviews_thresholds() -> None:
    count(1001)
    stop = threading.Event()
    thread = threading.Thread(target=run, args=[ControlSettings(), stop])
    thread.start()
    try:
        wait_until(Suspension.objects.exists, what="Acme is suspended", timeout=30)
    finally:
        stop.set()
        thread.join(timeout=30)
    assert not thread.is_alive()


def test_a_month_is_kept_unless_the_settings_say_otherwise() -> None:
    assert ControlSettings().usage_kept_days == 31
    assert load_control_settings(usage_kept_days=2).usage_kept_days == 2
    with pytest.raises(SettingsProblem, match="usage_kept_days"):
        load_control_settings(usage_kept_days=1)
