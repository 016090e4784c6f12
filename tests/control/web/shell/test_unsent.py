"""FH-01: the text of a form that is sent after the session has ended comes back after the sign-in.

Without JavaScript; tests/browser/test_unsent_forms.py shows it in a browser.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from cryptography.fernet import Fernet
from django.test import Client
from django.test.signals import template_rendered
from django.urls import reverse

import watchword.control
from kit import people, signing_in
from kit.html_form import HtmlForm
from kit.people import NOW, PASSWORD
from kit.portal_forms import FORMS, ROUTES, browser_of
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import Permission
from watchword.control.identity.models import Person, Role, Session
from watchword.control.servers.models import AuthorizationServer
from watchword.control.web.shell import unsent

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.template.context import BaseContext

    from watchword.control.organizations.models import Organization

TYPED: Final = 'Typed "for" <b>long</b> & longer\r\nby Alice'
ON_ONE_LINE: Final = TYPED.replace("\r\n", " ")
NOT_SENT: Final = frozenset({"csrfmiddlewaretoken", "typed_by"})
SIGN_IN: Final = "/sign-in"


def typed_into(form: HtmlForm) -> dict[str, list[str]]:
    """Every field of the form as a person leaves it who has changed all of them."""
    typed = dict(form.fields)
    for name, kind in form.kinds.items():
        if kind == "textarea":
            typed[name] = [TYPED]
        elif kind in {"checkbox", "radio", "select"}:
            others = [value for value in form.choices[name] if value not in form.fields.get(name, [])]
            typed[name] = others if kind == "checkbox" else others[-1:]
        elif kind != "hidden":
            typed[name] = [ON_ONE_LINE]
    return typed


def kept_in(answer: Any) -> str:
    found = re.search(r'name="unsent" value="([^"]+)"', answer.content.decode())
    assert found is not None
    return found[1]


def sign_in(client: Client, person: Person, answer: Any) -> Any:
    return signing_in.sign_in(client, person, unsent=kept_in(answer))


def sendable(fields: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: values for name, values in fields.items() if name not in NOT_SENT and values}


def secrets_of(form: HtmlForm) -> set[str]:
    """The fields that no page sends back: passwords, codes, and secrets that are new each time."""
    return {name for name, kind in form.kinds.items() if kind == "password" or name in {"code", "sealed_secret"}}


def without_secrets(form: HtmlForm, fields: dict[str, list[str]]) -> dict[str, list[str]]:
    return sendable({name: values for name, values in fields.items() if name not in secrets_of(form)})


def changes() -> list[str]:
    """The audited actions without the sign-ins."""
    return list(
        AuditEvent.objects.exclude(action__in=["signed_in", "password_accepted"]).values_list("action", flat=True)
    )


@pytest.fixture
def bob_of_acme(acme: Organization) -> Person:
    Role.objects.create(organization=acme, name="Another", permissions=[])
    return people.administrator("bob", "acme", Permission.AUDIT_LOGS)


@pytest.mark.parametrize(("route", "place"), FORMS, ids=ROUTES)
def test_field_h_every_form_comes_back_with_what_was_typed(
    alice: Person, operator: Person, bob_of_acme: Person, route: str, place: Callable[[Person], dict[str, object]]
) -> None:
    person = operator if route.startswith("console:") else alice
    address = reverse(route, kwargs=place(bob_of_acme))
    client = browser_of(person)
    form = HtmlForm(client.get(address).content.decode(), address)
    typed = typed_into(form)
    Session.objects.all().delete()
    before = changes()
    met = client.post(address, typed)
    assert met.status_code == 200
    assert "What you typed comes back after you sign in." in met.content.decode()
    assert "Typed" not in met.content.decode()
    assert sign_in(client, person, met)["Location"] == address
    page = client.get(address).content.decode()
    assert "What you typed is back; nothing was saved yet." in page
    again = HtmlForm(page, address)
    expected = without_secrets(form, typed)
    assert without_secrets(form, again.fields) == expected
    assert all(again.fields[name] != typed[name] for name in secrets_of(form))
    for counter in re.findall(r"data-counter=\"id_(\w+)\"\s+data-limit=\"\d+\">(\d+) / \d+<", page):
        assert int(counter[1]) == len(expected[counter[0]][0])
    assert changes() == before, "nothing is sent by itself"
    fresh = HtmlForm(client.get(address).content.decode(), address)
    assert without_secrets(form, fresh.fields) == without_secrets(form, form.fields)


def test_field_h_every_form_with_text_is_covered(alice: Person, operator: Person, bob_of_acme: Person) -> None:
    """Every template around a form is in the table above, and no other form takes text."""
    root = Path(watchword.control.__file__).parent
    templates = {path: path.read_text() for path in root.rglob("*.html")}
    dialogs = {str(path).split("/templates/")[1] for path, text in templates.items() if "shell/form_dialog" in text}
    seen: set[str] = set()

    def note(template: Any, context: BaseContext, **_: object) -> None:
        seen.add(template.name)

    template_rendered.connect(note)
    try:
        for route, place in FORMS:
            person = operator if route.startswith("console:") else alice
            browser_of(person).get(reverse(route, kwargs=place(bob_of_acme)))
            AuthorizationServer.objects.all().delete()
    finally:
        template_rendered.disconnect(note)
    assert dialogs - seen == set()
    own = {"shell/form_dialog.html", "sign_in/sign_in.html", "sign_in/set_password.html", "shell/sign_in_again.html"}
    # Before the sign-in no one has typed anything else.
    own |= {"sign_in/enrol.html", "sign_in/app_setup.html", "sign_in/single_sign_on.html"}
    for path, text in templates.items():
        name = str(path).split("/templates/")[1]
        for form in re.findall(r"<form.*?</form>", text, re.DOTALL):
            takes_text = re.search(r"<textarea|<select|type=\"(text|email|url|number)\"|\{% block body", form)
            assert name in own or 'method="get"' in form or "hx-get" in form or not takes_text, name


@pytest.fixture
def renaming(alice: Person, bob: Person) -> tuple[Client, str, Any]:
    """Alice's browser, the form's address, and the response to the form sent after her session had ended."""
    address = reverse("people:rename", args=["acme", bob.pk])
    client = browser_of(alice)
    form = HtmlForm(client.get(address).content.decode(), address)
    Session.objects.all().delete()
    return client, address, client.post(address, form.fields | {"name": "Typed by Alice"})


def test_field_h_a_failed_sign_in_keeps_it(alice: Person, renaming: tuple[Client, str, Any]) -> None:
    client, address, met = renaming
    failed = client.post(SIGN_IN, {"email": alice.email, "password": "wrong", "unsent": kept_in(met)})
    assert failed.status_code == 422
    assert sign_in(client, alice, failed)["Location"] == address
    assert "Typed by Alice" in client.get(address).content.decode()


def test_field_h_an_edit_that_comes_back_does_not_overwrite_a_newer_one(alice: Person, acme: Organization) -> None:
    role = Role.objects.create(organization=acme, name="Auditor", permissions=[])
    address = reverse("people:edit-role", args=["acme", role.pk])
    client = browser_of(alice)
    form = HtmlForm(client.get(address).content.decode(), address)
    Session.objects.all().delete()
    met = client.post(address, form.fields | {"role": "Typed by Alice"})
    Role.objects.filter(pk=role.pk).update(name="Newer", version=2, updated_at=NOW, updated_by="bob@acme.example")
    sign_in(client, alice, met)
    again = HtmlForm(client.get(address).content.decode(), address)
    refused = client.post(address, again.fields)
    assert refused.status_code == 409
    assert "Newer" in refused.content.decode()
    assert HtmlForm(refused.content.decode(), address).fields["role"] == ["Typed by Alice"]


def test_field_h_another_person_does_not_get_it(
    alice: Person, charlie: Person, operator: Person, renaming: tuple[Client, str, Any]
) -> None:
    _, address, met = renaming
    for other in (charlie, operator):
        client = Client()
        assert sign_in(client, other, met)["Location"] != address
        assert "Typed by Alice" not in client.get(address).content.decode()
    assert alice.email not in kept_in(met)


def test_field_h_another_person_in_the_same_browser_does_not_get_it(
    alice: Person, operator: Person, renaming: tuple[Client, str, Any]
) -> None:
    client, address, met = renaming
    sign_in(client, alice, met)
    signing_in.sign_in(client, operator)
    assert "Typed by Alice" not in client.get(address).content.decode()


@pytest.mark.parametrize("change", ["", "made up", "expired"])
def test_field_h_what_was_not_kept_or_too_long_ago_is_dropped(
    alice: Person, renaming: tuple[Client, str, Any], change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, address, met = renaming
    sealed = kept_in(met)
    if change == "expired":
        monkeypatch.setattr(unsent, "KEPT", -unsent.KEPT)
    else:
        sealed = change
    answer = client.post(SIGN_IN, {"email": alice.email, "password": PASSWORD, "unsent": sealed})
    assert answer["Location"] != address
    assert "Typed by Alice" not in client.get(address).content.decode()


def test_field_h_kept_text_expires_in_the_session(
    alice: Person, renaming: tuple[Client, str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, address, met = renaming
    sign_in(client, alice, met)
    monkeypatch.setattr(unsent, "KEPT", -unsent.KEPT)
    assert "Typed by Alice" not in client.get(address).content.decode()


def test_field_h_secrets_and_long_texts_are_not_kept(alice: Person, rf: Any, settings: Any) -> None:
    mark = unsent.typed_by(alice, "/form/")
    settings.ALLOWED_HOSTS = ["testserver"]
    keep = {"name": "Typed", "accepts_bound_tokens": "on"}
    drop = {
        "current_password": PASSWORD,
        "password": PASSWORD,
        "one_time_code": "123456",
        "receipt": "r",
        "authority": "-----BEGIN PRIVATE KEY-----",
    }
    sealed = unsent.seal(rf.post("/", keep | drop | {"typed_by": mark}))
    assert sealed is not None
    request = rf.get("/form/")
    request.session, request.user = {}, alice
    assert unsent.leave(request, sealed, alice) == "/form/"
    taken = unsent.take(request)
    assert taken is not None
    assert taken.fields == {name: [value] for name, value in keep.items()}
    assert unsent.take(request) is None
    assert unsent.seal(rf.post("/", {"name": "x" * unsent.CHARACTERS_MAX, "typed_by": mark})) is None
    assert unsent.seal(rf.post("/", {"name": "Typed", "typed_by": mark[:-1]})) is None
    assert not unsent.is_kept(Fernet(Fernet.generate_key()).encrypt(b"[]").decode())


def test_field_h_a_form_of_before_another_sign_in_comes_back(alice: Person, bob: Person) -> None:
    """Its form token has expired: the person signed in again in another tab."""
    address = reverse("people:rename", args=["acme", bob.pk])
    client = browser_of(alice, strict=True)
    form = HtmlForm(client.get(address).content.decode(), address)
    page = client.get(SIGN_IN)
    token = {"csrfmiddlewaretoken": client.get("/sign-in-again").json()["token"]}
    assert client.post(SIGN_IN, {"email": alice.email, "password": PASSWORD} | token).status_code == 302
    met = client.post(address, form.fields | {"name": "Typed by Alice"})
    assert (page.status_code, met.status_code, met["Location"]) == (302, 302, address)
    assert "Typed by Alice" in client.get(address).content.decode()


def test_field_h_without_any_cookie_it_comes_back_too(alice: Person, bob: Person, charlie: Person) -> None:
    address = reverse("people:rename", args=["acme", bob.pk])
    form = HtmlForm(browser_of(alice).get(address).content.decode(), address)
    bare = Client(enforce_csrf_checks=True)
    met = bare.post(address, form.fields | {"name": "Typed by Alice"})
    token = {"csrfmiddlewaretoken": bare.get("/sign-in-again").json()["token"]}
    typed = {"email": alice.email, "password": PASSWORD, "unsent": kept_in(met)}
    assert bare.post(SIGN_IN, typed | token)["Location"] == address
    assert "Typed by Alice" in bare.get(address).content.decode()
    # The page of the sign-in itself may be from before another sign-in.
    assert bare.post(SIGN_IN, typed)["Location"] == address
    other = browser_of(charlie, strict=True)
    assert other.post(SIGN_IN, typed).status_code == 403
    assert Client(enforce_csrf_checks=True).post(SIGN_IN, typed | {"unsent": "made up"}).status_code == 403
