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
from watchword.control.identity import passwords
from watchword.control.identity.models import SignInThrottle
from watchword.control.identity.passwords import AT_ONCE, HashingSlots
from watchword.control.identity.session_commands import ChangePassword
from watchword.control.identity.sign_in_commands import SignIn
from watchword.control.identity.sign_in_link_commands import CreateSignInLink, RedeemSignInLink
from watchword.control.identity.throttle import admit_attempt, note_failure, note_success, stranger_key

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
def all_slots_held(slots: HashingSlots, at_once: int) -> Iterator[None]:
    """Other threads hash for as long as the block lasts."""
    end, begun = threading.Event(), threading.Semaphore(0)

    def hash_on() -> None:
        with slots.held():
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
    def test_fk_04_hasher_needs_a_slot_for_every_caller(self, hashes: Watched) -> None:
        stored = make_password(PASSWORD)

        def either(number: int) -> object:
            return check_password(PASSWORD, stored) if number % 2 else make_password(PASSWORD) != stored

        assert in_threads(40, either) == [True] * 40
        assert 0 < hashes.most <= AT_ONCE

    def test_fk_04_waiting_threads_are_bounded(self) -> None:
        slots = HashingSlots(at_once=2, waiting=0, seconds=WAIT)

        with all_slots_held(slots, 2), pytest.raises(Refusal) as refused, slots.held():
            pass
        assert (refused.value.code, refused.value.status) == ("passwords_busy", 429)
        with slots.held():
            pass

    def test_fk_04_wait_times_out_and_frees_its_place(self) -> None:
        slots = HashingSlots(at_once=1, waiting=1, seconds=0.01)

        with all_slots_held(slots, 1):
            for _ in range(3):
                with pytest.raises(Refusal), slots.held():
                    pass
        with slots.held():
            pass

    def test_fk_04_thread_with_a_slot_needs_no_second_one(self) -> None:
        slots = HashingSlots(at_once=1, waiting=0, seconds=0.01)

        with slots.held(), slots.held():
            pass
        with slots.held():
            pass

    @pytest.mark.django_db(transaction=True)
    def test_fk_04_waiting_thread_holds_no_connection(self) -> None:
        slots = HashingSlots(at_once=1, waiting=1, seconds=0.01)
        connection.ensure_connection()

        with all_slots_held(slots, 1), pytest.raises(Refusal), slots.held():
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
        slots = HashingSlots(at_once=1, waiting=0)
        for module in ("passwords", "session_commands", "sign_in_commands"):
            monkeypatch.setattr(f"watchword.control.identity.{module}.HASHING_SLOTS", slots)
        with all_slots_held(slots, 1):
            yield

    def test_fk_04_sign_in_form_keeps_all_fields_except_password(self, client: Client, alice: Person) -> None:
        form = {"email": alice.email, "password": PASSWORD, "next": "/console/"}
        answer = client.post("/sign-in", form)

        assert (answer.status_code, answer["Retry-After"]) == (429, str(passwords.RETRY_SECONDS))
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

    def test_fk_04_refusal_while_busy_is_not_counted_as_failure(self, alice: Person) -> None:
        for _ in range(30):
            with pytest.raises(Refusal, match="Too many people"):
                SignIn(email=alice.email, password="wrong", address="192.0.2.1").run()
        assert not SignInThrottle.objects.exists()


@pytest.mark.usefixtures("committing")
class TestAtOnce:
    def test_fk_05_ten_people_behind_one_address_sign_in(self) -> None:
        people.organization("acme")
        ten = [people.administrator(f"alice{number}", "acme", *Permission).email for number in range(10)]

        def sign_in(number: int) -> object:
            return SignIn(email=ten[number], password=PASSWORD, address="192.0.2.1").run() is not None

        assert in_threads(10, sign_in) == [True] * 10

    def test_fk_05_person_signs_in_ten_times_at_once(self) -> None:
        people.organization("acme")
        alice = people.administrator("alice", "acme", *Permission)

        def sign_in(_: int) -> object:
            return SignIn(email=alice.email, password=PASSWORD, address="192.0.2.1").run() is not None

        assert in_threads(10, sign_in) == [True] * 10

    def test_fk_05_concurrent_wrong_guesses_are_bounded(self, hashes: Watched) -> None:
        def guess(_: int) -> object:
            return SignIn(email="alice@acme.example", password="wrong", address="192.0.2.1").run(now=NOW)

        outcomes = in_threads(20, guess)
        assert outcomes.count(None) == 6
        assert outcomes.count("too_many_requests") == 14
        assert hashes.all == 6


class TestReservations:
    throttle_key = stranger_key("alice@acme.example", "192.0.2.1")

    def reserved(self) -> dict[str, tuple[int, int]]:
        rows = SignInThrottle.objects.all()
        return {row.subject: (row.under_way, row.failures) for row in rows}

    @pytest.mark.django_db
    def test_fk_05_success_leaves_no_attempt_in_progress(self) -> None:
        for _ in range(100):
            admit_attempt(self.throttle_key, NOW)
            note_success(self.throttle_key)
        assert set(self.reserved().values()) == {(0, 0)}

    @pytest.mark.django_db
    def test_fk_05_attempts_in_progress_are_as_many_as_may_fail_without_delay(self) -> None:
        for _ in range(4):
            admit_attempt(self.throttle_key, NOW)
            note_failure(self.throttle_key, NOW)
        admit_attempt(self.throttle_key, NOW)
        admit_attempt(self.throttle_key, NOW)
        with pytest.raises(Refusal, match="in 1 seconds"):
            admit_attempt(self.throttle_key, NOW)

    @pytest.mark.django_db
    def test_fk_05_failures_without_delay_do_not_block_earlier_clocks(self) -> None:
        admit_attempt(self.throttle_key, NOW)
        note_failure(self.throttle_key, NOW)
        admit_attempt(self.throttle_key, NOW - timedelta(milliseconds=5))

    @pytest.mark.django_db
    def test_fk_05_an_attempt_that_never_ended_counts_as_a_failure(self) -> None:
        for _ in range(6):
            admit_attempt(self.throttle_key, NOW)
        later = NOW + timedelta(seconds=61)
        admit_attempt(self.throttle_key, later)
        assert self.reserved()[self.throttle_key.own] == (1, 6)
        with pytest.raises(Refusal):
            admit_attempt(self.throttle_key, later)
