"""The API role that a registration requires of each token, from the form to the verifiers (FL-05)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import reverse

from kit import registrations, sample_portal
from kit.api_access import api_role
from kit.registrations import ALICE, add, events, revision
from kit.sample_portal import PROD_OKTA
from watchword.control.base.actor import command_line
from watchword.control.base.refusals import Refusal
from watchword.control.identity.api_models import ApiRole
from watchword.control.identity.api_role_commands import DeleteApiRole, EditApiRole
from watchword.control.servers.commands import EditServer
from watchword.control.servers.models import AuthorizationServer
from watchword.control.servers.trust import trust_of
from watchword.settings.load import load_control_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from watchword.control.identity.models import Person

pytestmark = pytest.mark.django_db

FIELD = 'name="required_role"'


@pytest.fixture
def cloud(settings: Any) -> Callable[[str | None], None]:
    """Sets the portal's cloud name; `orders` until a test sets another one."""

    def set_name(name: str | None) -> None:
        settings.WATCHWORD = load_control_settings(**({} if name is None else {"cloud_name": name}))

    set_name("orders")
    return set_name


def organization() -> None:
    """Acme, with two API roles."""
    registrations.organization("acme")
    for name in ("Orders", "Billing"):
        api_role(name)


def required_by_verifiers() -> str | None:
    server = trust_of("acme").server
    assert server is not None
    return server.required_role


def edit(server: AuthorizationServer, **changes: Any) -> None:
    version = AuthorizationServer.objects.get(pk=server.pk).version
    fields = registrations.fields(**changes)
    EditServer(organization_id="acme", server_id=server.pk, expected_version=version, fields=fields).run(ALICE)


# -------------------------------------------------------------------- commands


@pytest.mark.usefixtures("cloud")
def test_fl_05_new_registration_requires_no_role() -> None:
    registrations.organization("acme")
    add()
    assert required_by_verifiers() is None
    assert "required_role" not in events("server_added")[0].changes


@pytest.mark.usefixtures("cloud")
def test_fl_05_required_role_is_published_and_audited() -> None:
    organization()
    server = add(required_role="Orders")
    assert required_by_verifiers() == "Orders"
    assert events("server_added")[0].changes["required_role"] == [None, "Orders"]
    before = revision()
    edit(server, required_role="Billing")
    assert (required_by_verifiers(), revision()) == ("Billing", before + 1)
    edit(server)
    assert (required_by_verifiers(), revision()) == (None, before + 2)
    changes = [event.changes for event in events("server_edited")]
    assert {"required_role": ["Orders", "Billing"]} in changes
    assert {"required_role": ["Billing", None]} in changes


@pytest.mark.usefixtures("cloud")
@pytest.mark.parametrize("role", ["Reader", "orders", "Orders ", "Orders\n", "a" * 17, "*", "\ud800", "\0"], ids=ascii)
def test_fl_05_role_that_the_organization_lacks_is_refused(role: str) -> None:
    organization()
    registrations.organization("globex")
    api_role("Reader", "globex")
    with pytest.raises(Refusal) as refused:
        add(required_role=role)
    assert "There is no API role of this name" in refused.value.field_errors["required_role"]


@pytest.mark.usefixtures("cloud")
@pytest.mark.parametrize("enabled", [True, False])
def test_fl_05_required_role_is_neither_renamed_nor_deleted(enabled: bool) -> None:  # noqa: FBT001 - a parameter.
    organization()
    role = ApiRole.objects.get(name="Orders")
    add(required_role="Orders", enabled=enabled)

    def rename(name: str) -> None:
        version = ApiRole.objects.get(pk=role.pk).version
        EditApiRole(organization_id="acme", role_id=role.pk, expected_version=version, name=name, rights={}).run(
            command_line()
        )

    def delete() -> None:
        DeleteApiRole(organization_id="acme", role_id=role.pk).run(command_line())

    for change in (delete, lambda: rename("Other"), lambda: rename("orders")):
        with pytest.raises(Refusal) as refused:
            change()
        assert refused.value.code == "api_role_required"
        assert "ProdOkta" in refused.value.sentence
    rename("Orders")
    edit(AuthorizationServer.objects.get(), required_role="Billing", enabled=enabled)
    delete()
    assert not ApiRole.objects.filter(pk=role.pk).exists()


