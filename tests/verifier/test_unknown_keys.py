from __future__ import annotations

import json

from watchword.verifier import unknown_keys
from watchword.verifier.unknown_keys import UnknownKeys, report_of


def test_a_pair_is_handed_out_once_and_again_after_thirty_seconds() -> None:
    unknown = UnknownKeys()
    unknown.note("acme", "new", 0.0)
    unknown.note("acme", "new", 1.0)
    unknown.note("globex", "new", 1.0)
    assert unknown.take() == (("acme", "new"), ("globex", "new"))
    unknown.note("acme", "new", 29.9)
    assert unknown.take() == ()
    unknown.note("acme", "new", 30.0)
    assert unknown.take() == (("acme", "new"),)


def test_a_pair_whose_report_failed_is_noted_again_at_once() -> None:
    unknown = UnknownKeys()
    unknown.note("acme", "new", 0.0)
    unknown.not_reported(unknown.take())
    unknown.note("acme", "new", 0.1)
    assert unknown.take() == (("acme", "new"),)


def test_one_organizations_flood_leaves_room_for_another() -> None:
    unknown = UnknownKeys()
    for number in range(1000):
        unknown.note("acme", f"made-up-{number}", 0.0)
    unknown.note("globex", "rotated", 0.0)
    pairs = unknown.take()
    assert len(pairs) == unknown_keys.MAX_PENDING_PER_ORGANIZATION + 1
    assert ("globex", "rotated") in pairs


def test_all_together_are_bounded() -> None:
    unknown = UnknownKeys()
    for number in range(1000):
        unknown.note(f"organization-{number}", "made-up", 0.0)
    assert len(unknown.take()) == unknown_keys.MAX_PENDING


def test_the_memory_of_what_was_reported_is_bounded() -> None:
    unknown = UnknownKeys()
    for number in range(unknown_keys.MAX_REMEMBERED + 10):
        unknown.note("acme", f"made-up-{number}", 0.0)
        unknown.take()
    assert len(unknown._reported) == unknown_keys.MAX_REMEMBERED


def test_an_oversized_name_is_not_passed_on() -> None:
    unknown = UnknownKeys()
    unknown.note("acme", "k" * (unknown_keys.MAX_KID + 1), 0.0)
    assert unknown.take() == ()


def test_a_report_fits_what_the_control_plane_accepts() -> None:
    pairs = tuple(("a" * 32, "\u20ac" * 200 + str(number)) for number in range(100))
    report = report_of(pairs)
    assert len(report) <= 16 * 1024
    document = json.loads(report)
    assert document["schema"] == 1
    assert document["pairs"][0] == {"organization": pairs[0][0], "kid": pairs[0][1]}
    assert json.loads(report_of((("acme", 'q"uote'),)))["pairs"] == [{"organization": "acme", "kid": 'q"uote'}]
