from __future__ import annotations

import json

from watchword.verifier import unknown_keys
from watchword.verifier.unknown_keys import (
    QUIET_SECONDS,
    REMEMBERED_SECONDS,
    REPORT_FAILED_SECONDS,
    WINDOW_SECONDS,
    Occurrence,
    UnknownKey,
    UnknownKeys,
    report_of,
)


def once(organization: str, kid: str) -> UnknownKey:
    return UnknownKey(organization, kid, repeated=False)


def again(organization: str, kid: str) -> UnknownKey:
    return UnknownKey(organization, kid, repeated=True)


def test_the_first_token_of_a_rotation_may_wait_and_its_key_is_reported() -> None:
    unknown = UnknownKeys()
    assert unknown.record("acme", "new", 0.0) is Occurrence.FIRST
    assert unknown.take(0.0) == (once("acme", "new"),)
    assert unknown.take(0.0) == ()


def test_the_next_ones_wait_too_and_are_reported_as_repeated_until_the_answer_must_have_come() -> None:
    unknown = UnknownKeys()
    unknown.record("acme", "new", 0.0)
    assert unknown.record("acme", "new", 0.01) is Occurrence.REPEATED
    assert unknown.take(0.02) == (again("acme", "new"), once("acme", "new"))
    assert unknown.take(0.5) == (again("acme", "new"),)
    assert unknown.record("acme", "new", 1.5) is Occurrence.REPEATED
    assert unknown.take(0.01 + WINDOW_SECONDS) == ()


def test_a_key_that_no_fetch_has_brought_is_denied_at_once_and_asked_for_again_after_thirty_seconds() -> None:
    unknown = UnknownKeys()
    unknown.record("acme", "made-up", 0.0)
    unknown.record("acme", "made-up", 0.1)
    unknown.take(0.1)
    for second in range(2, int(QUIET_SECONDS)):
        assert unknown.record("acme", "made-up", second) is None
    assert unknown.take(29) == ()
    assert unknown.record("acme", "made-up", QUIET_SECONDS) is Occurrence.REPEATED
    assert unknown.take(QUIET_SECONDS) == (once("acme", "made-up"),)


def test_j16_a_flood_of_kids_that_never_come_twice_is_denied_at_once_and_asked_about_once_in_thirty_seconds() -> None:
    unknown = UnknownKeys()
    asked: list[UnknownKey] = []
    for number in range(60_000):
        now = number / 1000
        sight = unknown.record("acme", f"made-up-{number}", now)
        assert (sight is None) == (now % QUIET_SECONDS >= WINDOW_SECONDS)
        asked += unknown.take(now)
    assert asked == [once("acme", "made-up-0"), once("acme", "made-up-30000")]


def test_in_the_midst_of_that_flood_the_second_token_of_a_rotation_is_enough() -> None:
    unknown = UnknownKeys()
    for number in range(5_000):
        unknown.record("acme", f"made-up-{number}", number / 1000)
    unknown.take(5)
    assert unknown.record("acme", "new", 5.0) is None
    assert unknown.record("acme", "new", 5.05) is Occurrence.REPEATED
    assert unknown.take(5.05) == (again("acme", "new"),)


def test_so_it_is_in_the_midst_of_a_flood_that_repeats_its_thousand_kids() -> None:
    unknown = UnknownKeys()
    for number in range(5_000):
        unknown.record("acme", f"made-up-{number % 1000}", number / 1000)
        unknown.take(number / 1000)
    assert unknown.record("acme", "made-up-7", 5.0) is None
    assert unknown.take(5.0) == ()
    unknown.record("acme", "new", 5.0)
    assert unknown.record("acme", "new", 5.05) is Occurrence.REPEATED
    assert unknown.take(5.05) == (again("acme", "new"),)


def test_two_new_keys_at_once_both_wait() -> None:
    unknown = UnknownKeys()
    for kid in ("one", "two", "one"):
        unknown.record("acme", kid, 0.0)
    assert unknown.record("acme", "two", 0.1) is Occurrence.REPEATED
    assert unknown.record("acme", "three", 0.1) is Occurrence.FIRST


def test_m10_a_key_pinned_as_unknown_before_it_is_published_is_asked_for_again() -> None:
    unknown = UnknownKeys()
    for tenths in range(300):
        unknown.record("acme", "new", tenths / 10)
        unknown.take(tenths / 10)
    assert unknown.record("acme", "new", QUIET_SECONDS) is Occurrence.REPEATED
    assert unknown.take(QUIET_SECONDS) == (once("acme", "new"),)


