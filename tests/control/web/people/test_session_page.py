"""The page Your sessions: what it shows of whom, ending sessions, and a new password."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.utils import timezone

from kit import people
from kit.people import PASSWORD
from kit.signing_in import sign_in
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import command_line
from watchword.control.base.refusals import Refusal
from watchword.control.identity.models import Person, Session
from watchword.control.identity.session_commands import ChangePassword, EndOtherSessions, EndSession
from watchword.control.identity.session_rules import IDLE
from watchword.control.identity.session_store import SessionStore
from watchword.control.web.people.account_pages import SessionPage

if TYPE_CHECKING:
    from watchword.control.base.actor import Actor

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.1 Mobile/15E148 Safari/604.1"
)
CHOSEN = "tangerine gravel orbit"


def signed_in(person: Person, user_agent: str = FIREFOX, address: str = "192.0.2.1") -> Client:
    client = Client(headers={"User-Agent": user_agent}, REMOTE_ADDR=address)
    assert sign_in(client, person).status_code == 302
    return client


def own_id(client: Client) -> UUID:
    found = SessionStore(client.cookies["watchword_session"].value).public_id
    assert found is not None
    return found


def is_signed_in(client: Client) -> bool:
    return client.get("/sessions/").status_code == 200


def page_of(client: Client) -> str:
    answer = client.get("/sessions/")
    assert answer.status_code == 200
    return answer.content.decode()


def last_event() -> AuditEvent:
    return AuditEvent.objects.latest("sequence")


def test_the_page_lists_the_persons_own_live_sessions_and_marks_this_one(alice: Person, charlie: Person) -> None:
    here, phone, idle = signed_in(alice), signed_in(alice, SAFARI, "2001:db8::7"), signed_in(alice, "curl/8.14.1")
    signed_in(charlie, "Opera", "198.51.100.9")
    Session.objects.filter(public_id=own_id(idle)).update(seen_at=timezone.now() - IDLE)

    content = page_of(here)

    rows = re.findall(r"<tr>.*?</tr>", content, re.DOTALL)[1:]
    assert len(rows) == 2
    assert "Firefox on Linux" in rows[0]
    assert "This session" in rows[0]
    assert "192.0.2.1" in rows[0]
    assert "Safari on iPhone" in rows[1]
    assert "This session" not in rows[1]
    assert "2001:db8::7" in rows[1]
    assert str(own_id(phone)) in rows[1]
    assert "<strong>2</strong> live sessions" in content
    for foreign in ("198.51.100.9", "curl", "Opera"):
        assert foreign not in content


def test_no_key_is_shown(alice: Person) -> None:
    here, phone = signed_in(alice), signed_in(alice, SAFARI)
    content = page_of(here)

    for client in (here, phone):
        key = client.cookies["watchword_session"].value
        assert key not in content
        assert Session.objects.get(public_id=own_id(client)).key_hash not in content


def test_browser_name_is_escaped(alice: Person) -> None:
    here = signed_in(alice, "<script>alert(1)</script> Firefox/1 Linux")

    assert "<script>alert" not in page_of(here)


def test_sessions_page_has_the_frame_of_the_person(alice: Person, operator: Person) -> None:
    assert "Acme" in page_of(signed_in(alice))
    for_operator = page_of(signed_in(operator))
    assert "Operator Console" in for_operator
    assert "operator@provider.example" in for_operator


def test_the_rail_leads_to_the_page(alice: Person) -> None:
    client = signed_in(alice)
    servers = client.get("/", follow=True).content.decode()

    assert re.search(r'<a class="person-name"\s+href="/sessions/"', servers)


@pytest.mark.parametrize("path", ["", "end-others/", "5f0d7c52-3a0e-4a52-9d3c-0d8f3d1f2b11/end/"])
def test_every_page_needs_a_sign_in(db: None, path: str) -> None:
    for method in ("get", "post"):
        answer = getattr(Client(), method)(f"/sessions/{path}")
        assert answer.status_code in {302, 405}
        assert answer.headers.get("Location", "/sign-in").startswith("/sign-in")


def test_ending_a_session_signs_that_browser_out_at_once_and_is_audited(alice: Person) -> None:
    here, phone = signed_in(alice), signed_in(alice, SAFARI, "192.0.2.9")

    answer = here.post(f"/sessions/{own_id(phone)}/end/", follow=True)

    assert answer.redirect_chain == [("/sessions/", 302)]
    assert "Ended the session of Safari on iPhone." in answer.content.decode()
    assert not is_signed_in(phone)
    assert is_signed_in(here)
    event = last_event()
    assert (event.organization, event.action, event.actor, event.target, event.result, event.address) == (
        "acme", "session_ended", alice.email, alice.email, "success", "192.0.2.1",
    )  # fmt: skip
    assert event.changes == {"session": ["Safari on iPhone, 192.0.2.9", None]}


def test_with_htmx_the_list_is_replaced_in_place(alice: Person) -> None:
    here, phone = signed_in(alice), signed_in(alice, SAFARI)

    answer = here.post(f"/sessions/{own_id(phone)}/end/", headers={"HX-Request": "true"})

    assert (answer.status_code, answer.headers["HX-Retarget"]) == (200, "#content")
    assert "Ended the session of Safari on iPhone." in answer.content.decode()
    assert "<strong>1</strong> live session" in answer.content.decode()


@pytest.mark.parametrize("htmx", [False, True])
def test_ending_the_own_session_signs_out(alice: Person, *, htmx: bool) -> None:
    here = signed_in(alice)

    answer = here.post(f"/sessions/{own_id(here)}/end/", headers={"HX-Request": "true"} if htmx else {})

    assert answer.headers["HX-Redirect" if htmx else "Location"] == "/sign-in"
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert not is_signed_in(here)


@pytest.mark.parametrize("whose", ["charlie", "nobody", "over"])
def test_session_of_another_person_is_not_found(alice: Person, charlie: Person, whose: str) -> None:
    here, theirs, over = signed_in(alice), signed_in(charlie), signed_in(alice)
    Session.objects.filter(public_id=own_id(over)).update(seen_at=timezone.now() - IDLE)
    over_id = Session.objects.filter(person=alice).order_by("seen_at")[0].public_id
    before = AuditEvent.objects.count()
    named = {"charlie": own_id(theirs), "nobody": uuid4(), "over": over_id}[whose]

    answer = here.post(f"/sessions/{named}/end/")

    assert answer.status_code == 404
    assert "Not found." in answer.content.decode()
    assert is_signed_in(theirs)
    assert AuditEvent.objects.count() == before


def test_session_cannot_be_ended_by_get(alice: Person) -> None:
    here, phone = signed_in(alice), signed_in(alice, SAFARI)

    assert here.get(f"/sessions/{own_id(phone)}/end/").status_code == 405
    assert is_signed_in(phone)


def test_ending_all_others_asks_first_and_leaves_this_one(alice: Person, charlie: Person) -> None:
    here, others, theirs = signed_in(alice), [signed_in(alice, SAFARI), signed_in(alice)], signed_in(charlie)

    asked = here.get("/sessions/end-others/").content.decode()
    assert "2 other sessions will be signed out at once." in asked
    assert all(is_signed_in(other) for other in others)
    answer = here.post("/sessions/end-others/", follow=True)

    assert "Ended 2 other sessions." in answer.content.decode()
    assert "End all other sessions" not in answer.content.decode()
    assert not any(is_signed_in(other) for other in others)
    assert is_signed_in(here)
    assert is_signed_in(theirs)
    assert AuditEvent.objects.filter(action="session_ended").count() == 2


@pytest.mark.parametrize("method", ["get", "post"])
def test_no_other_sessions_to_end_is_refused(alice: Person, method: str) -> None:
    here = signed_in(alice)

    answer = getattr(here, method)("/sessions/end-others/")

    assert answer.status_code == 409
    assert "You have no other sessions" in answer.content.decode()
    assert is_signed_in(here)


def test_one_other_session_is_in_the_singular(alice: Person) -> None:
    here = signed_in(alice)
    signed_in(alice)

    assert "One other session will be signed out" in here.get("/sessions/end-others/").content.decode()
    assert "Ended one other session." in here.post("/sessions/end-others/", follow=True).content.decode()


def change(
    client: Client, current: str = PASSWORD, chosen: str = CHOSEN, again: str | None = None, **headers: str
) -> str:
    typed = {"current_password": current, "password": chosen, "password_again": chosen if again is None else again}
    answer = client.post("/your-sign-in/change-password/", typed, headers=headers, follow=True)
    content = answer.content.decode()
    # The typed passwords are never sent back.
    assert not [secret for secret in typed.values() if f'value="{secret}"' in content]
    return f"{answer.status_code} {content}"


def test_a_new_password_ends_all_other_sessions_and_gives_this_one_a_new_key(alice: Person, charlie: Person) -> None:
    here, phone, theirs = signed_in(alice), signed_in(alice, SAFARI), signed_in(charlie)
    before = here.cookies["watchword_session"].value

    assert "Password changed. All your other sessions have ended." in change(here)

    assert is_signed_in(here)
    assert is_signed_in(theirs)
    assert not is_signed_in(phone)
    assert here.cookies["watchword_session"].value != before
    stale = Client()
    stale.cookies["watchword_session"] = before
    assert not is_signed_in(stale)
    assert alice.sessions.count() == 1
    assert "Firefox on Linux" in page_of(here)
    event = last_event()
    assert (event.organization, event.action, event.target, event.changes) == ("acme", "password_set", alice.email, {})
    assert Client().post("/sign-in", {"email": alice.email, "password": PASSWORD}).status_code == 422
    assert Client().post("/sign-in", {"email": alice.email, "password": CHOSEN}).status_code == 302


NOT_CURRENT = "This is not your current password."


@pytest.mark.parametrize(
    ("typed", "field", "sentence"),
    [
        (("wrong", CHOSEN), "current_password", NOT_CURRENT),
        (("", CHOSEN), "current_password", NOT_CURRENT),
        (("x" * 2000, CHOSEN), "current_password", NOT_CURRENT),
        ((PASSWORD, "short"), "password", "at least 12"),
        ((PASSWORD, "alice@acme.example."), "password", "do not count"),
        ((PASSWORD, "y" * 2000), "password", "at most 1024"),
        ((PASSWORD, PASSWORD), "password", "This is your current password. Choose another one."),
    ],
)
@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_invalid_input_keeps_the_dialog_open(
    alice: Person, headers: dict[str, str], typed: tuple[str, str], field: str, sentence: str
) -> None:
    here, phone = signed_in(alice), signed_in(alice, SAFARI)

    told = change(here, *typed, **headers)

    assert told.startswith("422")
    assert '<dialog class="dialog' in told
    assert f'id="{field}-error"' in told
    assert sentence in told
    assert is_signed_in(phone)
    assert Person.objects.get(pk=alice.pk).check_password(PASSWORD)


def test_differing_new_passwords_are_refused(alice: Person) -> None:
    told = change(signed_in(alice), again=f"{CHOSEN}!")

    assert 'id="password_again-error"' in told
    assert "The two passwords differ." in told


def test_a_wrong_current_password_is_audited_without_what_was_typed(alice: Person) -> None:
    change(signed_in(alice), "my-secret-for-elsewhere")

    event = last_event()
    assert (event.organization, event.action, event.actor, event.result) == (
        "acme", "password_set", alice.email, "refused",
    )  # fmt: skip
    assert "elsewhere" not in str(list(AuditEvent.objects.values()))


@pytest.mark.usefixtures("no_time_passes")
def test_guessing_the_current_password_is_throttled(alice: Person) -> None:
    here = signed_in(alice)
    for _ in range(6):
        assert change(here, "wrong").startswith("422")

    told = change(here)

    assert told.startswith("429")
    assert "Too many attempts. Try again in" in told
    assert Person.objects.get(pk=alice.pk).check_password(PASSWORD)
    # Failures in one browser do not block sign-in in another.
    assert is_signed_in(signed_in(alice))


def test_the_right_current_password_is_no_failed_attempt(alice: Person) -> None:
    here = signed_in(alice)
    for _ in range(8):
        assert change(here, PASSWORD, "short").startswith("422")

    assert "Password changed" in change(here)


def test_failed_sign_ins_of_others_do_not_block_a_password_change(alice: Person) -> None:
    here = signed_in(alice)
    for number in range(8):
        Client(REMOTE_ADDR=f"198.51.100.{number}").post("/sign-in", {"email": alice.email, "password": "wrong"})

    assert "Password changed" in change(here)


def test_the_commands_are_about_people(alice: Person) -> None:
    shell = command_line()
    for command in (EndSession(session_id=uuid4()), EndOtherSessions(kept=uuid4())):
        with pytest.raises(Refusal):
            command.run(shell)
    Session.objects.create(key_hash="of nobody", content="", started_at=timezone.now(), seen_at=timezone.now())
    assert SessionPage.of(shell).sessions == ()


def test_the_commands_take_the_time_they_are_given(alice: Person) -> None:
    here = own_id(signed_in(alice))
    actor: Actor = replace(people.acting(alice), session=here)
    at = timezone.now() + timedelta(seconds=5)

    ChangePassword(current=PASSWORD, password=CHOSEN, kept=here).run(actor, now=at)
    assert last_event().at == at
    Session.objects.update(address=None)
    EndSession(session_id=here).run(actor, now=at)
    assert last_event().changes == {"session": ["Firefox on Linux", None]}


def test_operator_can_end_own_sessions(operator: Person) -> None:
    here, phone = signed_in(operator), signed_in(operator, SAFARI)

    here.post(f"/sessions/{own_id(phone)}/end/")

    assert not is_signed_in(phone)
    assert (last_event().organization, last_event().action) == (None, "session_ended")
    assert "Password changed" in change(here)
