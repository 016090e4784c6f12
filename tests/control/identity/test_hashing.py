"""Few passwords are hashed at the same time; people who sign in at once are not delayed by each other."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import argon2.low_level
import pytest
from django.contrib.auth.hashers import check_password, make_password
from django.db import connection, connections

from kit import people
from kit.people import NOW, PASSWORD
from watchword.control.base.actor import Permission, command_line
from watchword.control.base.refusals import Refusal
from watchword.control.identity import hashing
from watchword.control.identity.commands import CreateSignInLink, RedeemSignInLink
from watchword.control.identity.hashing import AT_ONCE, Turns
from watchword.control.identity.models import SignInThrottle
from watchword.control.identity.session_commands import ChangePassword
from watchword.control.identity.signing_in import SignIn
from watchword.control.identity.throttle import admit_attempt, lane_of_stranger, note_failure, note_success

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.test import Client

    from watchword.control.identity.models import Person

WAIT = 30
CHOSEN = "tangerine gravel orbit"


class Watched:
    """Argon2's own functions, watched: how many run at once, and whether a transaction is open meanwhile."""

    def __init__(self) -> None:
        self.running = self.most = self.all = 0
        self.within_transactions = 0
        self._lock = threading.Lock()

    def watching(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: Any, **options: Any) -> Any:
            with self._lock:
                self.all += 1
                self.running += 1
                self.most = max(self.most, self.running)
                self.within_transactions += any(
                    not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks
                )
            try:
                return real(*arguments, **options)
            finally:
                with self._lock:
                    self.running -= 1

        return watched


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> Watched:
    watched = Watched()
    monkeypatch.setattr(argon2.low_level, "hash_secret", watched.watching(argon2.low_level.hash_secret))
    monkeypatch.setattr(argon2.PasswordHasher, "verify", watched.watching(argon2.PasswordHasher.verify))
    return watched


@contextmanager
def all_turns_taken(turns: Turns, at_once: int) -> Iterator[None]:
    """Other threads hash for as long as the block lasts."""
    end, begun = threading.Event(), threading.Semaphore(0)

    def hash_on() -> None:
        with turns.taken():
            begun.release()
            assert end.wait(WAIT)

    with ThreadPoolExecutor(at_once) as pool:
        others = [pool.submit(hash_on) for _ in range(at_once)]
        try:
            for _ in others:
                assert begun.acquire(timeout=WAIT)
            yield
        finally:
            end.set()
        for other in others:
            other.result()


def in_threads(number: int, run: Callable[[int], object]) -> list[object]:
    """What each returns; a refusal is its code."""
    start = threading.Barrier(number)

    def one(index: int) -> object:
        start.wait(timeout=WAIT)
        try:
            return run(index)
        except Refusal as refusal:
            return refusal.code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(one, range(number)))


class TestTurns:
    def test_fk_04_the_hasher_itself_takes_turns_whoever_calls_it(self, hashes: Watched) -> None:
        stored = make_password(PASSWORD)

        def either(number: int) -> object:
            return check_password(PASSWORD, stored) if number % 2 else make_password(PASSWORD) != stored

        assert in_threads(40, either) == [True] * 40
        assert 0 < hashes.most <= AT_ONCE

    def test_fk_04_one_more_than_may_wait_is_refused_at_once(self) -> None:
        turns = Turns(at_once=2, waiting=0, seconds=WAIT)

        with all_turns_taken(turns, 2), pytest.raises(Refusal) as refused, turns.taken():
            pass
        assert (refused.value.code, refused.value.status) == ("passwords_busy", 429)
        with turns.taken():
            pass

    def test_fk_04_a_wait_ends_with_a_refusal_and_leaves_its_place(self) -> None:
        turns = Turns(at_once=1, waiting=1, seconds=0.01)

        with all_turns_taken(turns, 1):
            for _ in range(3):
                with pytest.raises(Refusal), turns.taken():
                    pass
        with turns.taken():
            pass

    def test_fk_04_a_thread_that_has_a_turn_needs_no_second_one(self) -> None:
        turns = Turns(at_once=1, waiting=0, seconds=0.01)

        with turns.taken(), turns.taken():
            pass
        with turns.taken():
            pass

    @pytest.mark.django_db(transaction=True)
    def test_fk_04_a_thread_that_waits_holds_no_connection(self) -> None:
        turns = Turns(at_once=1, waiting=1, seconds=0.01)
        connection.ensure_connection()

        with all_turns_taken(turns, 1), pytest.raises(Refusal), turns.taken():
            pass
        assert connection.connection is None


class TestCommands:
    def test_fk_04_no_password_is_hashed_in_a_transaction(self, alice: Person, hashes: Watched) -> None:
        secret = CreateSignInLink(email=alice.email).run(command_line())
        acting = people.acting(alice)
        assert acting.session is not None
        ChangePassword(current=PASSWORD, password=CHOSEN, kept=acting.session).run(acting)
        RedeemSignInLink(secret=secret, password=PASSWORD).run(now=NOW)
        assert SignIn(email=alice.email, password=PASSWORD).run() is not None
        assert SignIn(email="nobody@acme.example", password=PASSWORD).run() is None

        assert hashes.all == 5
        assert hashes.within_transactions == 0


