"""Administrators and Role Management as the browser gets them without scripts, and in parts as htmx gets them."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from kit import enrolled, people, sample_portal
from kit.browser_session import utc
from kit.people import NOW
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import Permission, command_line
from watchword.control.identity.models import Person, PersonKind, Role, Session, SignInLink, SignInPolicy
from watchword.control.identity.people_commands import ChangeRole, DeactivateAdministrator, InviteAdministrator
from watchword.control.identity.role_commands import CreateRole, EditRole
from watchword.control.identity.sign_in_link_commands import CreateSignInLink, usable_link

HTMX = {"HX-Request": "true"}
INVITATION = {"name": "Bob Two", "email": "bob2@acme.example", "role": "Role of bob"}
LINK = re.compile(r"http://127\.0\.0\.1:8080/sign-in/([\w-]{43})")


@dataclass
class Portal:
    """A person's browser on Acme's pages."""

    client: Client
    organization: str = "acme"

    def url(self, name: str, *arguments: object) -> str:
        return reverse(f"people:{name}", args=[self.organization, *arguments])

    def get(self, name: str, *arguments: object, htmx: bool = False, **query: str) -> Any:
        return self.client.get(self.url(name, *arguments), query, headers=HTMX if htmx else {})

    def post(self, name: str, *arguments: object, form: dict[str, Any] | None = None, htmx: bool = False) -> Any:
        return self.client.post(self.url(name, *arguments), form or {}, headers=HTMX if htmx else {})


def signed_in(person: Person) -> Portal:
    client = Client()
    client.cookies["watchword_session"] = sample_portal.session_of(person)
    return Portal(client)


def text(response: Any) -> str:
    return html.unescape(str(response.content.decode()))


def row(response: Any, name: str) -> str:
    """The table row of a person."""
    rows: list[str] = re.findall(r"<tr>.*?</tr>", text(response), re.DOTALL)
    return next(found for found in rows if name in found)


@pytest.fixture(autouse=True)
def _hosts(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["testserver"]


@pytest.fixture
def portal(alice: Person) -> Portal:
    return signed_in(alice)


@pytest.fixture
def manager(alice: Person) -> Portal:
    """An administrator with only the permission Administrators."""
    return signed_in(people.administrator("bob2", "acme", Permission.ADMINISTRATORS))


class TestAdministrators:
    def test_each_row_shows_name_role_and_status(self, portal: Portal, bob: Person) -> None:
        invitation = InviteAdministrator(
            organization_id="acme", email="new@acme.example", name="", role="Role of bob"
        ).run(command_line())
        Person.objects.filter(pk=bob.pk).update(is_active=False)

        page = portal.get("administrators")

        assert "<strong>1</strong> invited · <strong>1</strong> active · <strong>1</strong> deactivated" in text(page)
        assert "Active" in row(page, "alice@acme.example")
        assert ">You</span>" in row(page, "alice@acme.example")
        assert "Deactivated" in row(page, "bob@acme.example")
        assert "Role of bob" in row(page, "bob@acme.example")
        invited = row(page, invitation.person.email)
        assert "Invited" in invited
        assert "link expires" in invited
        assert "never" in invited

    def test_expired_and_missing_links_are_shown(self, portal: Portal, bob: Person) -> None:
        Person.objects.filter(pk=bob.pk).update(password="!")
        assert "no sign-in link" in row(portal.get("administrators"), bob.email)
        CreateSignInLink(email=bob.email).run(command_line(), now=NOW.replace(year=NOW.year - 1))
        assert "link expired" in row(portal.get("administrators"), bob.email)

    def test_the_time_of_the_last_sign_in_is_that_of_signing_in(self, portal: Portal, bob: Person) -> None:
        assert "never" in row(portal.get("administrators"), bob.email)
        Client().post("/sign-in", {"email": bob.email, "password": people.PASSWORD})
        bob.refresh_from_db()
        assert bob.last_login is not None
        assert utc(bob.last_login) in row(portal.get("administrators"), bob.email)

    def test_the_list_is_narrowed_by_text_and_status(self, portal: Portal, bob: Person) -> None:
        page = portal.get("administrators", q="BOB")
        assert bob.email in text(page)
        assert '<td data-label="E-mail" class="cell-email"><span>alice@acme.example' not in text(page)
        assert 'value="BOB"' in text(page)
        assert bob.email not in text(portal.get("administrators", status="invited"))
        assert bob.email in text(portal.get("administrators", status="emperor"))
        nobody = portal.get("administrators", q='<script>\x01"', status="active")
        assert "No administrators match" in text(nobody)
        assert b"<script>\x01" not in nobody.content

    @pytest.mark.usefixtures("acme")
    def test_an_organization_without_administrators_says_what_to_do(self, operator: Person) -> None:
        page = text(signed_in(operator).get("administrators"))
        assert "No administrators yet" in page
        invite = signed_in(operator).get("invite")
        assert '<option value="Administrator">' in text(invite)

    def test_the_second_factor_of_each_person_is_shown_and_filtered(
        self, portal: Portal, alice: Person, bob: Person
    ) -> None:
        other = people.administrator("bob2", "acme")
        enrolled.passkey(alice)
        enrolled.authenticator_app(alice)
        enrolled.provider_account(other)

        page = portal.get("administrators")

        assert ">Passkey, authenticator app<" in row(page, alice.email)
        assert ">not set up yet<" in row(page, bob.email)
        assert ">Single sign-on<" in row(page, other.email)
        missing, there = portal.get("administrators", factor="missing"), portal.get("administrators", factor="set-up")
        assert [person.email in text(missing) for person in (bob, other)] == [True, False]
        assert [person.email in text(there) for person in (bob, other)] == [False, True]
        assert bob.email in text(portal.get("administrators", factor="<b>"))
        assert "No administrators match" in text(portal.get("administrators", factor="set-up", status="invited"))

    def test_the_number_of_queries_does_not_grow_with_the_people(
        self, portal: Portal, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(20):
            people.administrator(f"bob{number}", "acme")
        for name in ("administrators", "roles"):
            with django_assert_max_num_queries(10):
                portal.get(name)

    def test_typed_names_are_escaped(self, portal: Portal, bob: Person) -> None:
        Person.objects.filter(pk=bob.pk).update(name="<script>alert(1)</script>")
        Role.objects.filter(name="Role of bob").update(name='"><img src=x>')
        for name in ("administrators", "roles", "invite"):
            page = portal.get(name).content.decode()
            assert "<script>alert" not in page
            assert "<img" not in page

    def test_people_with_more_permissions_are_locked_with_the_reason(self, manager: Portal, bob: Person) -> None:
        page = manager.get("administrators")
        assert "your role does not have the “Audit Logs” permission" in row(page, bob.email)
        assert manager.url("change-role", bob.pk) not in text(page)
        for name in ("change-role", "rename", "sign-out", "reset-factors", "deactivate", "reactivate", "sign-in-link"):
            assert manager.get(name, bob.pk).status_code == 403
            assert manager.post(name, bob.pk, form={"role": "Role of bob2", "name": "x"}).status_code == 403

    def test_the_last_full_administrator_and_oneself_cannot_be_deactivated_from_the_row(
        self, portal: Portal, alice: Person, operator: Person
    ) -> None:
        assert "You cannot deactivate yourself." in row(portal.get("administrators"), alice.email)
        page = signed_in(operator).get("administrators")
        assert "The last active administrator with every permission" in row(page, alice.email)


class TestSignOut:
    def test_confirmed_sign_out_ends_the_sessions(self, portal: Portal, bob: Person) -> None:
        browser = signed_in(bob)
        question = portal.get("sign-out", bob.pk, htmx=True)
        assert "Sign Bob out everywhere?" in text(question)
        assert Session.objects.filter(person=bob).exists()

        answer = portal.post("sign-out", bob.pk, htmx=True)

        assert "All sessions of Bob have ended." in text(answer)
        assert not Session.objects.filter(person=bob).exists()
        assert browser.get("administrators").headers["Location"].startswith("/sign-in")

    def test_own_row_does_not_offer_it(self, portal: Portal, alice: Person, bob: Person) -> None:
        page = portal.get("administrators")
        assert portal.url("sign-out", bob.pk) in row(page, bob.email)
        assert portal.url("sign-out", alice.pk) not in row(page, alice.email)


class TestResetSecondFactor:
    def test_confirmed_reset_removes_all_factors_and_ends_the_sessions(self, portal: Portal, bob: Person) -> None:
        enrolled.passkey(bob)
        enrolled.authenticator_app(bob)
        enrolled.recovery_codes(bob)
        browser = signed_in(bob)
        question = text(portal.get("reset-factors", bob.pk, htmx=True))
        assert "Reset the second factor of Bob?" in question
        assert "Make sure first that Bob asked for it" in question
        assert "can then sign in with the password alone" in question
        assert bob.passkeys.exists()

        answer = portal.post("reset-factors", bob.pk, htmx=True)

        assert "The second factor of Bob is reset. All sessions have ended." in text(answer)
        assert "not set up yet" in row(answer, bob.email)
        assert not bob.passkeys.exists()
        assert not bob.recovery_codes.exists()
        assert browser.get("administrators").headers["Location"].startswith("/sign-in")
        event = AuditEvent.objects.latest("sequence")
        assert (event.organization, event.action, event.target) == ("acme", "factors_reset", bob.email)

    def test_question_says_that_a_required_factor_must_be_set_up_again(
        self, portal: Portal, alice: Person, bob: Person
    ) -> None:
        needed = "must set up a second factor before anything else opens"
        policy = SignInPolicy.objects.create(organization_id="acme", emergency_person=bob)
        assert needed in text(portal.get("reset-factors", bob.pk))
        assert needed not in text(portal.get("reset-factors", alice.pk))
        policy.second_factor_required = True
        policy.save()
        assert needed in text(portal.get("reset-factors", alice.pk))

    def test_only_people_with_a_second_factor_have_the_button_and_nobody_for_oneself(
        self, portal: Portal, alice: Person, bob: Person
    ) -> None:
        enrolled.provider_account(bob)
        assert "Reset second factor" not in text(portal.get("administrators"))
        for person in (alice, bob):
            enrolled.passkey(person)
        page = portal.get("administrators")
        assert portal.url("reset-factors", bob.pk) in row(page, bob.email)
        assert portal.url("reset-factors", alice.pk) not in row(page, alice.email)
        assert "You cannot reset your own." in row(page, alice.email)
        answer = portal.post("reset-factors", alice.pk, htmx=True)
        assert answer.status_code == 409
        assert "You cannot reset your own second factors." in text(answer)
        assert alice.passkeys.exists()


class TestInvite:
    @pytest.mark.parametrize("htmx", [False, True])
    @pytest.mark.usefixtures("bob")
    def test_the_link_is_shown_once_and_works(self, portal: Portal, *, htmx: bool) -> None:
        answer = portal.post("invite", form=INVITATION, htmx=htmx)

        assert answer.status_code == 200
        found = LINK.search(text(answer))
        assert found is not None
        assert usable_link(found[1], NOW).person.email == "bob2@acme.example"
        assert "No e-mail was sent" in text(answer)
        assert "Works once, until " in text(answer)
        # In nothing that is kept: not on the page afterwards, not in the session.
        assert LINK.search(text(portal.get("administrators"))) is None
        assert found[1] not in str(dict(portal.client.session.items()))
        assert answer.headers["Cache-Control"] == "no-store"
        assert (answer.headers.get("HX-Retarget") == "#content") is htmx

    @pytest.mark.usefixtures("bob")
    def test_a_fault_keeps_what_was_typed(self, portal: Portal) -> None:
        answer = portal.post("invite", form=INVITATION | {"email": " not an address "}, htmx=True)
        assert answer.status_code == 422
        assert 'value=" not an address "' in text(answer)
        assert 'value="Bob Two"' in text(answer)
        assert '<option value="Role of bob" selected>' in text(answer)
        assert "Enter an e-mail address" in text(answer)
        taken = portal.post("invite", form=INVITATION | {"email": "bob@acme.example"})
        assert taken.status_code == 409
        assert "bob@acme.example is already in use." in text(taken)

    @pytest.mark.usefixtures("bob", "charlie")
    def test_p_04_only_the_fields_of_the_form_are_read(self, portal: Portal) -> None:
        everything = {"organization": "globex", "organization_id": "globex", "kind": "operator", "is_active": "",
                      "permissions": list(Permission.values), "password": "x" * 20, "id": "1", "role_id": "1",
                      "is_superuser": "on", "created_at": "1999-01-01"}  # fmt: skip
        assert portal.post("invite", form=INVITATION | everything).status_code == 200
        made = Person.objects.select_related("role").get(email="bob2@acme.example")
        assert made.role is not None
        assert (made.organization_id, made.kind, made.is_active) == ("acme", PersonKind.ADMINISTRATOR, True)
        assert (made.role.name, made.has_joined) == ("Role of bob", False)
        assert made.created_at.year != 1999

    def test_roles_beyond_the_own_cannot_be_chosen(self, manager: Portal) -> None:
        dialog = text(manager.get("invite", htmx=True))
        assert '<option value="Role of alice" disabled>Role of alice (your role lacks API Key Management)' in dialog
        answer = manager.post("invite", form=INVITATION | {"role": "Role of alice"})
        assert answer.status_code == 403
        assert "Your role does not have the “API Key Management” permission." in text(answer)
        assert not SignInLink.objects.exists()


class TestChange:
    def test_a_role_is_changed(self, portal: Portal, bob: Person) -> None:
        assert '<option value="Role of bob" selected>' in text(portal.get("change-role", bob.pk))
        answer = portal.post("change-role", bob.pk, form={"role": "Role of alice", "permissions": "x"}, htmx=True)
        assert answer.status_code == 200
        assert "Bob now has the role Role of alice." in text(answer)
        assert "Role of alice" in row(portal.get("administrators"), bob.email)

    def test_rights_change_with_the_next_request(self, portal: Portal, bob: Person) -> None:
        bobs = signed_in(bob)
        assert bobs.get("roles").status_code == 403
        portal.post("change-role", bob.pk, form={"role": "Role of alice"})
        assert bobs.get("roles").status_code == 200
        role = Role.objects.get(name="Role of alice")
        people.administrator("alice2", "acme", *Permission)
        EditRole(organization_id="acme", role_id=role.pk, expected_version=1, name=role.name,
                 permissions=frozenset({"Activity"})).run(command_line())  # fmt: skip
        assert bobs.get("roles").status_code == 403

    @pytest.mark.usefixtures("bob")
    def test_the_last_full_administrator_is_told_what_to_do(self, portal: Portal, alice: Person) -> None:
        answer = portal.post("change-role", alice.pk, form={"role": "Role of bob"}, htmx=True)
        assert answer.status_code == 409
        assert "Give another administrator a role with every permission first" in text(answer)
        assert '<option value="Role of bob" selected>' in text(answer)

    @pytest.mark.parametrize("htmx", [False, True])
    def test_losing_the_permission_leads_to_the_start_page(
        self, portal: Portal, alice: Person, bob: Person, *, htmx: bool
    ) -> None:
        ChangeRole(organization_id="acme", person_id=bob.pk, role="Role of alice").run(command_line())
        CreateRole(organization_id="acme", name="Newcomer", permissions=frozenset()).run(command_line())
        answer = portal.post("change-role", alice.pk, form={"role": "Newcomer"}, htmx=htmx)
        assert answer.headers["HX-Redirect" if htmx else "Location"] == "/"
        assert portal.get("administrators").status_code == 403

    def test_a_name_is_changed_and_read_everywhere(self, portal: Portal, alice: Person) -> None:
        assert 'value="Alice"' in text(portal.get("rename", alice.pk))
        answer = portal.post("rename", alice.pk, form={"name": "Alice A"}, htmx=True)
        assert "Alice A" in row(answer, alice.email)
        assert portal.post("rename", alice.pk, form={"name": "A" * 121}).status_code == 422

    def test_new_link_says_that_it_ends_earlier_links_and_does(self, portal: Portal, bob: Person) -> None:
        question = text(portal.get("sign-in-link", bob.pk))
        assert "The current password stays valid until the link is used." in question
        first = CreateSignInLink(email=bob.email).run(command_line())
        found = LINK.search(text(portal.post("sign-in-link", bob.pk)))
        assert found is not None
        assert SignInLink.objects.count() == 1
        assert usable_link(found[1], NOW).person == bob
        assert first != found[1]

    def test_deactivation_signs_out_with_the_next_request(self, portal: Portal, bob: Person) -> None:
        bobs = signed_in(bob)
        assert bobs.get("administrators").status_code == 403
        assert "is signed out everywhere at once" in text(portal.get("deactivate", bob.pk))
        answer = portal.post("deactivate", bob.pk)
        assert answer.headers["Location"] == portal.url("administrators")
        assert "Bob is deactivated and signed out." in text(portal.get("administrators"))
        assert bobs.get("administrators").headers["Location"].startswith("/sign-in")
        assert "can sign in again" in text(portal.get("reactivate", bob.pk))
        portal.post("reactivate", bob.pk)
        # An old session does not come back to life.
        assert bobs.get("administrators").headers["Location"].startswith("/sign-in")

    def test_a_refused_deactivation_stays_in_its_dialog(self, portal: Portal, alice: Person) -> None:
        answer = portal.post("deactivate", alice.pk, htmx=True)
        assert answer.status_code == 409
        assert "You cannot deactivate or reactivate yourself." in text(answer)
        assert 'role="alertdialog"' in text(answer)

    def test_deactivation_while_saving_leads_to_sign_in(
        self, portal: Portal, alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The own deactivation comes between the change and the page after it."""
        ChangeRole(organization_id="acme", person_id=bob.pk, role="Role of alice").run(command_line())
        run = DeactivateAdministrator.run

        def both(command: DeactivateAdministrator, actor: Any) -> Person:
            DeactivateAdministrator.run = run  # type: ignore[method-assign]
            done = run(command, actor)
            Person.objects.filter(pk=alice.pk).update(is_active=False)
            return done

        monkeypatch.setattr(DeactivateAdministrator, "run", both)
        other = people.administrator("bob3", "acme")
        assert portal.post("deactivate", other.pk).headers["Location"] == "/"

    def test_m_11_people_of_other_organizations_are_not_found(self, portal: Portal, charlie: Person) -> None:
        for name in ("change-role", "rename", "deactivate", "reactivate", "sign-in-link"):
            for person in (charlie.pk, 10**30):
                assert portal.get(name, person).status_code == 404
                assert portal.post(name, person, form={"role": "x", "name": "x"}).status_code == 404


