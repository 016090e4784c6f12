"""Which threads wait for their turn on a core."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from kit import live
from kit.feed_server import feed_server
from kit.verifier_process import verifier_process
from watchword.verifier.cpu_scheduling import batch_scheduled

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.skipif(sys.platform != "linux", reason="SCHED_BATCH is Linux' own"),
]


def in_a_thread(work: Callable[[], T]) -> T:
    """A policy belongs to one thread: what is tried here must not stay with the one that runs the tests."""
    results: list[T] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    thread.join()
    return results[0]


def policy() -> int:
    return os.sched_getscheduler(0)


def test_what_is_started_meanwhile_waits_and_who_starts_it_does_not() -> None:
    def started() -> tuple[int, int, int]:
        before = policy()
        with batch_scheduled():
            inside = in_a_thread(policy)
        return before, inside, policy()

    assert in_a_thread(started) == (os.SCHED_OTHER, os.SCHED_BATCH, os.SCHED_OTHER)


def test_it_does_not_wait_after_a_failure_either() -> None:
    def failed() -> int:
        with pytest.raises(ZeroDivisionError), batch_scheduled():
            raise ZeroDivisionError
        return policy()

    assert in_a_thread(failed) == os.SCHED_OTHER


def test_a_policy_that_somebody_chose_stays() -> None:
    def chosen() -> tuple[int, int]:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        with batch_scheduled():
            inside = in_a_thread(policy)
        return inside, policy()

    assert in_a_thread(chosen) == (os.SCHED_IDLE, os.SCHED_IDLE)


def test_where_it_is_forbidden_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", forbidden)
    with batch_scheduled():
        assert policy() == os.SCHED_OTHER


def test_where_there_is_no_such_policy_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "SCHED_BATCH")
    with batch_scheduled():
        assert policy() == os.SCHED_OTHER


def test_the_threads_that_answer_wait_and_those_of_the_feed_do_not(tmp_path: Path) -> None:
    with feed_server() as feed, verifier_process(tmp_path, feed_port=feed.port) as verifier:
        feed.publish(live.trust())
        verifier.ask(live.token())
        assert verifier.child is not None
        tasks = Path(f"/proc/{verifier.child.pid}/task").iterdir()
        policies = {int(task.name): os.sched_getscheduler(int(task.name)) for task in tasks}
    # Granian's reactor and the thread in which it calls Python.
    assert list(policies.values()).count(os.SCHED_BATCH) >= 2
    assert policies[verifier.child.pid] == os.SCHED_OTHER
    assert list(policies.values()).count(os.SCHED_OTHER) >= 6
