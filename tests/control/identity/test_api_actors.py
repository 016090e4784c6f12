"""The clients of the management API: what a secret or a token's API role may do, and when that ends."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.utils import timezone

from kit.api_access import api_key, api_role, key_actor, token_actor, with_cloud_name
from kit.people import NOW
from watchword.control.audit.chain import verify_chain
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import Actor, ApiCategory, Interface, Permission, Privilege, command_line
from watchword.control.base.refusals import AccessLost, Refusal
from watchword.control.identity.api_actors import actor_of_access_token, actor_of_api_key
from watchword.control.identity.api_key_commands import RevokeApiKey
from watchword.control.identity.api_models import ApiClientUse, ApiKey, ApiRole
from watchword.control.identity.api_role_commands import CreateApiRole, DeleteApiRole, EditApiRole
from watchword.control.organizations.commands import Suspend
from watchword.control.organizations.models import SuspensionReason

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import Settings

    from watchword.control.identity.models import Person
    from watchword.control.organizations.models import Organization

MINUTE = datetime(2026, 11, 29, 12, 30, tzinfo=UTC)


def seen(client: str | None, *roles: str, now: datetime = MINUTE) -> Actor:
    return actor_of_access_token("acme", roles, client=client, address="192.0.2.9", request_id=None, now=now)


def refusal_of(run: Callable[[], object]) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        run()
    return refusal.value


def test_key_acts_with_the_rights_of_its_role(acme: Organization, settings: Settings) -> None:
    with_cloud_name(settings)
    api_role(authorization_servers="full", audit_logs="view", api_roles="view")
    new = api_key()

    actor = key_actor(new)

    assert (actor.name, actor.interface, actor.api_key) == ("key-ci$@acme.orders", Interface.API, new.key.public_id)
    assert (actor.organization, actor.operator, actor.person_id, actor.api_role) == ("acme", False, None, None)
    assert (actor.address, actor.request_id, actor.client) == ("192.0.2.9", "r-1", None)
    may = {category: actor.may(category.right, "acme") for category in ApiCategory}
    assert [category.name for category, yes in may.items() if yes] == ["AUTHORIZATION_SERVERS"]
    views = [category.name for category in ApiCategory if actor.may_view(category.right, "acme")]
    assert views == ["AUTHORIZATION_SERVERS", "AUDIT_LOGS", "API_ROLES"]
    for right in (Permission.ADMINISTRATORS, Privilege.OPERATOR, Privilege.WORKER, Privilege.SELF):
        assert not actor.may_view(right, "acme")
    assert not actor.may_view(Permission.AUDIT_LOGS, "globex")
    assert not actor.may(Permission.API_KEY_MANAGEMENT, "globex")
    assert actor.right_name(Permission.ADMINISTRATORS) == "Administrators"
    assert actor.right_name(Permission.ACTIVITY, viewing=True) == "Activity: View Only"


def test_key_of_the_provider_acts_as_an_operator(db: None, settings: Settings) -> None:
    new = api_key(None, None)
    assert key_actor(new).name == "key-ci$@provider"
    with_cloud_name(settings)
    actor = key_actor(new)
    assert (actor.name, actor.operator, actor.organization) == ("key-ci$@orders", True, None)
    assert actor.may(Privilege.OPERATOR, None)
    assert not actor.may(Permission.API_KEY_MANAGEMENT, "acme")
    assert actor.may_view(Permission.API_KEY_MANAGEMENT, "acme")
    assert actor.right_name(Permission.API_KEY_MANAGEMENT) == "API Key Management"


def test_role_of_another_organization_grants_nothing(acme: Organization, globex: Organization) -> None:
    api_role()
    new = api_key()
    ApiKey.objects.update(api_role=api_role("Foreign", "globex"))
    actor = key_actor(new)
    assert (actor.permissions, actor.privileges, actor.views) == (frozenset(), frozenset(), frozenset())


@pytest.mark.parametrize("secret", ["", "wwk_", "wwk_" + "a" * 43, "x" * 10_000, "wwk_\x00é\ud800"])
def test_unknown_secret_is_refused(acme: Organization, secret: str) -> None:
    refusal = refusal_of(lambda: actor_of_api_key(secret, address=None, request_id=None, now=NOW))
    assert (refusal.code, refusal.sentence) == ("api_key_unusable", "The API key is unknown.")


def test_expired_key_is_refused_to_the_second(acme: Organization) -> None:
    api_role()
    new = api_key()
    ends = new.key.expires_at
    actor_of_api_key(new.secret, address=None, request_id=None, now=ends - timedelta(microseconds=1))
    refusal = refusal_of(lambda: actor_of_api_key(new.secret, address=None, request_id=None, now=ends))
    assert (refusal.status, refusal.sentence[:23]) == (401, "The API key expired on ")


def test_last_use_is_noted_to_the_minute(acme: Organization) -> None:
    api_role()
    new = api_key()

    def used(after: timedelta, address: str | None) -> tuple[datetime | None, str | None]:
        actor_of_api_key(new.secret, address=address, request_id=None, now=MINUTE + after)
        key = ApiKey.objects.get()
        return key.last_used_at, key.last_used_address

    assert used(timedelta(seconds=7), "192.0.2.1") == (MINUTE, "192.0.2.1")
    assert used(timedelta(seconds=59), "192.0.2.2") == (MINUTE, "192.0.2.1")
    assert used(timedelta(seconds=61), "192.0.2.2") == (MINUTE + timedelta(minutes=1), "192.0.2.2")


def test_token_acts_with_the_first_role_that_exists(acme: Organization, settings: Settings) -> None:
    with_cloud_name(settings)
    api_role("Reader", activity="view")
    deployer = api_role()

    actor = seen("terraform", "Gone", "Deployer", "Reader")

    assert (actor.name, actor.api_role, actor.client) == ("oauth-Deployer$@acme.orders", deployer.pk, "terraform")
    assert (actor.interface, actor.organization, actor.api_key) == (Interface.API, "acme", None)
    assert all(actor.may(category.right, "acme") for category in ApiCategory)
    assert not actor.may(Permission.ADMINISTRATORS, "acme")


@pytest.mark.parametrize(
    ("roles", "scope"),
    [
        ((), "orders::acme::Deployer"),
        (("deployer",), "orders::acme::deployer"),
        (("Foreign", "Gone"), "orders::acme::Foreign"),
    ],
)
def test_token_without_a_role_of_the_organization_is_refused(
    acme: Organization, globex: Organization, settings: Settings, roles: tuple[str, ...], scope: str
) -> None:
    with_cloud_name(settings)
    api_role()
    api_role("Foreign", "globex")
    refusal = refusal_of(lambda: seen("terraform", *roles))
    assert (refusal.code, refusal.status, refusal.details["scope"]) == ("insufficient_scope", 403, scope)
    assert f"“{scope}”" in refusal.sentence
    ApiRole.objects.all().delete()
    assert refusal_of(lambda: seen("terraform")).details["scope"] == "orders::acme::ROLE"
    assert not ApiClientUse.objects.exists()


def test_without_a_cloud_name_tokens_are_refused_with_the_reason(acme: Organization) -> None:
    refusal = refusal_of(lambda: seen("terraform"))
    assert refusal.code == "insufficient_scope"
    assert "has not set a cloud name" in refusal.sentence
    # RFC 6749 section 3.3.
    assert re.fullmatch(r"[!#-\[\]-~]+", str(refusal.details["scope"]))


def test_clients_are_noted_to_the_minute_and_printable(acme: Organization) -> None:
    api_role()
    assert seen("a\x00\u202eb" + "c" * 300, "Deployer").client == "a\ufffd\ufffdb" + "c" * 196
    assert seen(None, "Deployer").client is None
    seen("ci", "Deployer", now=MINUTE + timedelta(seconds=30))
    seen("ci", "Deployer", now=MINUTE + timedelta(seconds=50))
    uses = dict(ApiClientUse.objects.values_list("client_id", "last_seen_at"))
    assert len(uses) == 3
    assert set(uses.values()) == {MINUTE}
    seen("ci", "Deployer", now=MINUTE + timedelta(seconds=70))
    assert ApiClientUse.objects.get(client_id="ci").last_seen_at == MINUTE + timedelta(minutes=1)


def test_the_newest_50_clients_of_a_role_are_kept(acme: Organization) -> None:
    api_role()
    api_role("Other")
    seen("other", "Other")
    for number in range(60):
        seen(f"c{number}", "Deployer", now=MINUTE + timedelta(minutes=number))

    kept = set(ApiClientUse.objects.filter(api_role__name="Deployer").values_list("client_id", flat=True))
    assert kept == {f"c{number}" for number in range(10, 60)}
    assert ApiClientUse.objects.filter(api_role__name="Other").count() == 1


def test_m_14_invented_clients_do_not_write_without_limit(acme: Organization) -> None:
    api_role()
    for number in range(60):
        seen(f"c{number}", "Deployer")
    assert set(ApiClientUse.objects.values_list("client_id", flat=True)) == {f"c{number}" for number in range(50)}
    seen("late", "Deployer", now=MINUTE + timedelta(minutes=1))
    assert ApiClientUse.objects.filter(client_id="late").exists()
    assert ApiClientUse.objects.count() == 50


def change(actor: Actor) -> ApiRole:
    return CreateApiRole(organization_id="acme", name="New", rights={}).run(actor)


def test_change_is_recorded_with_client_and_request(acme: Organization, settings: Settings) -> None:
    with_cloud_name(settings)
    api_role()
    change(token_actor())

    event = AuditEvent.objects.latest("sequence")
    assert (event.actor, event.interface, event.address) == ("oauth-Deployer$@acme.orders", "api", "192.0.2.9")
    assert (event.client, event.request_id) == ("terraform", "r-1")
    assert verify_chain() is None


def test_refused_attempt_is_recorded_with_client_and_request(acme: Organization) -> None:
    api_role(activity="full")
    refusal = refusal_of(lambda: change(token_actor()))
    assert refusal.details["permission"] == "API Roles: Full"
    event = AuditEvent.objects.latest("sequence")
    assert (event.result, event.client, event.request_id) == ("refused", "terraform", "r-1")


def test_long_request_ids_are_cut_and_made_printable(acme: Organization) -> None:
    api_role()
    actor = actor_of_api_key(api_key().secret, address=None, request_id="\x00" + "r" * 100, now=timezone.now())
    change(actor)
    assert AuditEvent.objects.latest("sequence").request_id == "\ufffd" + "r" * 63


def revoked(key: ApiKey, role: ApiRole) -> None:
    RevokeApiKey(organization_id="acme", key_id=key.public_id).run(command_line())


def expired(key: ApiKey, role: ApiRole) -> None:
    ApiKey.objects.update(created_at=NOW - timedelta(days=2), expires_at=NOW - timedelta(days=1))


def removed(key: ApiKey, role: ApiRole) -> None:
    ApiKey.objects.all().delete()


def role_deleted(key: ApiKey, role: ApiRole) -> None:
    DeleteApiRole(organization_id="acme", role_id=role.pk).run(command_line())


def role_narrowed(key: ApiKey, role: ApiRole) -> None:
    EditApiRole(organization_id="acme", role_id=role.pk, expected_version=1, name=role.name, rights={}).run(
        command_line()
    )


def role_renamed(key: ApiKey, role: ApiRole) -> None:
    EditApiRole(
        organization_id="acme", role_id=role.pk, expected_version=1, name="Renamed", rights=role.rights
    ).run(command_line())  # fmt: skip


@pytest.mark.parametrize(
    ("happens", "of_key", "of_token"),
    [
        (revoked, "api_key_unusable", None),
        (expired, "api_key_unusable", None),
        (removed, "api_key_unusable", None),
        (role_deleted, "api_key_unusable", "insufficient_scope"),
        (role_narrowed, "permission_missing", "permission_missing"),
        (role_renamed, None, "insufficient_scope"),
    ],
)
def test_fk_01_rights_lost_during_a_request_are_lost_for_its_change(
    acme: Organization, happens: Callable[[ApiKey, ApiRole], None], of_key: str | None, of_token: str | None
) -> None:
    role = api_role()
    new = api_key()
    by_key, by_token = key_actor(new), token_actor()

    happens(new.key, role)

    for actor, expected in ((by_key, of_key), (by_token, of_token)):
        if expected is None:
            change(actor).delete()
            continue
        with pytest.raises(AccessLost) as lost:
            change(actor)
        assert lost.value.refusal.code == expected
        assert AuditEvent.objects.latest("sequence").changes == {"reason": [None, expected]}


def test_made_up_actor_of_the_api_has_no_rights(acme: Organization) -> None:
    api_role()
    for made_up in (
        replace(token_actor(), api_role=None),
        replace(token_actor(), organization=None, operator=True),
        replace(key_actor(api_key()), api_key=uuid4()),
    ):
        with pytest.raises(AccessLost):
            change(made_up)


def test_key_of_the_provider_that_is_revoked_changes_nothing(operator: Person, acme: Organization) -> None:
    new = api_key(None, None)
    actor = key_actor(new)
    RevokeApiKey(organization_id=None, key_id=new.key.public_id).run(command_line())
    with pytest.raises(AccessLost) as lost:
        Suspend(organization_id="acme", reason=SuspensionReason.TERMS_VIOLATED).run(actor)
    assert lost.value.refusal.code == "api_key_unusable"
