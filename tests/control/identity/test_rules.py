from __future__ import annotations

from datetime import timedelta

import pytest

from kit.people import NOW
from watchword.control.identity.rules import (
    Attempts,
    after_attempt,
    check_person,
    check_role,
    listed,
    normalised_email,
    person_status,
)

KNOWN = ("Activity", "Audit Logs")


def test_email_is_normalised() -> None:
    assert normalised_email("  Alice@ACME.example\t") == "alice@acme.example"


def test_p_60_address_outside_ascii_does_not_become_another_one() -> None:
    typed = "\N{KELVIN SIGN}im@acme.example"
    # Python's lower case of it is ASCII, the address of another person.
    assert typed.lower() == "kim@acme.example"
    assert set(check_person(email=normalised_email(typed), name="")) == {"email"}


@pytest.mark.parametrize("good", ["alice@acme.example", "a+b'c@x", "a@" + "x" * 252])
def test_addresses(good: str) -> None:
    assert check_person(email=good, name="Alice") == {}


@pytest.mark.parametrize(
    "bad", ["", "alice", "@acme.example", "alice@", "a@b@c", "alice@acme.example\n", "al ice@acme.example",
            "key-ci$@acme.example", "Alice@acme.example", "álice@acme.example", "a\0@b", "a@" + "x" * 253],
)  # fmt: skip
def test_invalid_addresses(bad: str) -> None:
    assert set(check_person(email=bad, name="")) == {"email"}


@pytest.mark.parametrize("bad", ["A" * 121, "Ali\u202ece", "Ali\nce", "\0"])
def test_invalid_names_are_refused(bad: str) -> None:
    assert set(check_person(email="alice@acme.example", name=bad)) == {"name"}


def test_roles() -> None:
    assert check_role(name="Auditor", permissions=["Audit Logs"], known=KNOWN) == {}
    assert set(check_role(name="", permissions=[], known=KNOWN)) == {"role"}
    assert set(check_role(name=" Auditor", permissions=[], known=KNOWN)) == {"role"}
    assert set(check_role(name="A" * 65, permissions=[], known=KNOWN)) == {"role"}
    assert set(check_role(name="Audi\ntor", permissions=["Everything"], known=KNOWN)) == {"role", "permissions"}


@pytest.mark.parametrize(
    ("is_active", "has_joined", "status"),
    [(True, True, "active"), (True, False, "invited"), (False, True, "deactivated"), (False, False, "deactivated")],
)
def test_person_status(*, is_active: bool, has_joined: bool, status: str) -> None:
    assert person_status(is_active=is_active, has_joined=has_joined).value == status


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["Alice"], "Alice"),
        (["Alice", "Bob"], "Alice and Bob"),
        (["Alice", "Bob", "Charlie"], "Alice, Bob and Charlie"),
        (["Alice", "Bob", "Charlie", "Bob2"], "Alice, Bob, Charlie and 1 more"),
    ],
)
def test_names_are_joined(names: list[str], sentence: str) -> None:
    assert listed(names) == sentence


def delays(count: int, *, free: int) -> list[int]:
    attempts: Attempts | None = None
    found = []
    for _ in range(count):
        attempts = after_attempt(attempts, free=free, now=NOW)
        found.append(int((attempts.blocked_until - NOW).total_seconds()))
    return found


def test_delay_grows_and_is_bounded() -> None:
    assert delays(12, free=3) == [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_millions_of_failures_still_wait_a_minute() -> None:
    attempts = Attempts(failures=10_000_000, last_failed_at=NOW, blocked_until=NOW)

    assert after_attempt(attempts, free=3, now=NOW).blocked_until == NOW + timedelta(seconds=60)


def test_failures_are_forgotten_after_time_without_failures() -> None:
    old = Attempts(failures=50, last_failed_at=NOW - timedelta(minutes=15), blocked_until=NOW)
    recent = Attempts(failures=50, last_failed_at=NOW - timedelta(minutes=14), blocked_until=NOW)

    assert after_attempt(old, free=3, now=NOW).failures == 1
    assert after_attempt(recent, free=3, now=NOW).failures == 51