@pytest.mark.usefixtures("cloud")
def test_fl_05_role_of_another_organization_hinders_no_change() -> None:
    organization()
    add(required_role="Orders")
    registrations.organization("globex")
    DeleteApiRole(organization_id="globex", role_id=api_role("Orders", "globex").pk).run(command_line())
    assert required_by_verifiers() == "Orders"


def test_fl_05_without_a_cloud_name_no_role_can_be_required(cloud: Callable[[str | None], None]) -> None:
    cloud(None)
    organization()
    with pytest.raises(Refusal) as refused:
        add(required_role="Orders")
    assert "cloud name" in refused.value.field_errors["required_role"]


def test_fl_05_stored_role_outlives_the_cloud_name(cloud: Callable[[str | None], None]) -> None:
    """An edit of another field neither fails nor drops the restriction."""
    organization()
    server = add(required_role="Orders")
    cloud(None)
    edit(server, required_role="Orders", description="renamed")
    assert required_by_verifiers() == "Orders"
    with pytest.raises(Refusal):
        edit(server, required_role="Billing")
    edit(server)
    assert required_by_verifiers() is None


# -------------------------------------------------------------------- pages


class Portal:
    """Alice's browser on Acme's page."""

    def __init__(self) -> None:
        sample_portal.acme()
        for name in ("Orders", "Billing"):
            api_role(name)
        self.alice: Person = sample_portal.alice()
        self.client = Client()
        self.client.cookies["watchword_session"] = sample_portal.session_of(self.alice)

    def page(self, name: str, *arguments: object) -> str:
        return str(self.client.get(reverse(f"servers:{name}", args=["acme", *arguments])).content.decode())

    def save(self, name: str, *arguments: object, **form: str) -> Any:
        texts = ("name", "description", "jwks_location", "audience", "issuer", "client_id")
        typed = {text: getattr(PROD_OKTA, text) for text in texts}
        boxes = {"enabled": "on", "verify_certificate": "on"}
        return self.client.post(reverse(f"servers:{name}", args=["acme", *arguments]), {**boxes, **typed, **form})

    def add(self, role: str) -> UUID:
        receipt = sample_portal.receipt_for(sample_portal.acting(self.alice), PROD_OKTA)
        assert self.save("add", receipt=receipt, required_role=role).status_code == 302
        return AuthorizationServer.objects.get().pk


@pytest.fixture
def portal(settings: Any, cloud: Callable[[str | None], None]) -> Portal:
    settings.ALLOWED_HOSTS = ["testserver"]
    del cloud
    return Portal()


def test_fl_05_window_and_list_show_the_required_role(portal: Portal) -> None:
    added = portal.page("add")
    assert FIELD in added
    assert "orders::acme::" in added
    assert '<details class="more-options">' in added
    server = portal.add("Orders")
    assert required_by_verifiers() == "Orders"
    edited = portal.page("edit", server)
    assert '<details class="more-options" open>' in edited
    assert '<option value="Orders" selected>' in edited
    assert "<dt>API role</dt>" in portal.page("list")
    assert "orders::acme::Orders" in portal.page("calling")
    assert portal.save("edit", server, version="1").status_code == 302
    assert "<dt>API role</dt>" not in portal.page("list")
    assert "orders::acme::" not in portal.page("calling")


def test_fl_05_refused_role_is_shown_at_its_field(portal: Portal) -> None:
    server = portal.add("")
    response = portal.save("edit", server, version="1", required_role="Reader")
    assert response.status_code == 422
    page = response.content.decode()
    assert "There is no API role of this name" in page
    assert '<option value="Reader" selected>' in page


def test_fl_05_window_without_a_cloud_name_has_the_field_only_for_a_stored_role(
    portal: Portal, cloud: Callable[[str | None], None]
) -> None:
    server = portal.add("Orders")
    cloud(None)
    assert FIELD not in portal.page("add")
    edited = portal.page("edit", server)
    assert '<option value="Orders" selected>' in edited
    assert '<option value="Billing">' not in edited
    assert "::acme::" not in portal.page("calling")


def test_fl_05_stale_edit_shows_stored_and_typed_role(portal: Portal) -> None:
    server = portal.add("Orders")
    portal.save("edit", server, version="1", required_role="Orders", description="changed")
    response = portal.save("edit", server, version="1", required_role="Billing")
    assert response.status_code == 409
    page = response.content.decode()
    assert "<dt>Required API Role</dt><dd><del>Orders</del> → <ins>Billing</ins></dd>" in page
