from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from kit import acme, forge
from kit.feed_server import FeedServer
from watchword.feed import encode_page
from watchword.verifier import feed_client
from watchword.verifier.disk import DiskCopy
from watchword.verifier.feed_client import FeedClient, report_unknown_keys
from watchword.verifier.feed_http import CredentialRefused, FeedUnavailable
from watchword.verifier.snapshot import CurrentSnapshot
from watchword.verifier.unknown_keys import UnknownKeys

if TYPE_CHECKING:
    from pathlib import Path

    from watchword.core.trust import Trust
    from watchword.feed import Snapshot

NOW = float(forge.NOW)
KEY = forge.rsa_key("alice")


class DirectFeed:
    """The control plane's side without HTTP: answers, or fails as a test wants."""

    def __init__(self) -> None:
        self.server = FeedServer()
        self.failure: Exception | None = None
        self.answer: bytes | None = None
        self.waits: list[int] = []
        self.reports: list[Any] = []

    def changes(self, *, epoch: str, after: int, wait: int) -> bytes:
        self.waits.append(wait)
        if self.failure is not None:
            raise self.failure
        return self.answer or json.dumps(encode_page(self.server.page(epoch, after, 0))).encode()

    def report_unknown_keys(self, report: bytes) -> None:
        if self.failure is not None:
            raise self.failure
        self.reports.append(json.loads(report)["pairs"])


class Follower:
    def __init__(self, path: Path) -> None:
        self.feed = DirectFeed()
        self.current = CurrentSnapshot(hard_limit=3600)
        self.now = NOW
        self.path = path
        self.client = FeedClient(feed=self.feed, current=self.current, disk=DiskCopy(path), clock=lambda: self.now)

    @property
    def snapshot(self) -> Snapshot:
        assert self.current.view is not None
        return self.current.view.snapshot

    def on_disk(self) -> Snapshot:
        copy = DiskCopy(self.path).load(now=self.now)
        assert copy is not None
        return copy.snapshot


@pytest.fixture
def follower(tmp_path: Path) -> Follower:
    return Follower(tmp_path / "snapshot.json")


def trusts(*organizations: str, **changes: Any) -> tuple[Trust, ...]:
    return tuple(acme.trust(KEY, organization=organization, **changes) for organization in organizations)


def test_it_follows_in_memory_and_on_disk(follower: Follower) -> None:
    follower.feed.server.publish(*trusts("acme", "globex"))
    assert follower.client.step() == 0
    assert follower.client.connected
    assert set(follower.snapshot.organizations) == {"acme", "globex"}
    follower.feed.server.publish(*trusts("acme", suspended=True))
    follower.client.step()
    assert follower.snapshot.organizations["acme"].suspended
    assert not follower.snapshot.organizations["globex"].suspended
    assert follower.on_disk() == follower.snapshot


def test_it_asks_for_an_answer_at_once_first_and_then_waits(follower: Follower) -> None:
    follower.feed.server.publish(*trusts("acme"))
    follower.client.step()
    follower.client.step()
    assert follower.feed.waits == [0, feed_client.WAIT_SECONDS]


def test_nothing_new_confirms_what_is_known(follower: Follower) -> None:
    follower.feed.server.publish(*trusts("acme"))
    follower.client.step()
    follower.now += 100
    assert follower.client.step() == feed_client.EMPTY_ANSWER_DELAY, "no tight loop"
    assert follower.current.view is not None
    assert follower.current.view.heard_at == NOW + 100
    copy = DiskCopy(follower.path).load(now=follower.now)
    assert copy is not None
    assert copy.heard_at == NOW + 100


def test_a_control_plane_without_organizations_is_a_snapshot_too(follower: Follower) -> None:
    follower.client.step()
    assert follower.snapshot.epoch == "first"
    assert follower.on_disk().organizations == {}


def test_a_start_over_several_pages_counts_only_when_it_is_whole(follower: Follower) -> None:
    follower.feed.server.page_size = 2
    follower.feed.server.publish(*trusts("acme", "globex", "initech"))
    follower.client.step()
    assert follower.current.view is None
    follower.client.step()
    assert set(follower.snapshot.organizations) == {"acme", "globex", "initech"}


def test_after_a_restored_backup_the_old_snapshot_decides_until_the_new_one_is_whole(follower: Follower) -> None:
    server = follower.feed.server
    server.publish(*trusts("acme", "globex"))
    follower.client.step()
    server.page_size = 1
    server.restore_backup("restored", *trusts("globex", "initech"))
    follower.client.step()
    assert follower.snapshot.epoch == "first"
    assert follower.on_disk().epoch == "first"
    follower.client.step()
    assert (follower.snapshot.epoch, set(follower.snapshot.organizations)) == ("restored", {"globex", "initech"})
    assert follower.on_disk() == follower.snapshot


def test_going_back_and_forth_between_epochs_never_leaves_half_a_snapshot(follower: Follower) -> None:
    server = follower.feed.server
    server.publish(*trusts("acme", "globex", suspended=True))
    follower.client.step()
    server.page_size = 1
    server.restore_backup("restored", *trusts("acme", "globex", "initech"))
    follower.client.step()
    # A second portal still has the first history: it answers the question about "restored" from its own beginning.
    server.restore_backup("first", *trusts("acme", "globex"))
    assert follower.client.step() == feed_client.LONGEST_DELAY
    assert follower.snapshot.organizations["acme"].suspended
    assert set(follower.snapshot.organizations) == {"acme", "globex"}


def test_another_restore_in_the_middle_starts_gathering_again(follower: Follower) -> None:
    server = follower.feed.server
    server.page_size = 1
    server.publish(*trusts("acme", "globex"))
    follower.client.step()
    server.restore_backup("restored", *trusts("initech", "globex"))
    follower.client.step()
    follower.client.step()
    assert (follower.snapshot.epoch, set(follower.snapshot.organizations)) == ("restored", {"initech", "globex"})


