"""The page and the dialog "Confirm that it is you": the way there, the proof, and the way back with what was typed."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from typing import TYPE_CHECKING, Any, Final

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from kit import people
from kit.authenticator import Authenticator
from kit.factors import add_passkey
from kit.html_form import HtmlForm
from kit.people import PASSWORD
from kit.portal_forms import FORMS, browser_of
from kit.signing_in import give_app, next_code
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import Interface, Permission
from watchword.control.identity.factor_rules import PROOF_FOR_A_DIALOG, PROOF_LIFETIME
from watchword.control.identity.models import Person, ProviderAccount, Role, Session, SingleSignOn
from watchword.control.identity.proof_commands import ConfirmIdentity
from watchword.control.identity.sealing import seal
from watchword.control.identity.session_store import SessionStore
from watchword.control.identity.single_sign_on.configuration_commands import CLIENT_SECRET

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from watchword.control.base.actor import Actor
    from watchword.control.organizations.models import Organization

CONFIRM: Final = "/confirm"
ASKED: Final = "Confirm that it is you"
CREATE_ROLE: Final = "/acme/administration/role-management/create/"
CHANGE_PASSWORD: Final = "/your-sign-in/change-password/"
CHOSEN: Final = "eleven purple bicycles sing"
ORIGIN: Final = "https://portal.example"
HTMX: Final = {"HX-Request": "true"}
NEW_ROLE: Final = {"role": "Typed by Alice", "permissions": ["Audit Logs"]}
NOT_TEXT: Final = frozenset({"csrfmiddlewaretoken", "typed_by", "receipt"})

WITHOUT_PROOF: Final = frozenset({"people:rename", "people:rename-passkey"})
WITHOUT_TEXT: Final = frozenset({"people:change-password", "people:set-up-app", "people:add-passkey"})
"""Passwords and codes never come back, and a passkey's response is read before its command asks for proof."""

VALID: Final = {
    "starts_at": "2026-01-31T12:00",
    "expires_at": "2027-01-31T12:00",
    "api_call_threshold": "500",
    "expires_on": "2027-01-31",
}
"""For fields that the view reads before its command runs."""


@pytest.fixture
def bob_of_acme(acme: Organization) -> Person:
    Role.objects.create(organization=acme, name="Another", permissions=[])
    return people.administrator("bob", "acme", Permission.AUDIT_LOGS)


def changes() -> int:
    return AuditEvent.objects.exclude(action="identity_confirmed").count()


def forget_proof(age: timedelta = PROOF_LIFETIME) -> None:
    Session.objects.update(proven_at=timezone.now() - age)


def asked(response: Any, status: int = 403) -> dict[str, list[str]]:
    """The fields of the form that asks for proof."""
    page = response.content.decode()
    assert response.status_code == status
    assert ASKED in page
    return HtmlForm(page, CONFIRM).fields


def proven(client: Client, fields: dict[str, list[str]], **more: str) -> Any:
    return client.post(CONFIRM, {**fields, "password": PASSWORD, **more})


def typed_into(form: HtmlForm) -> dict[str, list[str]]:
    typed = dict(form.fields)
    for name, kind in form.kinds.items():
        if kind in {"text", "email", "url", "textarea", "number", "datetime-local", "date"}:
            typed[name] = [VALID.get(name, f"Typed into {name}")]
        elif kind in {"select", "radio"}:
            typed[name] = form.choices[name][-1:]
    return typed


def text_of(fields: dict[str, list[str]], form: HtmlForm) -> dict[str, list[str]]:
    return {
        name: values
        for name, values in fields.items()
        if values and name not in NOT_TEXT and form.kinds.get(name) != "password"
    }


CHANGING: Final = [row for row in FORMS if row[0] not in WITHOUT_PROOF | WITHOUT_TEXT]


@pytest.mark.parametrize(("route", "place"), CHANGING, ids=[route for route, _ in CHANGING])
def test_what_was_typed_comes_back_after_the_proof(
    alice: Person, operator: Person, bob_of_acme: Person, route: str, place: Callable[[Person], dict[str, object]]
) -> None:
    person = operator if route.startswith("console:") else alice
    address = reverse(route, kwargs=place(bob_of_acme))
    client = browser_of(person)
    form = HtmlForm(client.get(address).content.decode(), address)
    typed = typed_into(form)
    forget_proof()
    before = changes()
    refused = client.post(address, typed)
    fields = asked(refused)
    assert "Typed into" not in refused.content.decode(), "it is encrypted"
    answer = proven(client, fields)
    assert (answer.status_code, answer["Location"]) == (302, address)
    page = client.get(address).content.decode()
    assert "What you typed is back; nothing was saved yet." in page
    again = HtmlForm(page, address)
    assert text_of(again.fields, again) == text_of(typed, form)
    assert changes() == before, "nothing is sent by itself"


