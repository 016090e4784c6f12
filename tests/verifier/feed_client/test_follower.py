from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from kit import acme, forge
from kit.feed_server import FeedServer
from watchword.core.trust import NotUnderstood
from watchword.feed import PAGE_SCHEMA, SCHEMA, encode_page
from watchword.verifier.disk.copy import RETRY_SECONDS, DiskCopy
from watchword.verifier.feed_client import follower as feed_client
from watchword.verifier.feed_client.failures import CredentialRefused, FeedUnavailable
from watchword.verifier.feed_client.follower import FeedClient, report_unknown_keys
from watchword.verifier.snapshot import CurrentSnapshot
from watchword.verifier.unknown_keys import UnknownKeys

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from watchword.core.trust import Trust
    from watchword.feed import Snapshot

NOW = float(forge.NOW)
KEY = forge.rsa_key("alice")


class DirectFeed:
    """The control plane's side without HTTP: answers, or fails as a test wants."""

    origin = "https://portal.example"

    def __init__(self) -> None:
        self.server = FeedServer()
        self.failure: Exception | None = None
        self.answer: bytes | None = None
        self.waits: list[int] = []
        self.not_understood: list[str] = []
        self.reports: list[Any] = []

    def changes(self, *, epoch: str, after: int, wait: int, not_understood: Sequence[str] = ()) -> bytes:
        self.waits.append(wait)
        self.not_understood = list(not_understood)
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
    assert follower.client.step() == feed_client.EMPTY_PAGE_DELAY, "no tight loop"
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


def test_an_epoch_that_was_left_never_comes_back(follower: Follower) -> None:
    server = follower.feed.server
    server.publish(*trusts("acme"))
    follower.client.step()
    kept = json.dumps(encode_page(server.page("", 0, 0))).encode()
    server.restore_backup("restored", *trusts("acme", suspended=True))
    follower.client.step()
    before = follower.current.view
    follower.feed.answer = kept
    assert follower.client.step() == feed_client.LONGEST_DELAY
    assert follower.current.view is before
    follower.feed.answer = None
    follower.client.step()
    assert follower.client.connected


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


def test_fo_02_failure_names_portal_and_cause_and_its_end_the_duration(follower: Follower) -> None:
    follower.feed.failure = FeedUnavailable("connection_failed", "connection refused")
    with capture_logs() as lines:
        follower.client.step()
        follower.feed.failure = CredentialRefused()
        follower.client.step()
        follower.feed.failure = None
        follower.client.step()
    assert {line.get("portal") for line in lines[:2]} == {follower.feed.origin}
    assert lines[0]["cause"] == "connection refused"
    assert lines[1]["cause"].startswith("401: the portal does not know this verifier's credential")
    assert lines[2]["event"] == "feed_connected"
    assert (lines[2]["after_seconds"], lines[2]["failures"]) == (0, 2)


@pytest.mark.parametrize("answer", [b"<html>", b"{}"])
def test_fo_02_invalid_page_has_a_cause(follower: Follower, answer: bytes) -> None:
    follower.feed.answer = answer
    with capture_logs() as lines:
        follower.client.step()
    assert lines[0]["problem"] == "document_refused"
    assert "not a page of the feed" in lines[0]["cause"]


def test_a_newer_schema_of_pages_keeps_what_is_known_and_says_so(follower: Follower) -> None:
    follower.feed.server.publish(*trusts("acme", suspended=True))
    follower.client.step()
    before = follower.current.view
    page: Any = encode_page(follower.feed.server.page("", 0, 0))
    page.update(schema=PAGE_SCHEMA + 1, tenancy="shared")
    follower.feed.answer = json.dumps(page).encode()
    with capture_logs() as lines:
        for _ in range(3):
            assert follower.client.step() == feed_client.LONGEST_DELAY
    assert follower.current.view is before
    assert follower.current.schema_unknown
    assert follower.current.page_refused
    assert [(line["event"], line["problem"], line["understood"]) for line in lines] == [
        ("feed_failed", "schema_unknown", PAGE_SCHEMA)
    ]
    follower.feed.answer = None
    follower.client.step()
    assert (follower.client.connected, follower.current.schema_unknown) == (True, False)
    assert not follower.current.page_refused


def test_fi_01_document_not_understood_costs_its_organization_and_is_logged_once(follower: Follower) -> None:
    follower.feed.server.publish(*trusts("acme", "globex"))
    follower.client.step()
    (odd,) = trusts("acme")
    follower.feed.server.publish(NotUnderstood("acme", 1, document=json.dumps({"schema": SCHEMA + 1})))
    follower.feed.server.publish(*trusts("globex", suspended=True))
    with capture_logs() as lines:
        for _ in range(3):
            follower.client.step()
        assert isinstance(follower.snapshot.organizations["acme"], NotUnderstood)
        assert follower.snapshot.organizations["globex"].suspended
        assert follower.client.connected
        follower.feed.server.publish(odd)
        follower.client.step()
    assert not follower.snapshot.organizations["acme"].suspended
    assert [(line["event"], line["organization"]) for line in lines] == [
        ("trust_not_understood", "acme"),
        ("trust_understood_again", "acme"),
    ]


def test_fi_01_control_plane_hears_at_once_whose_trust_is_not_understood(follower: Follower) -> None:
    follower.feed.server.publish(*trusts("acme", "globex", "initech"))
    follower.client.step()
    assert follower.feed.not_understood == []
    for organization in ("globex", "acme"):
        follower.feed.server.publish(NotUnderstood(organization, 1, document=json.dumps({"schema": SCHEMA + 1})))
    # The answer to this question brings them, and the next question follows it without a rest.
    assert follower.client.step() == 0.0
    follower.client.step()
    assert follower.feed.not_understood == ["acme", "globex"]
    follower.feed.server.publish(*trusts("acme", "globex"))
    follower.client.step()
    follower.client.step()
    assert follower.feed.not_understood == []