REFUSED = {
    "not JSON": b"<html>",
    "nested without end": b"[" * 100_000,
    "another schema": b'{"schema": 2}',
    "not a page": b"[]",
    "a page that does not follow": json.dumps(
        {"schema": 1, "epoch": "first", "after": 40, "revision": 41, "complete": True, "changes": []}
    ).encode(),
    "a page from an older portal": json.dumps(
        {"schema": 1, "epoch": "first", "after": 0, "revision": 0, "complete": True, "changes": []}
    ).encode(),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_refused_document_changes_nothing(follower: Follower, what: str) -> None:
    follower.feed.server.publish(*trusts("acme", suspended=True))
    follower.client.step()
    before = follower.current.view
    follower.feed.answer = REFUSED[what]
    assert follower.client.step() == feed_client.LONGEST_DELAY
    assert follower.current.view is before
    assert not follower.client.connected
    follower.feed.answer = None
    follower.client.step()
    assert follower.client.connected


@pytest.mark.parametrize(
    ("failure", "shortest", "longest"),
    [
        (FeedUnavailable("timed_out"), feed_client.FIRST_DELAY, feed_client.LONGEST_DELAY),
        (CredentialRefused(), feed_client.SLOW_DELAY, feed_client.SLOW_DELAY),
        (ZeroDivisionError(), feed_client.LONGEST_DELAY, feed_client.LONGEST_DELAY),
    ],
)
def test_any_failure_keeps_what_is_known(
    follower: Follower, failure: Exception, shortest: float, longest: float
) -> None:
    follower.feed.server.publish(*trusts("acme"))
    follower.client.step()
    before = follower.current.view
    follower.feed.failure = failure
    delays = [follower.client.step() for _ in range(30)]
    assert all(shortest <= delay <= longest for delay in delays)
    assert follower.current.view is before
    assert not follower.client.connected


def test_failures_are_retried_ever_later_and_not_in_step(follower: Follower) -> None:
    follower.feed.failure = FeedUnavailable("connection_failed")
    delays = [follower.client.step() for _ in range(40)]
    assert delays[0] <= 0.2
    assert all(2.5 <= delay <= 5 for delay in delays[10:])
    assert len(set(delays[10:])) > 10
    follower.feed.failure = None
    follower.client.step()
    follower.feed.failure = FeedUnavailable("connection_failed")
    assert follower.client.step() <= 0.2


def test_a_long_outage_is_one_line_and_so_is_its_end(follower: Follower) -> None:
    with capture_logs() as lines:
        follower.feed.failure = FeedUnavailable("connection_failed")
        for _ in range(10):
            follower.client.step()
        follower.feed.failure = None
        follower.client.step()
        follower.client.step()
    assert [(line["event"], line.get("problem")) for line in lines] == [
        ("feed_failed", "connection_failed"),
        ("feed_connected", None),
    ]


def test_a_full_disk_does_not_hold_up_a_suspension(follower: Follower) -> None:
    follower.feed.server.publish(*trusts("acme"))
    follower.client.step()
    follower.path.unlink()
    follower.path.mkdir()
    (follower.path / "in-the-way").touch()
    follower.feed.server.publish(*trusts("acme", suspended=True))
    with capture_logs() as lines:
        follower.client.step()
    assert follower.snapshot.organizations["acme"].suspended
    assert [line["event"] for line in lines] == ["snapshot_copy_not_written"]
    assert not follower.client.copy_is_current


def test_what_a_full_disk_refused_is_written_when_there_is_room_though_nothing_changes(follower: Follower) -> None:
    follower.feed.server.publish(*trusts("acme"))
    follower.client.step()
    follower.path.rename(follower.path.with_name("aside"))
    follower.path.mkdir()
    follower.feed.server.publish(*trusts("acme", suspended=True))
    follower.client.step()
    follower.now += 100
    follower.client.step()
    # The older copy must not be taken for confirmed: nobody is suspended in it.
    follower.path.rmdir()
    follower.path.with_name("aside").rename(follower.path)
    copy = DiskCopy(follower.path).load(now=follower.now)
    assert copy is not None
    assert copy.heard_at == NOW
    follower.client.step()
    assert follower.on_disk() == follower.snapshot
    assert follower.client.copy_is_current


def test_it_runs_until_it_is_stopped(follower: Follower) -> None:
    follower.feed.server.publish(*trusts("acme"))
    stop = threading.Event()
    thread = threading.Thread(target=follower.client.run, args=(stop,))
    thread.start()
    while not follower.client.connected:
        pass
    stop.set()
    thread.join(timeout=5)
    assert not thread.is_alive()


def test_unknown_keys_are_reported_and_noted_again_when_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_client, "REPORT_INTERVAL", 0.01)
    feed, unknown, stop = DirectFeed(), UnknownKeys(), threading.Event()
    thread = threading.Thread(target=report_unknown_keys, args=(feed, unknown, stop))
    thread.start()
    try:
        with capture_logs() as lines:
            for failure in (FeedUnavailable("http_503"), ZeroDivisionError()):
                feed.failure = failure
                unknown.note(type(failure).__name__, "k2", 0.0)
                while unknown._pending:
                    stop.wait(0.01)
                stop.wait(0.05)
            feed.failure = None
            unknown.note("FeedUnavailable", "k2", 0.1)
            while not feed.reports:
                stop.wait(0.01)
    finally:
        stop.set()
        thread.join()
    assert feed.reports == [[{"organization": "FeedUnavailable", "kid": "k2", "repeated": False}]]
    assert [line["event"] for line in lines] == ["report_failed"]
