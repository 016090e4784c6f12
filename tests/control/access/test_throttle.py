from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connections
from django.utils import timezone

from kit.people import NOW, PASSWORD
from watchword.control.access.models import Person, SignInThrottle
from watchword.control.access.signing_in import SignIn
from watchword.control.access.throttle import admit_attempt, lane_of_stranger
from watchword.control.refusals import Refusal

if TYPE_CHECKING:
    from django.test import Client


def fail(times: int, *, email: str = "alice@acme.example", address: str = "192.0.2.9") -> None:
    for _ in range(times):
        assert SignIn(email=email, password="wrong", address=address).run(now=NOW) is None


def test_guessing_at_one_account_is_slowed_down_from_wherever(alice: Person) -> None:
    for number in range(6):
        fail(1, address=f"192.0.2.{number}")

    with pytest.raises(Refusal) as refused:
        SignIn(email="ALICE@acme.example ", password=PASSWORD, address="192.0.2.77").run(now=NOW)

    assert (refused.value.code, refused.value.status) == ("too_many_requests", 429)
    assert SignIn(email=alice.email, password=PASSWORD, address="192.0.2.77").run(now=NOW + timedelta(seconds=1))


def test_guessing_from_one_address_is_slowed_down_whomever_it_is_about(alice: Person) -> None:
    for number in range(21):
        fail(1, email=f"nobody{number}@acme.example")

    with pytest.raises(Refusal):
        SignIn(email=alice.email, password=PASSWORD, address="192.0.2.9").run(now=NOW)
    assert SignIn(email=alice.email, password=PASSWORD, address="192.0.2.10").run(now=NOW)


def test_the_wait_never_exceeds_a_minute_and_is_told(client: Client, alice: Person) -> None:
    SignInThrottle.objects.all().delete()
    now = timezone.now()
    for step in range(30):
        admit_attempt(lane_of_stranger(alice.email, None), now + timedelta(seconds=61 * step))

    with pytest.raises(Refusal, match="in 60 seconds"):
        admit_attempt(lane_of_stranger(alice.email, None), now + timedelta(seconds=61 * 29))
    assert admit_attempt(lane_of_stranger(alice.email, None), now + timedelta(seconds=61 * 30)) is None  # type: ignore[func-returns-value]


def test_a_refused_attempt_does_not_prolong_the_wait(alice: Person) -> None:
    fail(6)
    for _ in range(10):
        with pytest.raises(Refusal):
            SignIn(email=alice.email, password="wrong", address="192.0.2.9").run(now=NOW)

    assert SignIn(email=alice.email, password=PASSWORD, address="192.0.2.9").run(now=NOW + timedelta(seconds=1))


def test_the_page_tells_the_wait(client: Client, alice: Person) -> None:
    for _ in range(6):
        client.post("/sign-in", {"email": alice.email, "password": "wrong"})

    answer = client.post("/sign-in", {"email": alice.email, "password": PASSWORD})
    assert answer.status_code == 429
    assert b"Too many attempts" in answer.content


def test_success_clears_the_account_but_not_the_address(alice: Person, charlie: Person) -> None:
    fail(4)
    for number in range(16):  # The address has used up its free attempts after these.
        fail(1, email=f"nobody{number}@acme.example")

    assert SignIn(email=alice.email, password=PASSWORD, address="192.0.2.8").run(now=NOW)
    fail(5, address="192.0.2.8")  # Alice's account began afresh.
    # A guesser's own account does not wipe the address's counter clean: one more failure than the free ones waits.
    assert SignIn(email=charlie.email, password=PASSWORD, address="192.0.2.9").run(now=NOW)
    fail(1, email="first-victim@acme.example")
    with pytest.raises(Refusal):
        SignIn(email="second-victim@acme.example", password="wrong", address="192.0.2.9").run(now=NOW)


@pytest.mark.django_db(transaction=True)
def test_parallel_guesses_are_counted_before_they_are_looked_at() -> None:
    together = threading.Barrier(8)

    def guess(_: int) -> bool:
        together.wait(timeout=10)
        try:
            admit_attempt(lane_of_stranger("alice@acme.example", "192.0.2.1"), NOW)
        except Refusal:
            return False
        else:
            return True
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        admitted = list(pool.map(guess, range(8)))

    assert admitted.count(True) == 6
