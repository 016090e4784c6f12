from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from kit import acme
from watchword.core.decision import Deny, Reason, TokenProfile
from watchword.verifier.feed_client.failures import CredentialRefused, FeedUnavailable
from watchword.verifier.usage.backlog import Backlog
from watchword.verifier.usage.counting import Usage
from watchword.verifier.usage.journal import Journal
from watchword.verifier.usage.sender import FIRST_DELAY, LONGEST_DELAY, UsageSender

if TYPE_CHECKING:
    from pathlib import Path

BOOT = "0" * 32
NOON = 1_700_049_600
TRUST = acme.trust()
SAID = TokenProfile("https://login.acme.example/", "a, b", "cid", "acme-batch", "k1", "RS256", "JWT")


class Intake:
    """A control plane that answers as it is told to."""

    origin = "https://portal.example"

    def __init__(self) -> None:
        self.problem: Exception | None = None
        self.batches: list[dict[str, Any]] = []

    def report_usage(self, batch: bytes) -> None:
        self.batches.append(json.loads(batch))
        if self.problem is not None:
            raise self.problem

    @property
    def sequences(self) -> list[int]:
        return [batch["sequence"] for batch in self.batches]

    @property
    def calls(self) -> int:
        """Of all batches, each counted once."""
        once = {(batch["boot"], batch["sequence"]): batch for batch in self.batches}
        return sum(line["calls"] for batch in once.values() for line in batch["lines"])


class Post:
    """A verifier's sender; with the same folder and intake, the next process after another one was killed."""

    def __init__(self, folder: Path, intake: Intake | None = None, boot: str = BOOT) -> None:
        self.now = float(NOON)
        self.intake = Intake() if intake is None else intake
        self.usage, self.late_usage = Usage(), Usage()
        self.backlog = Backlog(node="edge-1", boot=boot)
        self.journal = folder / "usage.json"
        self.sender = UsageSender(
            intake=self.intake,
            usages=(self.usage, self.late_usage),
            backlog=self.backlog,
            journal=Journal(self.journal),
            clock=lambda: self.now,
            monotonic=lambda: self.now,
        )

    def count(self, calls: int = 1, reason: Reason = Reason.TOKEN_MISSING) -> None:
        self.usage.counter("acme", TRUST, Deny(reason)).calls += calls

    def stop_now(self) -> None:
        """Start and stop gracefully."""
        stop = threading.Event()
        stop.set()
        self.sender.run(stop)


@pytest.fixture
def post(tmp_path: Path) -> Post:
    return Post(tmp_path)


# -------------------------------------------------------------------- sending


def test_what_was_counted_goes_out_at_once_and_once(post: Post) -> None:
    post.count(3)
    post.late_usage.counter("acme", TRUST, Deny(Reason.TOKEN_MISSING)).calls += 1
    post.sender.step()
    post.sender.step()

    assert (post.intake.sequences, post.intake.calls) == ([1], 4)


def test_while_the_control_plane_is_away_the_same_batch_is_sent_again_and_nothing_is_lost(post: Post) -> None:
    post.intake.problem = FeedUnavailable("connection_failed")
    post.count()
    post.sender.step()
    for _ in range(120):
        post.now += 1
        post.count()
        post.sender.step()
    assert set(post.intake.sequences) == {1}
    assert len(post.intake.sequences) < 20

    post.intake.problem = None
    post.now += LONGEST_DELAY
    post.sender.step()

    assert post.intake.sequences[-2:] == [1, 2]
    assert post.intake.calls == 121
    minutes = {line["begins"] for line in post.intake.batches[-1]["lines"]}
    assert minutes == {NOON, NOON + 60, NOON + 120}


def test_a_refused_credential_is_tried_again_later(post: Post) -> None:
    post.intake.problem = CredentialRefused()
    post.count()
    post.sender.step()
    post.now += LONGEST_DELAY - 1
    post.sender.step()
    assert post.intake.sequences == [1]

    post.now += 1
    post.intake.problem = None
    post.sender.step()
    assert post.intake.sequences == [1, 1]


