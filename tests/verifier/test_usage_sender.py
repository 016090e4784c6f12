from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from kit import acme
from watchword.control.activity.batches import decode_batch
from watchword.core.decision import Deny, Reason, TokenProfile
from watchword.verifier import usage_backlog
from watchword.verifier.feed_http import CredentialRefused, FeedUnavailable
from watchword.verifier.usage import ALLOWED, OTHER, Counted, Taken, Usage
from watchword.verifier.usage_backlog import KEPT_SECONDS, MAX_BATCH_LINES, Backlog
from watchword.verifier.usage_sender import FIRST_DELAY, LONGEST_DELAY, UsageSender

BOOT = "0" * 32
NOON = 1_700_049_600
TRUST = acme.trust()
SAID = TokenProfile("https://login.acme.example/", "a, b", "cid", "acme-batch", "k1", "RS256", "JWT")


class Intake:
    """A control plane that answers as it is told to."""

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
        once = {batch["sequence"]: batch for batch in self.batches}
        return sum(line["calls"] for batch in once.values() for line in batch["lines"])


class Post:
    def __init__(self) -> None:
        self.now = float(NOON)
        self.intake = Intake()
        self.usage, self.late_usage = Usage(), Usage()
        self.backlog = Backlog(node="edge-1", boot=BOOT)
        self.sender = UsageSender(
            intake=self.intake,
            usages=(self.usage, self.late_usage),
            backlog=self.backlog,
            clock=lambda: self.now,
            monotonic=lambda: self.now,
        )

    def count(self, calls: int = 1, reason: Reason = Reason.TOKEN_MISSING) -> None:
        self.usage.line("acme", TRUST, Deny(reason)).calls += calls


@pytest.fixture
def post() -> Post:
    return Post()


def taken(calls: int = 1, *, organization: str = "acme", outcome: str = ALLOWED, issuer: str | None = None) -> Taken:
    profile = SAID if issuer is None else SAID._replace(issuer=issuer)
    return Taken(Counted(organization, "s-1", outcome, profile), 1, calls)


def sent(backlog: Backlog) -> list[dict[str, Any]]:
    """All lines that wait, batch after batch."""
    lines: list[dict[str, Any]] = []
    while (batch := backlog.batch()) is not None:
        decode_batch(batch)
        lines += json.loads(batch)["lines"]
        backlog.settled()
    return lines


# -------------------------------------------------------------------- the backlog


def test_the_control_plane_reads_what_is_written() -> None:
    backlog = Backlog(node="edge-1", boot=BOOT)
    backlog.add([taken(3), taken(2, outcome="token_expired", issuer="bad\0\u202e\ud800é")], NOON + 61)

    batch = backlog.batch()

    assert batch is not None
    read = decode_batch(batch)
    assert (read.node, read.boot, read.sequence) == ("edge-1", BOOT, 1)
    allowed, expired = read.lines
    assert (allowed.begins, allowed.kind.organization, allowed.calls) == (NOON + 60, "acme", 3)
    assert (expired.kind.outcome, expired.kind.values()["issuer"]) == ("token_expired", "bad���é")


def test_lines_of_nobody_and_without_a_profile_are_read_too() -> None:
    backlog = Backlog(node="edge-1", boot=BOOT)
    backlog.add(
        [
            Taken(Counted("", None, "organization_unknown", None), 0, 1),
            Taken(Counted("acme", None, ALLOWED, OTHER), 2, 1),
        ],
        NOON,
    )

    unknown, other = sent(backlog)

    assert (unknown["organization"], unknown["profile"]) == (None, None)
    assert (other["server"], other["profile"], other["revision"]) == (None, "other", 2)


def test_a_batch_stays_the_same_until_its_fate_is_known() -> None:
    backlog = Backlog(node="edge-1", boot=BOOT)
    backlog.add([taken()], NOON)
    first = backlog.batch()
    backlog.add([taken()], NOON)

    assert backlog.batch() == first
    backlog.settled()
    second = backlog.batch()
    assert second is not None
    assert second != first
    backlog.settled()
    assert backlog.batch() is None


def test_a_batch_is_bounded_in_lines_and_bytes() -> None:
    backlog = Backlog(node="edge-1", boot=BOOT)
    backlog.add([taken(issuer=str(number)) for number in range(MAX_BATCH_LINES + 1)], NOON)
    assert [len(lines) for lines in batches(backlog)] == [MAX_BATCH_LINES, 1]

    long = [
        Taken(Counted("acme", None, ALLOWED, TokenProfile(str(number), *["\N{GRINNING FACE}" * 256] * 6)), 1, 1)
        for number in range(90)
    ]
    backlog.add(long, NOON)
    assert sum(len(lines) for lines in batches(backlog)) == 90


def batches(backlog: Backlog) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    while (batch := backlog.batch()) is not None:
        assert len(batch) < 256 * 1024
        found.append(decode_batch(batch).lines)
        backlog.settled()
    return found


def test_what_waits_is_merged_by_the_hour_then_without_profiles_then_by_the_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backlog = Backlog(node="edge-1", boot=BOOT)
    monkeypatch.setattr(usage_backlog, "MAX_ENTRIES", 4)
    for minute in range(5):
        backlog.add([taken()], NOON + 60 * minute)
    assert [(line["begins"], line["calls"]) for line in sent(backlog)] == [(NOON, 5)]

    backlog.add([taken(issuer=str(number)) for number in range(6)], NOON)
    assert [(line["profile"], line["calls"]) for line in sent(backlog)] == [("other", 6)]

    for hour in range(3):
        backlog.add([taken(), taken(outcome="token_expired")], NOON + 3600 * hour)
    lines = sent(backlog)
    midnight = NOON - NOON % 86_400
    assert [(line["begins"], line["organization"], line["outcome"], line["calls"]) for line in lines] == [
        (midnight, "acme", None, 3),
        (midnight, None, "token_expired", 3),
    ]


def test_no_call_moves_to_another_day_or_organization_however_much_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    backlog = Backlog(node="edge-1", boot=BOOT)
    monkeypatch.setattr(usage_backlog, "MAX_ENTRIES", 4)
    for day in range(3):
        for number in range(3):
            backlog.add([taken(organization=f"org-{number}")], NOON + 86_400 * day + number)

    lines = sent(backlog)

    assert sorted({(line["begins"] // 86_400, line["organization"]) for line in lines}) == [
        (NOON // 86_400 + day, f"org-{number}") for day in range(3) for number in range(3)
    ]
    assert sum(line["calls"] for line in lines) == 9


def test_what_no_control_plane_would_count_any_more_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    backlog = Backlog(node="edge-1", boot=BOOT)
    monkeypatch.setattr(usage_backlog, "MAX_ENTRIES", 1)
    backlog.add([taken()], NOON)
    backlog.add([taken(), taken(organization="globex")], NOON + KEPT_SECONDS + 86_400)

    assert len(sent(backlog)) == 2


# -------------------------------------------------------------------- sending


def test_what_was_counted_goes_out_at_once_and_once(post: Post) -> None:
    post.count(3)
    post.late_usage.line("acme", TRUST, Deny(Reason.TOKEN_MISSING)).calls += 1
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
    stop = threading.Event()
    stop.set()

    post.sender.run(stop)

    assert post.intake.sequences == [1, 1, 2]
    assert post.intake.calls == 2


def test_the_first_retry_comes_soon(post: Post) -> None:
    post.intake.problem = FeedUnavailable("timed_out")
    post.count()
    post.sender.step()
    post.now += FIRST_DELAY
    post.sender.step()

    assert post.intake.sequences == [1, 1]