def test_fi_01_document_not_understood_is_kept_on_disk(follower: Follower) -> None:
    follower.feed.server.publish(NotUnderstood("acme", 1, document=json.dumps({"schema": SCHEMA + 1, "more": [1]})))
    follower.feed.server.publish(*trusts("globex"))
    follower.client.step()
    follower.feed.server.publish(NotUnderstood("initech", 1, document=json.dumps({"schema": SCHEMA + 2})))
    follower.client.step()
    copy = DiskCopy(follower.path).load(now=NOW)
    assert copy is not None
    assert copy.snapshot == follower.snapshot
    current = CurrentSnapshot(hard_limit=100)
    current.swap(copy.snapshot, heard_at=NOW)
    assert [trust.organization for trust in current.not_understood()] == ["acme", "initech"]
    (acme, _) = current.not_understood()
    assert json.loads(acme.document) == {"schema": SCHEMA + 1, "more": [1], "organization": "acme", "revision": 1}


def test_fi_01_page_whose_documents_cannot_be_told_apart_is_refused_loudly(follower: Follower) -> None:
    follower.feed.server.publish(*trusts("acme"))
    follower.client.step()
    before = follower.current.view
    page: Any = encode_page(follower.feed.server.page("", 0, 0))
    page["changes"][0] = {"schema": SCHEMA + 1, "tenant": "acme"}
    follower.feed.answer = json.dumps({**page, "after": 1, "revision": 2}).encode()
    assert follower.client.step() == feed_client.LONGEST_DELAY
    assert follower.current.view is before
    assert "no change arrives" in str(follower.current.warning(NOW))


def test_a_copy_that_is_behind_decides_only_when_the_feed_has_continued_it(follower: Follower) -> None:
    server = follower.feed.server
    server.publish(*trusts("acme", "globex"))
    follower.client.step()
    known = follower.snapshot
    server.page_size = 1
    server.publish(*trusts("acme", "initech", suspended=True))
    again = Follower(follower.path.with_name("another"))
    again.feed.server = server
    again.client = FeedClient(
        feed=again.feed, current=again.current, disk=DiskCopy(again.path), base=known, clock=lambda: NOW
    )
    server.asked.clear()
    again.client.step()
    assert again.current.view is None, "there is more to come"
    again.client.step()
    assert again.snapshot.organizations["acme"].suspended
    assert set(again.snapshot.organizations) == {"acme", "globex", "initech"}
    assert server.asked == [("first", 2), ("first", 3)], "nothing was asked for twice"
    assert again.on_disk() == again.snapshot


def test_a_copy_that_is_behind_decides_when_the_feed_has_nothing_newer(follower: Follower) -> None:
    follower.feed.server.publish(*trusts("acme"))
    follower.client.step()
    again = Follower(follower.path)
    again.feed.server = follower.feed.server
    disk = DiskCopy(follower.path)
    copy = disk.load(now=NOW)
    assert copy is not None
    again.client = FeedClient(feed=again.feed, current=again.current, disk=disk, base=copy.snapshot, clock=lambda: NOW)
    again.client.step()
    assert again.snapshot == follower.snapshot


def test_a_base_of_a_forgotten_history_is_given_up(follower: Follower) -> None:
    follower.feed.server.publish(*trusts("acme", "globex"))
    follower.client.step()
    again = Follower(follower.path.with_name("another"))
    again.feed.server.publish(*trusts("acme", suspended=True))
    again.client = FeedClient(
        feed=again.feed, current=again.current, disk=DiskCopy(again.path), base=follower.snapshot, clock=lambda: NOW
    )
    assert again.client.step() == feed_client.LONGEST_DELAY
    again.client.step()
    assert set(again.snapshot.organizations) == {"acme"}


def test_a_snapshot_that_gets_old_is_told_of_once(follower: Follower) -> None:
    follower.feed.server.publish(*trusts("acme"))
    follower.client.step()
    follower.feed.failure = FeedUnavailable("timed_out")
    with capture_logs() as lines:
        for seconds in (10, 3599, 3600, 3700):
            follower.now = NOW + seconds
            follower.client.step()
    assert [line["event"] for line in lines] == ["feed_failed", "snapshot_stale"]
    follower.feed.failure = None
    follower.client.step()
    follower.feed.failure = FeedUnavailable("timed_out")
    follower.now += 3600
    with capture_logs() as lines:
        follower.client.step()
    assert [line["event"] for line in lines] == ["feed_failed", "snapshot_stale"]


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
        assert follower.client.disk.behind
        follower.now += RETRY_SECONDS
        follower.client.step()
        follower.client.step()
        assert [line["event"] for line in lines] == ["snapshot_copy_not_written"], "once"
        (follower.path / "in-the-way").unlink()
        follower.path.rmdir()
        follower.now += RETRY_SECONDS
        follower.client.step()
    assert [line["event"] for line in lines] == ["snapshot_copy_not_written", "snapshot_copy_written_again"]
    assert lines[0]["consequence"] == "a restart would wait for the feed"
    assert follower.on_disk() == follower.snapshot


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
                unknown.record(type(failure).__name__, "k2", 0.0)
                while unknown._pending:
                    stop.wait(0.01)
                stop.wait(0.05)
            feed.failure = None
            unknown.record("FeedUnavailable", "k2", 0.1)
            while not feed.reports:
                stop.wait(0.01)
    finally:
        stop.set()
        thread.join()
    assert feed.reports == [[{"organization": "FeedUnavailable", "kid": "k2", "repeated": False}]]
    assert [line["event"] for line in lines] == ["report_failed"]