@pytest.mark.parametrize("code", ["http_400", "http_413", "http_422"])
def test_a_batch_that_is_refused_for_good_does_not_hold_up_the_next(post: Post, code: str) -> None:
    post.intake.problem = FeedUnavailable(code)
    post.count()
    post.sender.step()
    post.intake.problem = None
    post.count()
    post.sender.step()

    assert post.intake.sequences == [1, 2]


def test_a_fault_of_our_own_ends_nothing(post: Post) -> None:
    post.intake.problem = RuntimeError("x")
    post.count()
    post.sender.step()
    post.intake.problem = None
    post.now += LONGEST_DELAY
    post.sender.step()

    assert post.intake.sequences == [1, 1]


def test_at_a_graceful_stop_all_that_was_counted_is_sent(post: Post) -> None:
    post.intake.problem = FeedUnavailable("timed_out")
    post.count()
    post.sender.step()
    post.intake.problem = None
    post.count()

    post.stop_now()

    assert post.intake.sequences == [1, 1, 2]
    assert post.intake.calls == 2


def test_at_a_stop_counts_are_on_the_disk_before_an_answer_is_waited_for(post: Post) -> None:
    found: list[bool] = []

    class Hanging(Intake):
        def report_usage(self, batch: bytes) -> None:
            found.append(b"token_missing" in post.journal.read_bytes())
            super().report_usage(batch)

    post.sender._intake = Hanging()
    post.count()
    post.stop_now()

    assert found == [True]
    assert not post.journal.exists()


def test_the_first_retry_comes_soon(post: Post) -> None:
    post.intake.problem = FeedUnavailable("timed_out")
    post.count()
    post.sender.step()
    post.now += FIRST_DELAY
    post.sender.step()

    assert post.intake.sequences == [1, 1]


# -------------------------------------------------------------------- the journal


AWAY = FeedUnavailable("connection_failed")
NEXT_BOOT = "1" * 32


def test_while_batches_arrive_nothing_is_written_to_the_disk(post: Post) -> None:
    post.count()
    post.sender.step()

    assert not post.journal.exists()


def test_what_could_not_be_sent_outlives_a_kill_and_is_sent_once(post: Post, tmp_path: Path) -> None:
    post.intake.problem = AWAY
    post.count(3)
    post.sender.step()
    post.now += 1
    post.count(4, Reason.TOKEN_TOO_LARGE)
    post.late_usage.counter("acme", TRUST, Deny(Reason.TOKEN_EXPIRED, profile=SAID)).calls += 5
    post.usage.counter("acme", None, Deny(Reason.ORGANIZATION_UNKNOWN)).calls += 6
    post.sender.step()
    assert post.journal.stat().st_mode & 0o777 == 0o600

    # Nothing of what was tried before had arrived.
    after = Post(tmp_path, boot=NEXT_BOOT)
    after.count(1)
    after.stop_now()

    # The batch whose fate was not known goes out as it was, under the number it had.
    batches = after.intake.batches
    assert [(batch["boot"], batch["sequence"]) for batch in batches] == [(BOOT, 1), (NEXT_BOOT, 1)]
    assert batches[0] == post.intake.batches[0]
    assert after.intake.calls == 19
    profiles = [line["profile"] for line in batches[-1]["lines"]]
    assert SAID._asdict() in profiles
    assert not after.journal.exists()


def test_a_graceful_stop_without_a_control_plane_loses_nothing(post: Post, tmp_path: Path) -> None:
    post.intake.problem = AWAY
    post.count(3)
    post.stop_now()

    after = Post(tmp_path, post.intake, NEXT_BOOT)
    after.intake.problem = None
    after.stop_now()

    assert post.intake.calls == 3