@pytest.mark.usefixtures("alice", "_busy")
class TestPages:
    @pytest.fixture
    def _busy(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Everybody else is signing in."""
        turns = Turns(at_once=1, waiting=0)
        for module in ("hashing", "passwords", "session_commands", "signing_in"):
            monkeypatch.setattr(f"watchword.control.identity.{module}.TURNS", turns)
        with all_turns_taken(turns, 1):
            yield

    def test_fk_04_sign_in_keeps_what_was_typed_but_the_password(self, client: Client, alice: Person) -> None:
        form = {"email": alice.email, "password": PASSWORD, "next": "/console/"}
        answer = client.post("/sign-in", form)

        assert (answer.status_code, answer["Retry-After"]) == (429, str(hashing.RETRY_SECONDS))
        text = answer.content.decode()
        assert "Too many people are signing in at the moment. Try again in 5 seconds." in text
        assert f'value="{alice.email}"' in text
        assert 'name="next" value="/console/"' in text
        assert PASSWORD not in text

    def test_fk_04_a_one_time_link_stays_usable(self, client: Client, alice: Person) -> None:
        client.get(f"/sign-in/{CreateSignInLink(email=alice.email).run(command_line())}", follow=True)

        form = {"password": CHOSEN, "password_again": CHOSEN}
        answer = client.post("/set-password", form)
        assert (answer.status_code, answer["Retry-After"]) == (429, "5")
        assert b"Too many people are signing in" in answer.content
        assert b'name="password_again"' in answer.content

    def test_fk_04_a_busy_moment_counts_as_no_failure(self, alice: Person) -> None:
        for _ in range(30):
            with pytest.raises(Refusal, match="Too many people"):
                SignIn(email=alice.email, password="wrong", address="192.0.2.1").run()
        assert not SignInThrottle.objects.exists()


@pytest.mark.usefixtures("committing")
class TestAtOnce:
    def test_fk_05_ten_people_behind_one_address_all_get_in(self) -> None:
        people.organization("acme")
        ten = [people.administrator(f"alice{number}", "acme", *Permission).email for number in range(10)]

        def sign_in(number: int) -> object:
            return SignIn(email=ten[number], password=PASSWORD, address="192.0.2.1").run() is not None

        assert in_threads(10, sign_in) == [True] * 10

    def test_fk_05_one_person_gets_in_ten_times_at_once(self) -> None:
        people.organization("acme")
        alice = people.administrator("alice", "acme", *Permission)

        def sign_in(_: int) -> object:
            return SignIn(email=alice.email, password=PASSWORD, address="192.0.2.1").run() is not None

        assert in_threads(10, sign_in) == [True] * 10

    def test_fk_05_twenty_wrong_guesses_at_once_are_not_all_looked_at(self, hashes: Watched) -> None:
        def guess(_: int) -> object:
            return SignIn(email="alice@acme.example", password="wrong", address="192.0.2.1").run(now=NOW)

        outcomes = in_threads(20, guess)
        assert outcomes.count(None) == 6
        assert outcomes.count("too_many_requests") == 14
        assert hashes.all == 6


class TestReservations:
    lane = lane_of_stranger("alice@acme.example", "192.0.2.1")

    def reserved(self) -> dict[str, tuple[int, int]]:
        rows = SignInThrottle.objects.all()
        return {row.subject: (row.under_way, row.failures) for row in rows}

    @pytest.mark.django_db
    def test_fk_05_a_success_leaves_no_trace_of_itself(self) -> None:
        for _ in range(100):
            admit_attempt(self.lane, NOW)
            note_success(self.lane)
        assert set(self.reserved().values()) == {(0, 0)}

    @pytest.mark.django_db
    def test_fk_05_attempts_under_way_are_as_many_as_may_fail_without_a_wait(self) -> None:
        for _ in range(4):
            admit_attempt(self.lane, NOW)
            note_failure(self.lane, NOW)
        admit_attempt(self.lane, NOW)
        admit_attempt(self.lane, NOW)
        with pytest.raises(Refusal, match="in 1 seconds"):
            admit_attempt(self.lane, NOW)

    @pytest.mark.django_db
    def test_fk_05_failures_that_cost_nothing_block_nobody_with_an_earlier_time(self) -> None:
        admit_attempt(self.lane, NOW)
        note_failure(self.lane, NOW)
        admit_attempt(self.lane, NOW - timedelta(milliseconds=5))

    @pytest.mark.django_db
    def test_fk_05_an_attempt_that_never_ended_counts_as_a_failure(self) -> None:
        for _ in range(6):
            admit_attempt(self.lane, NOW)
        later = NOW + timedelta(seconds=61)
        admit_attempt(self.lane, later)
        assert self.reserved()[self.lane.own] == (1, 6)
        with pytest.raises(Refusal):
            admit_attempt(self.lane, later)