def test_form_returns_without_proof(alice: Person) -> None:
    client = browser_of(alice)
    form = HtmlForm(client.get(CREATE_ROLE).content.decode(), CREATE_ROLE)
    forget_proof(PROOF_LIFETIME)
    fields = asked(client.post(CREATE_ROLE, form.fields | NEW_ROLE))
    assert client.post(CONFIRM, {**fields, "back": "on"})["Location"] == CREATE_ROLE
    # The dialog still needs proof, and its text waits meanwhile.
    assert client.get(CREATE_ROLE)["Location"] == f"{CONFIRM}?next={CREATE_ROLE.replace('/', '%2F')}"
    asked(client.get(CONFIRM, {"next": CREATE_ROLE}), 200)
    proven(client, {"next": [CREATE_ROLE]})
    assert "Typed by Alice" in client.get(CREATE_ROLE).content.decode()


def test_dialog_asks_before_it_opens(alice: Person) -> None:
    client = browser_of(alice)
    forget_proof(PROOF_FOR_A_DIALOG / 2)
    assert client.get(CREATE_ROLE).status_code == 200
    forget_proof(PROOF_FOR_A_DIALOG)
    led = client.get(CREATE_ROLE)
    page = client.get(led["Location"])
    assert proven(client, asked(page, 200))["Location"] == CREATE_ROLE
    assert client.get(CREATE_ROLE).status_code == 200
    assert client.get(CONFIRM, {"next": CREATE_ROLE})["Location"] == CREATE_ROLE, "there is nothing left to prove"


def test_change_after_the_proof_is_made(alice: Person) -> None:
    client = browser_of(alice)
    forget_proof()
    proven(client, asked(client.get(CONFIRM), 200))
    assert client.post(CREATE_ROLE, NEW_ROLE).status_code == 302
    assert Role.objects.filter(name="Typed by Alice").exists()


def test_new_password_needs_proof_besides_the_current_one(alice: Person) -> None:
    client = browser_of(alice)
    chosen = {"current_password": PASSWORD, "password": CHOSEN, "password_again": CHOSEN}
    forget_proof()
    fields = asked(client.post(CHANGE_PASSWORD, chosen))
    assert CHOSEN not in str(fields)
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
    assert proven(client, fields)["Location"] == CHANGE_PASSWORD
    assert client.post(CHANGE_PASSWORD, chosen).status_code == 302
    alice.refresh_from_db()
    assert alice.check_password(CHOSEN)


def test_page_says_who_must_prove_it(alice: Person) -> None:
    client = browser_of(alice)
    forget_proof()
    assert f"Confirm that you are {alice.email}." in client.get(CONFIRM).content.decode()


@pytest.mark.parametrize(
    "onward",
    ["https://attacker.example/", "//attacker.example/", "/\\attacker.example", "/\t/attacker.example", "javascript:0"],
)
def test_proof_leads_to_own_addresses_only(alice: Person, onward: str) -> None:
    client = browser_of(alice)
    assert client.get(CONFIRM, {"next": onward})["Location"] == "/"
    forget_proof()
    assert proven(client, {"next": [onward]})["Location"] == "/"
    forget_proof()
    shown = client.post(CONFIRM, {"next": onward, "password": PASSWORD}, headers=HTMX)
    assert json.loads(shown["HX-Trigger"]) == {"proven": {"opens": ""}}


def test_script_gets_the_dialog_over_the_form(alice: Person) -> None:
    """The form stays open under it, so the proof leads nowhere."""
    client = browser_of(alice)
    forget_proof()
    refused = client.post(CREATE_ROLE, NEW_ROLE, headers=HTMX)
    assert (refused["HX-Retarget"], refused["HX-Reswap"]) == ("#proof", "innerHTML")
    fields = asked(refused)
    assert fields["next"] == [""]
    assert "unsent" not in fields
    wrong = client.post(CONFIRM, {**fields, "password": "wrong"}, headers=HTMX)
    assert "This is not your password." in wrong.content.decode()
    assert wrong["HX-Retarget"] == "#proof"
    right = client.post(CONFIRM, {**asked(wrong, 422), "password": PASSWORD}, headers=HTMX)
    assert (right.status_code, right.content) == (200, b"")
    assert json.loads(right["HX-Trigger"]) == {"proven": {"opens": ""}}