def test_a_journal_never_tells_of_what_was_sent_under_another_number(post: Post, tmp_path: Path) -> None:
    """Killed at any moment after the control plane has come back: what the journal says then is sent, and once."""
    post.intake.problem = AWAY
    post.count(3)
    post.sender.step()
    post.now += 1
    post.count(4)
    post.sender.step()
    before: list[bytes] = []

    class Watching(Intake):
        def report_usage(self, batch: bytes) -> None:
            super().report_usage(batch)
            before.append(post.journal.read_bytes())

    watching = Watching()
    post.sender._intake = watching
    post.now += LONGEST_DELAY
    post.sender.step()
    assert watching.sequences == [1, 2]

    for journal in before:
        killed = tmp_path / "killed"
        killed.mkdir(exist_ok=True)
        (killed / "usage.json").write_bytes(journal)
        after = Post(killed, boot=NEXT_BOOT)
        after.stop_now()
        new = {(batch["boot"], batch["sequence"]) for batch in after.intake.batches} - {(BOOT, 1), (BOOT, 2)}
        # Killed while 1 was under way, 4 calls go out under a number of the next process: 2 was never sent then.
        assert new == ({(NEXT_BOOT, 1)} if journal is before[0] else set())


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"format": 2}',
        b'{"format": 2, "under_way": "{\\"lines\\": [{\\"calls\\": 7}]}", "entries": []}',
        b'{"format": 1}',
        b'{"format": 1, "under_way": null, "entries": [1]}',
    ],
)
def test_a_damaged_journal_is_no_reason_to_count_nothing(post: Post, tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "usage.json").write_bytes(damage)
    after = Post(tmp_path)
    after.count(2)
    after.stop_now()

    assert after.intake.calls == 2
    assert not after.journal.exists()


def test_a_disk_that_takes_nothing_holds_up_no_count(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    post.intake.problem = AWAY
    post.count()
    post.sender.step()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    post.count()
    post.now += 1
    post.sender.step()
    # Rather no journal than one that is behind.
    assert not post.journal.exists()
    post.intake.problem = None
    post.now += LONGEST_DELAY
    post.sender.step()
    assert post.intake.calls == 2


def test_a_journal_that_can_be_neither_replaced_nor_removed_stops_the_sending_of_more(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    post.intake.problem = AWAY
    post.count()
    post.sender.step()
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "store", lambda *_: False)
        post.intake.problem = None
        post.count()
        post.now += LONGEST_DELAY
        post.sender.step()
        assert set(post.intake.sequences) == {1}

    post.now += LONGEST_DELAY
    post.sender.step()
    assert post.intake.calls == 2
    assert not post.journal.exists()


def test_a_file_that_cannot_be_removed_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "usage.json"
    (folder / "inside").mkdir(parents=True)
    journal = Journal(folder)

    assert journal.load() is None
    assert not journal.store({})
    assert journal.exists


# -------------------------------------------------- a credential that was replaced


def test_fk_06_batch_begun_with_a_replaced_credential_is_sent_as_ones_own(tmp_path: Path) -> None:
    before = Post(tmp_path)
    before.intake.problem = FeedUnavailable("connection_failed")
    before.count(3)
    before.sender.step()
    before.count(2)
    before.now += 60
    before.sender.step(sending=False)

    class OfAnother(Intake):
        def report_usage(self, batch: bytes) -> None:
            super().report_usage(batch)
            if json.loads(batch)["boot"] == BOOT:
                raise FeedUnavailable("http_409")

    after = Post(tmp_path, OfAnother(), boot="1" * 32)
    after.now = before.now
    after.sender._restore_journal()
    after.sender.step()
    refused, own = after.intake.batches
    assert (refused["boot"], own["boot"], own["sequence"]) == (BOOT, "1" * 32, 1)
    assert sum(line["calls"] for line in own["lines"]) == 5
    assert not after.journal.exists()


def test_fk_06_batch_of_ones_own_that_is_refused_holds_up_nothing(tmp_path: Path) -> None:
    class Conflicting(Intake):
        def report_usage(self, batch: bytes) -> None:
            super().report_usage(batch)
            if len(self.batches) == 1:
                raise FeedUnavailable("http_409")

    post = Post(tmp_path, Conflicting())
    post.count()
    post.sender.step()
    assert post.intake.sequences == [1]
    post.count()
    post.sender.step()
    assert post.intake.sequences == [1, 2]
