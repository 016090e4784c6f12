"""Faults of one verifier: late, repeated and reordered feed pages; kills while it writes; a full disk.

The oracle is `kit.ratchet`, which knows without a clock what each answer must be.
"""

from __future__ import annotations

import random
import resource
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pytest

from kit.feed_proxy import FeedProxy, feed_proxy
from kit.feed_server import feed_server
from kit.processes import wait_until
from kit.ratchet import Ratchet, turning, watched
from kit.soak import length
from kit.verifier_process import VerifierProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(300), pytest.mark.soak]

BAD_DAYS = ("late", "twice", "", "", "torn", "late", "gone", "500", "", "older", "late", "")
"""Few of them out of order: after a document that it refuses, the verifier rests for 5 s."""

KILLS = length(3, 12)
LONGEST_LIFE = 0.6


@dataclass
class Site:
    """A verifier that has asked a feed through a proxy."""

    ratchet: Ratchet
    proxy: FeedProxy
    verifier: VerifierProcess


@pytest.fixture(autouse=True)
def short_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """A feed without changes answers after a second, so that tests need not wait longer."""
    monkeypatch.setattr("kit.feed_server.LONGEST_WAIT", 1.0)


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        feed = stack.enter_context(feed_server())
        proxy = stack.enter_context(feed_proxy(feed.port))
        verifier = VerifierProcess(folder, feed_port=proxy.port)
        stack.callback(verifier.stop)
        ratchet = Ratchet(feed, verifier)
        verifier.start()
        yield Site(ratchet, proxy, verifier)


def test_late_repeated_and_reordered_pages_make_no_wrong_decision(tmp_path: Path) -> None:
    with site(tmp_path) as running:
        with watched(running.ratchet), turning(running.ratchet):
            running.proxy.plays(*BAD_DAYS)
            wait_until(lambda: not running.proxy.script, what="all bad days are over", timeout=120)
        running.ratchet.catches_up()
        running.ratchet.look_at_all()
        assert running.ratchet.wrong == []
        # The reordered responses did reach it.
        assert "document_refused" in running.verifier.log()


def test_verifier_killed_while_writing_starts_from_a_whole_copy(tmp_path: Path) -> None:
    with site(tmp_path) as running:
        ratchet, verifier = running.ratchet, running.verifier
        for _ in range(KILLS):
            more = partial(ratchet.has_seen_more_than, ratchet.seen)
            with watched(ratchet), turning(ratchet):
                wait_until(more, what="another suspension in force", timeout=60)
                time.sleep(random.uniform(0, LONGEST_LIFE))  # noqa: S311 - a moment, not a secret.
                assert verifier.child is not None
                verifier.child.kill()
            running.proxy.cut = True
            # It is ready by its copy alone, and refuses what it refused before.
            verifier.start()
            ratchet.look()
            for number in range(1, ratchet.seen + 1):
                ratchet.look_at(number)
            running.proxy.cut = False
        ratchet.catches_up()
        assert ratchet.wrong == []
        assert "snapshot_copy_damaged" not in verifier.log()


def test_full_disk_delays_no_suspension_and_is_caught_up(tmp_path: Path) -> None:
    with site(tmp_path) as running:
        ratchet, verifier = running.ratchet, running.verifier
        assert verifier.child is not None
        with watched(ratchet), turning(ratchet):
            wait_until(lambda: ratchet.seen > 0, what="suspensions are in force", timeout=60)
            # No file may grow any more, its log included. To a process this is a full disk, and it needs no root.
            limits = resource.prlimit(verifier.child.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
            full = ratchet.published
            wait_until(lambda: ratchet.seen > full + 5, what="suspensions go on to be in force", timeout=60)
        ratchet.catches_up()
        assert not copy_is_current(verifier)
        resource.prlimit(verifier.child.pid, resource.RLIMIT_FSIZE, limits)
        # Nothing new is published, and the copy still catches up with the decisions.
        wait_until(lambda: copy_is_current(verifier), what="the copy is written", timeout=60)
        verifier.child.kill()
        running.proxy.cut = True
        verifier.start()
        ratchet.look_at_all()
        assert ratchet.wrong == []


def copy_is_current(verifier: VerifierProcess) -> bool:
    return b"watchword_verifier_copy_behind 0.0" in verifier.admin("/metrics").body
