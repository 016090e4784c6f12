from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core import signing
from django.db import connections
from django.utils import timezone

from kit.people import NOW, PASSWORD
from watchword.control.base.actor import command_line
from watchword.control.base.refusals import Refusal
from watchword.control.identity.models import Person, SignInThrottle
from watchword.control.identity.sign_in_commands import SignIn
from watchword.control.identity.sign_in_link_commands import CreateSignInLink
from watchword.control.identity.throttle import (
    admit_attempt,
    known_browser_id,
    note_failure,
    refuse_blocked,
    stranger_key,
)

if TYPE_CHECKING:
    from django.test import Client


def fail(times: int, *, email: str = "alice@acme.example", address: str = "192.0.2.9") -> None:
    for _ in range(times):
        assert SignIn(email=email, password="wrong", address=address).run(now=NOW) is None


def test_guesses_at_one_account_from_many_addresses_are_delayed(alice: Person) -> None:
    for number in range(6):
        fail(1, address=f"192.0.2.{number}")

    with pytest.raises(Refusal) as refused:
        SignIn(email="ALICE@acme.example ", password=PASSWORD, address="192.0.2.77").run(now=NOW)

    assert (refused.value.code, refused.value.status) == ("too_many_requests", 429)
    assert SignIn(email=alice.email, password=PASSWORD, address="192.0.2.77").run(now=NOW + timedelta(seconds=1))


def test_guesses_from_one_address_at_many_accounts_are_delayed(alice: Person) -> None:
    for number in range(21):
        fail(1, email=f"nobody{number}@acme.example")

    with pytest.raises(Refusal):
        SignIn(email=alice.email, password=PASSWORD, address="192.0.2.9").run(now=NOW)
    assert SignIn(email=alice.email, password=PASSWORD, address="192.0.2.10").run(now=NOW)


def test_delay_is_at_most_a_minute_and_reported(client: Client, alice: Person) -> None:
    SignInThrottle.objects.all().delete()
    now = timezone.now()
    throttle_key = stranger_key(alice.email, None)
    for step in range(30):
        admit_attempt(throttle_key, now + timedelta(seconds=61 * step))
        note_failure(throttle_key, now + timedelta(seconds=61 * step))

    for refuse in (refuse_blocked, admit_attempt):
        with pytest.raises(Refusal, match="in 60 seconds"):
            refuse(throttle_key, now + timedelta(seconds=61 * 29))
        refuse(throttle_key, now + timedelta(seconds=61 * 30))


def test_refused_attempt_does_not_extend_the_delay(alice: Person) -> None:
    fail(6)
    for _ in range(10):
        with pytest.raises(Refusal):
            SignIn(email=alice.email, password="wrong", address="192.0.2.9").run(now=NOW)

    assert SignIn(email=alice.email, password=PASSWORD, address="192.0.2.9").run(now=NOW + timedelta(seconds=1))


@pytest.mark.usefixtures("no_time_passes")
def test_page_shows_the_delay(client: Client, alice: Person) -> None:
    for _ in range(6):
        client.post("/sign-in", {"email": alice.email, "password": "wrong"})

    answer = client.post("/sign-in", {"email": alice.email, "password": PASSWORD})
    assert answer.status_code == 429
    assert b"Too many attempts" in answer.content


def test_success_resets_account_but_not_address(alice: Person, charlie: Person) -> None:
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
def test_parallel_guesses_are_counted_before_the_check() -> None:
    together = threading.Barrier(8)

    def guess(_: int) -> bool:
        together.wait(timeout=10)
        try:
            admit_attempt(stranger_key("alice@acme.example", "192.0.2.1"), NOW)
        except Refusal:
            return False
        else:
            return True
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        admitted = list(pool.map(guess, range(8)))

    assert admitted.count(True) == 6


def rejected(email: str, *, address: str, at: timedelta, mark: str = "") -> bool:
    """Whether a wrong guess is not even looked at."""
    try:
        SignIn(email=email, password="wrong", address=address, device_cookie=mark).run(now=NOW + at)
    except Refusal:
        return True
    return False


def test_account_takes_about_one_guess_a_minute(alice: Person) -> None:
    """Over two hours: as fast as it goes; in bursts after being forgotten; and whichever is better at the moment."""
    hours = 2
    for pause in (timedelta(seconds=20), timedelta(minutes=15, seconds=1)):
        SignInThrottle.objects.all().delete()
        looked_at, at, number = 0, timedelta(), 0
        while at < timedelta(hours=hours):
            number += 1
            if rejected(alice.email, address=f"198.51.{number % 250}.{number // 250}", at=at):
                at += pause
            else:
                looked_at += 1
        assert looked_at <= hours * 60 + 15