def test_script_opens_the_asked_dialog_after_the_proof(alice: Person) -> None:
    client = browser_of(alice)
    forget_proof()
    fields = asked(client.get(CREATE_ROLE, headers=HTMX), 200)
    right = client.post(CONFIRM, {**fields, "password": PASSWORD}, headers=HTMX)
    assert json.loads(right["HX-Trigger"]) == {"proven": {"opens": CREATE_ROLE}}


def test_refused_change_without_a_dialog_leads_to_its_page(alice: Person) -> None:
    client = browser_of(alice)
    other = people.acting(alice)
    forget_proof()
    fields = asked(client.post(reverse("people:end-session", args=[other.session])))
    assert proven(client, fields)["Location"] == reverse("people:sessions")
    assert people.session_of(other).person == alice


def test_wrong_password_keeps_the_text(alice: Person) -> None:
    client = browser_of(alice)
    form = HtmlForm(client.get(CREATE_ROLE).content.decode(), CREATE_ROLE)
    forget_proof()
    fields = asked(client.post(CREATE_ROLE, form.fields | NEW_ROLE))
    wrong = client.post(CONFIRM, {**fields, "password": "wrong"})
    assert "This is not your password." in wrong.content.decode()
    proven(client, asked(wrong, 422))
    assert "Typed by Alice" in client.get(CREATE_ROLE).content.decode()


def test_text_of_another_person_is_dropped(alice: Person, bob_of_acme: Person) -> None:
    alices, bobs = browser_of(alice), browser_of(bob_of_acme)
    form = HtmlForm(alices.get(CREATE_ROLE).content.decode(), CREATE_ROLE)
    forget_proof()
    fields = asked(alices.post(CREATE_ROLE, form.fields | NEW_ROLE))
    assert proven(bobs, {**fields, "next": ["/sessions/"]})["Location"] == "/sessions/"
    asked(alices.get(CONFIRM), 200)


def test_p_33_guesses_are_slowed_down(alice: Person) -> None:
    client = browser_of(alice)
    forget_proof()
    answers = [client.post(CONFIRM, {"password": "wrong"}) for _ in range(12)]
    assert answers[0].status_code == 422
    blocked = next(answer for answer in answers if answer.status_code == 429)
    assert int(blocked["Retry-After"]) > 0
    assert "Too many attempts." in blocked.content.decode()


def test_p_32_proof_gives_the_session_another_key(alice: Person) -> None:
    client = browser_of(alice)
    stolen = Client()
    stolen.cookies["watchword_session"] = client.cookies["watchword_session"].value
    forget_proof()
    proven(client, {})
    assert stolen.get("/sessions/").status_code == 302
    assert client.get("/sessions/").status_code == 200


def test_other_tab_continues_after_the_proof(alice: Person) -> None:
    """Both tabs have the same session; the form of the first one was opened before."""
    client = browser_of(alice)
    form = HtmlForm(client.get(CREATE_ROLE).content.decode(), CREATE_ROLE)
    forget_proof()
    proven(client, {})
    assert client.post(CREATE_ROLE, form.fields | NEW_ROLE).status_code == 302


def test_other_browser_must_prove_it_too(alice: Person) -> None:
    first, second = browser_of(alice), browser_of(alice)
    forget_proof()
    proven(first, {})
    asked(second.post(CREATE_ROLE, NEW_ROLE))
    assert not Role.objects.filter(name="Typed by Alice").exists()


def test_ended_session_leads_to_the_sign_in_with_the_text(alice: Person) -> None:
    client = browser_of(alice)
    form = HtmlForm(client.get(CREATE_ROLE).content.decode(), CREATE_ROLE)
    forget_proof()
    fields = asked(client.post(CREATE_ROLE, form.fields | NEW_ROLE))
    Session.objects.all().delete()
    assert client.post(CONFIRM, fields, headers=HTMX)["HX-Redirect"] == CREATE_ROLE
    met = client.post(CONFIRM, fields)
    assert "What you typed comes back after you sign in." in met.content.decode()
    kept = re.search(r'name="unsent" value="([^"]+)"', met.content.decode())
    assert kept is not None
    assert unescape(kept[1]) == fields["unsent"][0]


