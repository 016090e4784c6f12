from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from watchword.control.activity.batches import decode_batch
from watchword.core.decision import TokenProfile
from watchword.verifier.usage import backlog as usage_backlog
from watchword.verifier.usage.backlog import KEPT_SECONDS, MAX_BATCH_LINES, Backlog
from watchword.verifier.usage.counting import ALLOWED, OTHER, CounterKey, UsageDelta

if TYPE_CHECKING:
    import pytest

BOOT = "0" * 32
NOON = 1_700_049_600
SAID = TokenProfile("https://login.acme.example/", "a, b", "cid", "acme-batch", "k1", "RS256", "JWT")


def taken(
    calls: int = 1, *, organization: str = "acme", outcome: str = ALLOWED, issuer: str | None = None
) -> UsageDelta:
    profile = SAID if issuer is None else SAID._replace(issuer=issuer)
    return UsageDelta(CounterKey(organization, "s-1", outcome, profile), 1, calls)


def sent(backlog: Backlog) -> list[dict[str, Any]]:
    """All lines that wait, batch after batch."""
    lines: list[dict[str, Any]] = []
    while (batch := backlog.batch()) is not None:
        decode_batch(batch)
        lines += json.loads(batch)["lines"]
        backlog.batch_done()
    return lines


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
            UsageDelta(CounterKey("", None, "organization_unknown", None), 0, 1),
            UsageDelta(CounterKey("acme", None, ALLOWED, OTHER), 2, 1),
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
    backlog.batch_done()
    second = backlog.batch()
    assert second is not None
    assert second != first
    backlog.batch_done()
    assert backlog.batch() is None


def test_a_batch_is_bounded_in_lines_and_bytes() -> None:
    backlog = Backlog(node="edge-1", boot=BOOT)
    backlog.add([taken(issuer=str(number)) for number in range(MAX_BATCH_LINES + 1)], NOON)
    assert [len(lines) for lines in batches(backlog)] == [MAX_BATCH_LINES, 1]

    long = [
        UsageDelta(CounterKey("acme", None, ALLOWED, TokenProfile(str(number), *["\N{GRINNING FACE}" * 256] * 6)), 1, 1)
        for number in range(90)
    ]
    backlog.add(long, NOON)
    assert sum(len(lines) for lines in batches(backlog)) == 90


def batches(backlog: Backlog) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    while (batch := backlog.batch()) is not None:
        assert len(batch) < 256 * 1024
        found.append(decode_batch(batch).lines)
        backlog.batch_done()
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