def test_sign_in_to_own_account_does_not_reset_the_address(alice: Person, charlie: Person) -> None:
    looked_at, at = 0, timedelta()
    while at < timedelta(minutes=30):
        # An account of the guesser's own between any two guesses, as often as it is let.
        with suppress(Refusal):
            SignIn(email=charlie.email, password=PASSWORD, address="192.0.2.9").run(now=NOW + at)
        looked_at += not rejected(f"victim{looked_at}@acme.example", address="192.0.2.9", at=at)
        at += timedelta(seconds=5)

    assert looked_at <= 20 + 30 + 10


def test_ipv6_addresses_count_per_64_prefix(alice: Person) -> None:
    for number in range(21):
        assert not rejected(f"nobody{number}@acme.example", address=f"2001:db8:0:1::{number:x}", at=timedelta())

    assert rejected("somebody@acme.example", address="2001:db8:0:1:ffff::1", at=timedelta())
    assert not rejected("somebody@acme.example", address="2001:db8:0:2::1", at=timedelta())
    # An IPv4 address stays itself however it is written.
    for number in range(21):
        rejected(f"nobody{number}@globex.example", address="::ffff:192.0.2.50", at=timedelta())
    assert rejected("somebody@acme.example", address="192.0.2.50", at=timedelta())


def test_failures_are_forgotten_after_a_quarter_of_an_hour(alice: Person) -> None:
    fail(6)
    quarter = timedelta(minutes=15)

    # The seventh waits twice as long as the sixth did; after the pause the count begins anew.
    assert not rejected(alice.email, address="192.0.2.9", at=quarter - timedelta(seconds=1))
    assert rejected(alice.email, address="192.0.2.9", at=quarter)
    for _ in range(6):
        assert not rejected(alice.email, address="192.0.2.9", at=2 * quarter)
    assert rejected(alice.email, address="192.0.2.9", at=2 * quarter)


def signed_in_browser(client: Client, email: str) -> str:
    client.post("/sign-in", {"email": email, "password": PASSWORD})
    return client.cookies["watchword_browser"].value


def besiege(email: str) -> None:
    """Strangers and a neighbour guess for so long that the next attempt of anybody unknown waits."""
    while not rejected(email, address="203.0.113.5", at=timedelta(days=1)):
        pass
    while not rejected("neighbour@acme.example", address="192.0.2.9", at=timedelta(days=1)):
        pass


def test_guesses_do_not_block_the_known_browser(client: Client, alice: Person) -> None:
    mark = signed_in_browser(client, alice.email)
    besiege(alice.email)
    later = NOW + timedelta(days=1)

    with pytest.raises(Refusal):
        SignIn(email=alice.email, password=PASSWORD, address="192.0.2.9").run(now=later)
    assert SignIn(email=alice.email, password=PASSWORD, address="192.0.2.9", device_cookie=mark).run(now=later)
    # That she came in gives the strangers nothing back.
    assert rejected(alice.email, address="203.0.113.5", at=timedelta(days=1))


def test_guesses_do_not_block_a_sign_in_link(client: Client, alice: Person) -> None:
    besiege(alice.email)
    secret = CreateSignInLink(email=alice.email).run(command_line(), now=NOW)
    chosen = "tangerine gravel orbit"
    client.get(f"/sign-in/{secret}")

    assert client.post("/set-password", {"password": chosen, "password_again": chosen}).status_code == 302
    mark = client.cookies["watchword_browser"].value
    assert SignIn(email=alice.email, password=chosen, device_cookie=mark).run(now=NOW + timedelta(days=1))


def test_guesses_from_known_browser_are_delayed(client: Client, alice: Person) -> None:
    mark = signed_in_browser(client, alice.email)

    for number in range(6):
        assert not rejected(alice.email, address=f"192.0.2.{number}", at=timedelta(), mark=mark)
    assert rejected(alice.email, address="192.0.2.77", at=timedelta(), mark=mark)


def test_device_cookie_is_bound_to_its_account(client: Client, alice: Person, charlie: Person) -> None:
    mark = signed_in_browser(client, charlie.email)
    besiege(alice.email)
    day = timedelta(days=1)

    assert rejected(alice.email, address="192.0.2.10", at=day, mark=mark)
    for forged in ("", "x", f"{mark}x", mark[:-1], mark.replace(":", ""), signing.dumps(["1", "2"])):
        assert rejected(alice.email, address="192.0.2.10", at=day, mark=forged)


def test_device_cookie_ends_with_new_password_or_deactivation(client: Client, alice: Person) -> None:
    mark = signed_in_browser(client, alice.email)
    assert known_browser_id(mark, alice.email) is not None

    Person.objects.update(is_active=False)
    assert known_browser_id(mark, alice.email) is None
    Person.objects.update(is_active=True)
    alice.set_password("tangerine gravel orbit")
    alice.save()
    assert known_browser_id(mark, alice.email) is None


def test_device_cookie_expires(client: Client, alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = signed_in_browser(client, alice.email)
    later = time.time() + timedelta(days=180, seconds=2).total_seconds()

    monkeypatch.setattr(time, "time", lambda: later)

    assert known_browser_id(mark, alice.email) is None