def test_session_that_ends_after_the_proof(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ended by another request, before the session gets its new key."""
    client = browser_of(alice)
    confirm = ConfirmIdentity.run

    def ended(command: ConfirmIdentity, actor: Actor) -> None:
        confirm(command, actor)
        Session.objects.all().delete()

    monkeypatch.setattr(ConfirmIdentity, "run", ended)
    assert proven(client, {"next": [CREATE_ROLE]})["Location"].startswith("/sign-in")


def test_session_that_ends_during_the_proof(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    client = browser_of(alice)
    check = Person.check_password

    def slow(person: Person, password: str) -> bool:
        Session.objects.all().delete()
        return check(person, password)

    monkeypatch.setattr(Person, "check_password", slow)
    assert proven(client, {"next": [CREATE_ROLE]})["Location"].startswith("/sign-in")


def test_person_with_an_app_is_asked_for_its_code(alice: Person) -> None:
    give_app(alice)
    client = browser_of(alice)
    forget_proof()
    fields = asked(client.get(CONFIRM, {"next": CREATE_ROLE}), 200)
    assert "password" not in fields
    by_password = client.post(CONFIRM, {**fields, "password": PASSWORD})
    assert "Use one of the ways that the portal offers." in by_password.content.decode()
    asked(client.post(CONFIRM, {**fields, "code": "000000"}), 422)
    assert client.post(CONFIRM, {**fields, "code": next_code(alice)})["Location"] == CREATE_ROLE


def test_wrong_recovery_code_leaves_its_field_open(alice: Person) -> None:
    client = browser_of(give_app(alice))
    for form, is_open in (({"code": "000000"}, False), ({"recovery_code": "0000-0000"}, True)):
        page = proven(client, {"next": [CREATE_ROLE], **{name: [value] for name, value in form.items()}}).content
        assert (b'<details class="more small" open>' in page) is is_open


def test_passkey_begins_with_its_options(alice: Person, settings: Any) -> None:
    settings.WATCHWORD = settings.WATCHWORD.model_copy(update={"public_origin": ORIGIN})
    authenticator = Authenticator(ORIGIN)
    add_passkey(people.acting(alice), alice, authenticator)
    client = browser_of(alice)
    forget_proof()
    page = client.get(CONFIRM, {"next": CREATE_ROLE})
    assert "/confirm/options" in page.content.decode()
    options = client.post("/confirm/options").json()
    sent = {**asked(page, 200), "passkey": authenticator.get(options)}
    assert client.post(CONFIRM, sent)["Location"] == CREATE_ROLE
    assert client.get(CREATE_ROLE).status_code == 200


def test_stranger_gets_no_options() -> None:
    assert Client().post("/confirm/options")["Location"].startswith("/sign-in")


def test_text_waits_in_the_session_for_the_way_through_the_provider(alice: Person) -> None:
    """A link leads there, which carries no form. tests/control/web/sign_in/test_single_sign_on.py follows it."""
    secret = seal(CLIENT_SECRET, "secret")
    issuer = "https://login.acme.example"
    SingleSignOn.objects.create(
        organization_id="acme", enabled=True, issuer=issuer, client_id="portal", sealed_client_secret=secret
    )
    ProviderAccount.objects.create(
        person=alice, organization_id="acme", issuer=issuer, subject="1", created_at=alice.created_at
    )
    Person.objects.filter(pk=alice.pk).update(password="!")
    alice.refresh_from_db()
    client = browser_of(alice)
    form = HtmlForm(client.get(CREATE_ROLE).content.decode(), CREATE_ROLE)
    forget_proof()
    refused = client.post(CREATE_ROLE, form.fields | NEW_ROLE)
    assert {"password", "recovery_code"}.isdisjoint(asked(refused))
    assert f'href="/confirm/single-sign-on?next={CREATE_ROLE}"' in refused.content.decode()
    # What the provider's response leads to.
    people.proven(alice_in(client), timezone.now())
    assert "Typed by Alice" in client.get(CREATE_ROLE).content.decode()


def alice_in(client: Client) -> Any:
    """The actor of the browser's session."""
    public_id = SessionStore(client.cookies["watchword_session"].value).public_id
    person = Person.objects.get(email="alice@acme.example")
    return replace(person.actor(interface=Interface.PORTAL, address=None), session=public_id)


def test_person_without_any_way_is_sent_to_the_sign_in(alice: Person) -> None:
    """Such as one whose single sign-on was disabled meanwhile."""
    Person.objects.filter(pk=alice.pk).update(password="!")
    alice.refresh_from_db()
    client = browser_of(alice)
    forget_proof()
    page = client.get(CONFIRM)
    assert {"password", "code", "recovery_code"}.isdisjoint(asked(page, 200))
    assert "Sign out, and sign in again." in page.content.decode()
