"""One browser's session, from the sign-in to its end: fixation, limits, replay, and what is stored of it."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.contrib.sessions.backends.base import CreateError
from django.test import Client
from django.utils import timezone

from kit.people import PASSWORD
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import command_line
from watchword.control.base.refusals import AccessLost
from watchword.control.identity.factor_rules import Factor
from watchword.control.identity.models import Person, Session
from watchword.control.identity.session_rules import ABSOLUTE, IDLE, LIVE_MAX
from watchword.control.identity.session_store import SessionStore, end_sessions, store_session
from watchword.control.identity.sign_in_link_commands import CreateSignInLink, RedeemSignInLink

if TYPE_CHECKING:
    from collections.abc import Callable

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
COOKIE = "watchword_session"
SECOND = timedelta(seconds=1)


def signed_in(person: Person, **headers: str) -> Client:
    client = Client(headers={"User-Agent": FIREFOX, **headers})
    assert client.post("/sign-in", {"email": person.email, "password": PASSWORD}).status_code == 302
    return client


def is_signed_in(client: Client) -> bool:
    return client.get("/sessions/").status_code == 200


def with_cookie(key: str) -> Client:
    client = Client()
    client.cookies[COOKIE] = key
    return client


def test_sign_in_creates_new_session_key_and_content(client: Client, alice: Person) -> None:
    planted = client.session
    planted["planted"] = "by somebody else"
    planted.save()
    before = client.cookies[COOKIE].value

    client.post("/sign-in", {"email": alice.email, "password": PASSWORD})

    assert client.cookies[COOKIE].value != before
    assert "planted" not in client.session
    assert not with_cookie(before).session.exists(before)
    assert Session.objects.count() == 1


def test_unknown_session_key_is_not_adopted(alice: Person) -> None:
    chosen = "chosenbysomebodyelse000000000000"
    client = with_cookie(chosen)

    client.post("/sign-in", {"email": alice.email, "password": PASSWORD})

    assert client.cookies[COOKIE].value != chosen
    assert not is_signed_in(with_cookie(chosen))


def test_sign_in_as_another_person_ends_previous_session(alice: Person, charlie: Person) -> None:
    client = signed_in(alice)
    before = client.cookies[COOKIE].value

    client.post("/sign-in", {"email": charlie.email, "password": PASSWORD})

    assert not is_signed_in(with_cookie(before))
    assert b"charlie@globex.example" in client.get("/sessions/").content


def test_a_copy_of_the_database_opens_no_session(alice: Person) -> None:
    key = signed_in(alice).cookies[COOKIE].value
    stored = Session.objects.values().get()

    assert key not in str(stored)
    assert stored["key_hash"] == hashlib.sha256(key.encode()).hexdigest()
    assert not is_signed_in(with_cookie(stored["key_hash"]))
    assert not is_signed_in(with_cookie(str(stored["public_id"])))


@pytest.mark.parametrize("key", ["", "short", "x" * 32, "x" * 129, "x" * 5000, "ä" * 32])
def test_forged_key_opens_and_writes_nothing(db: None, key: str) -> None:
    assert not is_signed_in(with_cookie(key))
    assert not Session.objects.exists()


def test_signing_out_ends_the_session_on_the_server(alice: Person) -> None:
    client = signed_in(alice)
    stolen = client.cookies[COOKIE].value

    answer = client.post("/sign-out")

    assert answer.headers["Location"] == "/sign-in"
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert answer.cookies[COOKIE].value == ""
    assert AuditEvent.objects.latest("sequence").action == "signed_out"
    assert not Session.objects.exists()
    assert not is_signed_in(with_cookie(stolen))
    assert with_cookie(stolen).post("/sign-out").status_code == 302


def test_sign_out_needs_post(alice: Person) -> None:
    client = signed_in(alice)

    assert client.get("/sign-out").status_code == 405
    assert is_signed_in(client)


def test_a_session_ends_after_half_an_hour_without_use(alice: Person, advance: Callable[[timedelta], None]) -> None:
    client = signed_in(alice)
    for _ in range(3):
        advance(IDLE - SECOND)
        assert is_signed_in(client)

    advance(IDLE)

    assert not is_signed_in(client)


def test_session_ends_after_half_a_day_of_activity(alice: Person, advance: Callable[[timedelta], None]) -> None:
    client = signed_in(alice)
    for _ in range(35):
        advance(timedelta(minutes=20))
        assert is_signed_in(client)

    advance(timedelta(minutes=20))

    assert not is_signed_in(client)


@pytest.mark.parametrize("away", [IDLE, ABSOLUTE])
def test_a_cookie_replayed_after_its_end_opens_nothing(
    alice: Person, advance: Callable[[timedelta], None], away: timedelta
) -> None:
    key = signed_in(alice).cookies[COOKIE].value
    advance(away)

    for _ in range(3):
        # The first refusal must not have brought it back, nor the time have been noted.
        assert not is_signed_in(with_cookie(key))
        assert with_cookie(key).post("/sessions/end-others/").headers["Location"].startswith("/sign-in")


def test_last_use_of_session_is_written_at_most_once_a_minute(
    alice: Person, advance: Callable[[timedelta], None]
) -> None:
    client = signed_in(alice)
    began = Session.objects.get()
    assert (began.person, began.address, began.browser) == (alice, "127.0.0.1", "Firefox on Linux")

    advance(timedelta(seconds=59))
    client.get("/sessions/", REMOTE_ADDR="192.0.2.7")
    assert Session.objects.get().seen_at == began.seen_at

    advance(SECOND)
    client.get("/sessions/", REMOTE_ADDR="192.0.2.7", headers={"User-Agent": "curl/8.14.1"})
    noted = Session.objects.get()
    assert noted.seen_at >= began.seen_at + timedelta(minutes=1)
    assert (noted.address, noted.browser, noted.started_at) == ("192.0.2.7", "curl", began.started_at)


def test_deactivation_ends_sessions_for_good(alice: Person) -> None:
    client = signed_in(alice)
    Person.objects.update(is_active=False)

    assert not is_signed_in(client)
    assert not Session.objects.live(timezone.now()).exists()


def test_a_new_password_by_link_ends_every_session(alice: Person) -> None:
    clients = [signed_in(alice), signed_in(alice)]
    secret = CreateSignInLink(email=alice.email).run(command_line())

    RedeemSignInLink(secret=secret, password="tangerine gravel orbit").run(now=timezone.now())

    # The one that remains is of the sign-in that follows the new password.
    assert Session.objects.count() == 1
    assert not any(is_signed_in(client) for client in clients)


def test_every_new_password_ends_every_session(alice: Person) -> None:
    client = signed_in(alice)
    alice.set_password("tangerine gravel orbit")
    alice.save()

    assert not is_signed_in(client)


def test_sign_in_beyond_limit_ends_least_recently_used_session(
    alice: Person, charlie: Person, advance: Callable[[timedelta], None]
) -> None:
    other = signed_in(charlie)
    first, second = signed_in(alice), signed_in(alice)
    advance(timedelta(minutes=1))
    assert is_signed_in(first)
    for _ in range(LIVE_MAX - 1):
        signed_in(alice)

    assert alice.sessions.count() == LIVE_MAX
    assert is_signed_in(first)
    assert not is_signed_in(second)
    assert is_signed_in(other)


def test_session_ended_meanwhile_stays_ended(alice: Person) -> None:
    key = signed_in(alice).cookies[COOKIE].value
    under_way = SessionStore(key)
    under_way["notices"] = ["to be shown later"]
    Session.objects.all().delete()

    under_way.save()
    assert not Session.objects.exists()


def test_p_79_session_of_a_sign_in_that_ended_meanwhile_is_not_adopted(alice: Person) -> None:
    store = SessionStore()
    store.adopt(store_session(alice.pk, {Factor.PASSWORD}, timezone.now()))
    end_sessions(alice.pk)

    with pytest.raises(AccessLost):
        store.cycle_key()
    assert not Session.objects.exists()


def test_store_implements_djangos_interface(alice: Person, advance: Callable[[timedelta], None]) -> None:
    store = SessionStore()
    assert store.public_id is None
    store.note_seen(timezone.now(), address=None, user_agent="")
    with pytest.raises(RuntimeError, match="there is no session to begin"):
        store.begin(timezone.now(), address=None, user_agent="", factors={Factor.PASSWORD})
    store["kept"] = 1
    store.save()
    assert store.session_key is not None
    assert SessionStore(store.session_key)["kept"] == 1
    assert store.exists(store.session_key)
    with pytest.raises(CreateError):
        store.save(must_create=True)
    SessionStore().delete()
    advance(ABSOLUTE + timedelta(days=1, seconds=1))
    SessionStore.clear_expired()
    assert not Session.objects.exists()


def test_session_key_in_use_is_not_reused(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = SessionStore()
    taken.save()
    keys = iter([taken.session_key, "another" * 4])
    monkeypatch.setattr(SessionStore, "_get_new_session_key", lambda _: next(keys))

    store = SessionStore()
    store.save()

    assert store.session_key == "another" * 4


REASONS = {
    "idle": "You were signed out after 30 minutes without activity.",
    "absolute": "You were signed out: a session lasts at most 12 hours.",
    "gone": "Your session was ended. Sign in to continue.",
}
UNSAVED = "What you sent last was not saved."


@pytest.mark.parametrize(("reason", "away"), [("idle", IDLE), ("absolute", ABSOLUTE), ("gone", None)])
@pytest.mark.parametrize("sending", [False, True])
@pytest.mark.parametrize("htmx", [False, True])
def test_sign_in_page_shows_reason_once(
    alice: Person,
    advance: Callable[[timedelta], None],
    reason: str,
    away: timedelta | None,
    *,
    sending: bool,
    htmx: bool,
) -> None:
    client = signed_in(alice)
    if away is None:
        Session.objects.all().delete()
    else:
        advance(away)

    headers = {"HX-Request": "true"} if htmx else {}
    met = (client.post if sending else client.get)("/sessions/end-others/", headers=headers)
    assert met.headers["HX-Redirect" if htmx else "Location"] == ("/sessions/" if htmx else "/sign-in?next=/sessions/")
    page = client.get("/sessions/", follow=True)

    assert page.redirect_chain == [("/sign-in?next=/sessions/", 302)]
    assert REASONS[reason] in page.content.decode()
    assert (UNSAVED in page.content.decode()) is sending
    assert 'name="next" value="/sessions/"' in page.content.decode()
    assert REASONS[reason] not in client.get("/sign-in").content.decode()
    back = client.post("/sign-in", {"email": alice.email, "password": PASSWORD, "next": "/sessions/"})
    assert back.headers["Location"] == "/sessions/"


@pytest.mark.parametrize("told", ["", "<b>x</b>", "idle-unsaved-unsaved", "nothing", "IDLE", "-unsaved"])
def test_sign_in_page_shows_only_known_reasons(db: None, told: str) -> None:
    client = Client()
    client.cookies["watchword_ended"] = told

    content = client.get("/sign-in").content.decode()

    assert "banner" not in content
    assert "<b>" not in content


def test_sign_in_page_shows_reason_when_opened_directly(alice: Person, advance: Callable[[timedelta], None]) -> None:
    client = signed_in(alice)
    advance(IDLE)

    assert REASONS["idle"] in client.get("/sign-in").content.decode()
    assert REASONS["idle"] not in client.get("/sign-in").content.decode()


def test_sign_out_of_ended_session_shows_no_reason(alice: Person, advance: Callable[[timedelta], None]) -> None:
    client = signed_in(alice)
    advance(IDLE)

    assert "banner" not in client.post("/sign-out", follow=True).content.decode()