def test_a_key_whose_report_failed_is_asked_for_again_but_nobody_waits_for_a_while() -> None:
    unknown = UnknownKeys()
    unknown.record("acme", "new", 0.0)
    unknown.report_failed(unknown.take(0.0), 0.1)
    assert unknown.record("acme", "new", 0.2) is None
    assert unknown.take(0.2) == (once("acme", "new"),)
    assert unknown.record("acme", "newer", 0.1 + REPORT_FAILED_SECONDS + QUIET_SECONDS) is Occurrence.FIRST


def test_one_organizations_flood_leaves_room_for_another() -> None:
    unknown = UnknownKeys()
    for number in range(1000):
        unknown.record("acme", f"made-up-{number}", 0.0)
    assert unknown.record("globex", "rotated", 0.0) is Occurrence.FIRST
    assert set(unknown.take(0.0)) == {once("acme", "made-up-0"), once("globex", "rotated")}


def test_all_together_are_bounded_and_who_found_no_room_is_asked_about_next() -> None:
    unknown = UnknownKeys()
    for number in range(unknown_keys.MAX_PENDING):
        unknown.record(f"organization-{number}", "made-up", 0.0)
    assert unknown.record("acme", "new", 0.0) is None
    assert len(unknown.take(0.0)) == unknown_keys.MAX_PENDING
    assert unknown.record("acme", "new", 0.1) is Occurrence.REPEATED


def test_a_report_has_no_more_keys_than_the_control_plane_takes() -> None:
    unknown = UnknownKeys()
    for number in range(unknown_keys.MAX_PENDING + 50):
        for _ in range(2):
            unknown.record(f"organization-{number}", "new", 0.0)
    assert len(unknown.take(0.0)) == unknown_keys.MAX_PENDING


def test_the_memory_of_what_was_seen_is_bounded() -> None:
    unknown = UnknownKeys()
    for number in range(2 * unknown_keys.MAX_REMEMBERED + 10):
        unknown.record("acme", f"made-up-{number}", 0.0)
    assert len(unknown._reported.seen._new) == 10
    assert len(unknown._reported.seen._old) == unknown_keys.MAX_REMEMBERED


def test_the_memory_of_what_was_asked_is_bounded() -> None:
    unknown = UnknownKeys()
    for number in range(unknown_keys.MAX_ORGANIZATIONS + 10):
        unknown.record(f"organization-{number}", "made-up", 0.0)
    assert len(unknown._reported.reports) == unknown_keys.MAX_ORGANIZATIONS


def test_a_name_is_forgotten_when_it_has_not_been_seen_for_long() -> None:
    memory = unknown_keys._FirstSeen()
    assert memory.first_seen("acme", "new", 0.0) is None
    assert memory.first_seen("acme", "new", 5.0) == 0.0
    assert memory.first_seen("globex", "new", REMEMBERED_SECONDS) is None
    assert memory.first_seen("acme", "new", REMEMBERED_SECONDS + 1) == 0.0
    assert memory.first_seen("globex", "newer", 2 * REMEMBERED_SECONDS) is None
    assert memory.first_seen("globex", "newest", 3 * REMEMBERED_SECONDS) is None
    assert memory.first_seen("acme", "new", 3 * REMEMBERED_SECONDS) is None


def test_an_oversized_name_is_not_passed_on() -> None:
    unknown = UnknownKeys()
    assert unknown.record("acme", "k" * (unknown_keys.MAX_KID + 1), 0.0) is None
    assert unknown.take(0.0) == ()


def test_a_report_fits_what_the_control_plane_accepts() -> None:
    keys = tuple(once("a" * 32, "\u20ac" * 200 + str(number)) for number in range(100))
    report = report_of(keys)
    assert len(report) <= 16 * 1024
    document = json.loads(report)
    assert document["schema"] == 1
    assert document["pairs"][0] == {"organization": "a" * 32, "kid": keys[0].kid, "repeated": False}
    assert json.loads(report_of((again("acme", 'q"uote'),)))["pairs"] == [
        {"organization": "acme", "kid": 'q"uote', "repeated": True}
    ]


def test_fj_01_unreported_keys_wait_alike_and_are_never_reported() -> None:
    reported, unreported, both = UnknownKeys(), UnknownKeys(), UnknownKeys()
    seen = [("k", 0.0), ("k", 1.0), ("other", 1.2), ("k", 2.0), ("other", 2.1), ("k", 3.0), ("k", 40.0)]
    alone = [reported.record("acme", kid, now) for kid, now in seen]
    assert [unreported.record("nobody", kid, now, report=False) for kid, now in seen] == alone
    assert unreported.take(40.0) == ()
    # The same organization under both rules: neither uses up what the other may ask.
    for kid, now in seen:
        both.record("acme", kid, now, report=False)
    assert both.take(2.5) == ()
    assert [both.record("acme", kid, now) for kid, now in seen] == alone