class TestRoles:
    @pytest.mark.usefixtures("bob")
    def test_the_list_names_permissions_and_holders_and_the_matrix_ticks_them(self, portal: Portal) -> None:
        page = portal.get("roles")
        listed = row(page, "Role of bob")
        assert "Audit Logs" in listed
        assert "Bob" in listed
        assert "A role cannot be deleted while administrators have it." in listed
        matrix = text(page).split('id="matrix-heading"')[1]
        cells = re.findall(r"<tr>.*?</tr>", matrix, re.DOTALL)[-1]
        assert re.findall(r">(yes|no)<", cells) == ["no", "no", "yes", "no"]

    @pytest.mark.usefixtures("acme")
    def test_without_roles_the_page_says_what_they_are_for(self, operator: Person) -> None:
        page = text(signed_in(operator).get("roles"))
        assert "No roles yet" in page
        assert "Permissions by role" not in page

    @pytest.mark.usefixtures("bob")
    def test_many_holders_are_counted(self, portal: Portal) -> None:
        for number in range(5):
            InviteAdministrator(
                organization_id="acme", email=f"b{number}@acme.example", name="", role="Role of bob"
            ).run(command_line())
        assert "<summary>6 administrators</summary>" in row(portal.get("roles"), "Role of bob")

    @pytest.mark.parametrize("htmx", [False, True])
    def test_a_role_is_made(self, portal: Portal, *, htmx: bool) -> None:
        assert "Create Role" in text(portal.get("create-role", htmx=htmx))
        form = {"role": "Auditor", "permissions": ["Audit Logs", "Activity"], "organization": "globex", "version": "9"}
        answer = portal.post("create-role", form=form, htmx=htmx)
        assert answer.status_code == (200 if htmx else 302)
        made = Role.objects.get(name="Auditor")
        assert (made.organization_id, made.version) == ("acme", 1)
        assert made.held() == {Permission.AUDIT_LOGS, Permission.ACTIVITY}
        assert "Created the role Auditor." in (text(answer) if htmx else text(portal.get("roles")))

    def test_a_fault_keeps_what_was_typed_and_checked(self, portal: Portal) -> None:
        answer = portal.post("create-role", form={"role": " x ", "permissions": ["Activity", "Everything"]}, htmx=True)
        assert answer.status_code == 422
        assert 'value=" x "' in text(answer)
        assert re.search(r'value="Activity"\s+checked', text(answer))
        assert "There is no permission “Everything”." in text(answer)

    def test_permissions_beyond_the_own_cannot_be_checked(self, manager: Portal) -> None:
        dialog = text(manager.get("create-role"))
        assert re.search(r'value="Audit Logs"\s+disabled', dialog)
        assert not re.search(r'value="Administrators"\s+disabled', dialog)
        answer = manager.post("create-role", form={"role": "Keys", "permissions": ["API Key Management"]})
        assert answer.status_code == 403
        assert not Role.objects.filter(name="Keys").exists()

    def test_edit_names_the_role_holders_and_is_saved(self, portal: Portal, bob: Person) -> None:
        assert bob.role is not None
        dialog = text(portal.get("edit-role", bob.role.pk))
        assert "<strong>Bob</strong> has this role." in dialog
        assert re.search(r'value="Audit Logs"\s+checked', dialog)
        answer = portal.post("edit-role", bob.role.pk, form={"role": "Readers", "version": "1"}, htmx=True)
        assert "Saved the role Readers." in text(answer)
        assert Role.objects.get(pk=bob.role.pk).held() == frozenset()

    def test_a_stale_edit_shows_who_and_what_and_keeps_what_was_typed(self, portal: Portal, bob: Person) -> None:
        assert bob.role is not None
        EditRole(organization_id="acme", role_id=bob.role.pk, expected_version=1, name="Readers",
                 permissions=frozenset()).run(command_line())  # fmt: skip
        form = {"role": "Watchers", "permissions": ["Activity"], "version": "1"}
        answer = portal.post("edit-role", bob.role.pk, form=form, htmx=True)
        assert answer.status_code == 409
        assert "command line changed this on" in text(answer)
        assert "<del>Readers</del> <ins>Watchers</ins>" in text(answer)
        assert "<del>none</del> <ins>Activity</ins>" in text(answer)
        assert 'name="version" value="2"' in text(answer)
        again = portal.post("edit-role", bob.role.pk, form=form | {"version": "2"}, htmx=True)
        assert again.status_code == 200
        tampered = portal.post("edit-role", bob.role.pk, form=form | {"version": "-1"}, htmx=True)
        assert tampered.status_code == 409

    def test_roles_in_use_are_kept_and_others_deleted(self, portal: Portal, bob: Person) -> None:
        assert bob.role is not None
        refused = portal.post("delete-role", bob.role.pk, htmx=True)
        assert refused.status_code == 409
        assert "The role is still assigned to bob@acme.example." in text(refused)
        assert "Bob" in text(portal.get("delete-role", bob.role.pk))
        free = CreateRole(organization_id="acme", name="Newcomer", permissions=frozenset()).run(command_line())
        assert "No administrator has it" in text(portal.get("delete-role", free.pk))
        assert portal.post("delete-role", free.pk).status_code == 302
        assert not Role.objects.filter(pk=free.pk).exists()

    def test_roles_that_hold_more_are_locked(self, manager: Portal, alice: Person) -> None:
        assert alice.role is not None
        page = manager.get("roles")
        assert "your own role does not have the “API Key Management” permission" in row(page, "Role of alice")
        for name in ("edit-role", "delete-role"):
            assert manager.get(name, alice.role.pk).status_code == 403
            assert manager.post(name, alice.role.pk, form={"role": "x", "version": "1"}).status_code == 403

    def test_m_11_roles_of_other_organizations_are_not_found(self, portal: Portal, charlie: Person) -> None:
        assert charlie.role is not None
        for name in ("edit-role", "delete-role"):
            for role in (charlie.role.pk, 10**30):
                assert portal.get(name, role).status_code == 404
                assert portal.post(name, role).status_code == 404


class TestOperators:
    @pytest.mark.usefixtures("acme")
    def test_administrators_may_use_both_pages(self, operator: Person) -> None:
        portal = signed_in(operator)
        form = {"role": "Keys", "permissions": ["API Key Management"]}
        assert portal.post("create-role", form=form).status_code == 302
        answer = portal.post("invite", form={"name": "", "email": "alice@acme.example", "role": "Keys"})
        assert LINK.search(text(answer)) is not None
        told = AuditEvent.objects.filter(organization="acme", actor=operator.email)
        assert set(told.values_list("action", flat=True)) == {
            "role_created", "administrator_created", "sign_in_link_created",
        }  # fmt: skip


def test_without_api_key_management_the_servers_page_answers_403_and_names_it(bob: Person) -> None:
    answer = signed_in(bob).client.get(reverse("servers:list", args=["acme"]))
    assert answer.status_code == 403
    assert "Your role does not have the “API Key Management” permission." in text(answer)


def test_without_administrators_both_pages_answer_403_and_name_it(bob: Person) -> None:
    for name in ("administrators", "roles"):
        answer = signed_in(bob).get(name)
        assert answer.status_code == 403
        assert "Your role does not have the “Administrators” permission." in text(answer)
