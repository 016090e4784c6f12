"""Every route for everybody, on the own and on other organizations, by GET and POST.

A new route needs a row here, or the first test fails and names it.

`TABLE` has one row for each route of the URL conf. A row says what a person with the right to it gets; what everybody
else gets follows from that in `expected`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from kit import people, registrations, sample_portal, sign_in_settings
from kit.api_access import api_key
from watchword.control.base.actor import Permission, command_line
from watchword.control.fleet.models import VerifierCredential
from watchword.control.fleet.verifier_commands import CreateVerifier, RotateVerifier
from watchword.control.identity.api_role_commands import CreateApiRole
from watchword.control.identity.factor_rules import PROOF_LIFETIME
from watchword.control.identity.models import Person, Session, SingleSignOn
from watchword.control.identity.operator_commands import CreateOperator
from watchword.control.identity.people_commands import CreateAdministrator
from watchword.control.identity.role_commands import CreateRole
from watchword.control.servers import validate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kit.module_rows import ModuleRows

Statuses = tuple[int | None, int | None]
"""What GET and an empty POST answer; None where the method is not allowed, which is then so for everybody."""

KEYS: Final = Permission.API_KEY_MANAGEMENT
ADMINISTRATORS: Final = Permission.ADMINISTRATORS

NOT_ALLOWED: Final = 405
TO_THE_SIGN_IN: Final = 302


@dataclass(frozen=True)
class OfOrganization:
    """A route with an organization in its address.

    Attributes:
        permission: None where every administrator of the organization may open it.
        holder: for an administrator of that organization whose role holds `permission`.
        operator: for an operator.
        every: whether the holder needs every other permission, too.
    """

    route: str
    permission: Permission | None
    holder: Statuses
    operator: Statuses
    every: bool = False


@dataclass(frozen=True)
class OfProvider:
    """A route of the operator console: only for operators."""

    route: str
    operator: Statuses


@dataclass(frozen=True)
class OfAnybody:
    """A route that is about whoever asks, such as signing in.

    Attributes:
        person: for every administrator, whatever the role.
        stranger: for who is not signed in, or no longer.
    """

    route: str
    person: Statuses
    operator: Statuses
    stranger: Statuses


Row = OfOrganization | OfProvider | OfAnybody

TABLE: Final[tuple[Row, ...]] = (
    OfAnybody("sign_in:start", person=(302, None), operator=(302, None), stranger=(302, None)),
    # A signed-in person is led to their start page.
    OfAnybody("sign_in:sign-in", person=(302, 422), operator=(302, 422), stranger=(200, 422)),
    # Tells who is signed in, and signs in the person of a page whose session has ended.
    OfAnybody("sign_in:sign-in-again", person=(200, 422), operator=(200, 422), stranger=(200, 422)),
    # The pages of the second factor open for a pending sign-in only; its own tests have one.
    OfAnybody("sign_in:second-factor", person=(302, 302), operator=(302, 302), stranger=(302, 302)),
    OfAnybody("sign_in:second-factor-options", person=(None, 302), operator=(None, 302), stranger=(None, 302)),
    OfAnybody("sign_in:enrol", person=(302, 302), operator=(302, 302), stranger=(302, 302)),
    OfAnybody("sign_in:enrol-options", person=(None, 302), operator=(None, 302), stranger=(None, 302)),
    OfAnybody("sign_in:passkey", person=(None, 422), operator=(None, 422), stranger=(None, 422)),
    # The tests' portal has an IP address, for which there are no passkeys.
    OfAnybody("sign_in:passkey-options", person=(None, 404), operator=(None, 404), stranger=(None, 404)),
    # A signed-in person is led to their start page.
    OfAnybody("sign_in:single-sign-on", person=(302, 302), operator=(302, 302), stranger=(200, 422)),
    # Without a ceremony that this browser began.
    OfAnybody("sign_in:single-sign-on-callback", person=(422, None), operator=(422, None), stranger=(422, None)),
    # None of them has an account at an identity provider.
    OfAnybody("sign_in:confirm-single-sign-on", person=(422, None), operator=(422, None), stranger=(302, None)),
    OfAnybody("sign_in:set-password", person=(404, None), operator=(404, None), stranger=(404, None)),
    OfAnybody("sign_in:choose-password", person=(404, 404), operator=(404, 404), stranger=(404, 404)),
    # A session that has just begun needs no other proof.
    OfAnybody("sign_in:confirm", person=(302, 422), operator=(302, 422), stranger=(302, 302)),
    # The portal of these tests has an IP address, where there are no passkeys.
    OfAnybody("sign_in:confirm-options", person=(None, 404), operator=(None, 404), stranger=(None, 302)),
    OfAnybody("sign_in:sign-out", person=(None, 302), operator=(None, 302), stranger=(None, 302)),
    # No logo is set here; what a logo answers is tested beside its view.
    OfAnybody("shell:logo", person=(404, None), operator=(404, None), stranger=(404, None)),
    # The API's reference is the same for every installation.
    OfAnybody("api-reference:document", person=(200, None), operator=(200, None), stranger=(200, None)),
    OfAnybody("api-reference:swagger-ui", person=(200, None), operator=(200, None), stranger=(200, None)),
    OfAnybody("people:sessions", person=(200, None), operator=(200, None), stranger=(302, None)),
    OfAnybody("people:end-other-sessions", person=(409, 409), operator=(409, 409), stranger=(302, 302)),
    OfAnybody("people:change-password", person=(200, 422), operator=(200, 422), stranger=(302, 302)),
    # Of a session that does not exist; the page's own tests check a person's own sessions.
    OfAnybody("people:end-session", person=(None, 404), operator=(None, 404), stranger=(None, 302)),
    OfAnybody("people:your-sign-in", person=(200, None), operator=(200, None), stranger=(302, None)),
    OfAnybody("people:add-passkey", person=(200, 422), operator=(200, 422), stranger=(302, 302)),
    # At the tests' address, an IP address, there are no passkeys.
    OfAnybody("people:passkey-options", person=(None, 404), operator=(None, 404), stranger=(None, 302)),
    OfAnybody("people:rename-passkey", person=(404, 422), operator=(404, 422), stranger=(302, 302)),
    OfAnybody("people:remove-passkey", person=(404, 404), operator=(404, 404), stranger=(302, 302)),
    OfAnybody("people:set-up-app", person=(200, 422), operator=(200, 422), stranger=(302, 302)),
    OfAnybody("people:remove-app", person=(200, 404), operator=(200, 404), stranger=(302, 302)),
    OfAnybody("people:replace-codes", person=(200, 404), operator=(200, 404), stranger=(302, 302)),
    OfOrganization("people:administrators", ADMINISTRATORS, holder=(200, None), operator=(200, None)),
    OfOrganization("people:invite", ADMINISTRATORS, holder=(200, 422), operator=(200, 422)),
    OfOrganization("people:sign-in-link", ADMINISTRATORS, holder=(200, 200), operator=(200, 200)),
    OfOrganization("people:change-role", ADMINISTRATORS, holder=(200, 422), operator=(200, 422)),
    OfOrganization("people:rename", ADMINISTRATORS, holder=(200, 302), operator=(200, 302)),
    OfOrganization("people:sign-out", ADMINISTRATORS, holder=(200, 302), operator=(200, 302)),
    OfOrganization("people:reset-factors", ADMINISTRATORS, holder=(200, 302), operator=(200, 302)),
    OfOrganization("people:deactivate", ADMINISTRATORS, holder=(200, 302), operator=(200, 302)),
    OfOrganization("people:reactivate", ADMINISTRATORS, holder=(200, 302), operator=(200, 302)),
    OfOrganization("people:roles", ADMINISTRATORS, holder=(200, None), operator=(200, None)),
    OfOrganization("people:create-role", ADMINISTRATORS, holder=(200, 422), operator=(200, 422)),
    OfOrganization("people:edit-role", ADMINISTRATORS, holder=(200, 409), operator=(200, 409)),
    OfOrganization("people:delete-role", ADMINISTRATORS, holder=(200, 302), operator=(200, 302)),
    OfOrganization("sign_in_settings:settings", ADMINISTRATORS, holder=(200, None), operator=(200, None)),
    OfOrganization("sign_in_settings:second-factor", ADMINISTRATORS, holder=(200, 409), operator=(403, 403)),
    # Single sign-on needs every permission.
    OfOrganization("sign_in_settings:configure", ADMINISTRATORS, (200, 409), (403, 403), every=True),
    # Without an issuer, the result says so.
    OfOrganization("sign_in_settings:check", ADMINISTRATORS, (None, 200), (None, 403), every=True),
    OfOrganization("sign_in_settings:enable", ADMINISTRATORS, (200, 409), (403, 403), every=True),
    OfOrganization("sign_in_settings:remove", ADMINISTRATORS, (200, 409), (403, 403), every=True),
    OfOrganization("sign_in_settings:only", ADMINISTRATORS, (200, 409), (403, 403), every=True),
    OfOrganization("sign_in_settings:allow-others", ADMINISTRATORS, (200, 409), (403, 403), every=True),
    OfOrganization("api_access:roles", ADMINISTRATORS, holder=(200, None), operator=(200, None)),
    OfOrganization("api_access:create-role", ADMINISTRATORS, holder=(200, 422), operator=(200, 422)),
    OfOrganization("api_access:edit-role", ADMINISTRATORS, holder=(200, 409), operator=(200, 409)),
    OfOrganization("api_access:delete-role", ADMINISTRATORS, holder=(200, 302), operator=(200, 302)),
    OfOrganization("api_access:keys", ADMINISTRATORS, holder=(200, None), operator=(200, None)),
    OfOrganization("api_access:create-key", ADMINISTRATORS, holder=(200, 422), operator=(200, 422)),
    OfOrganization("api_access:revoke-key", ADMINISTRATORS, holder=(200, 302), operator=(200, 302)),
    OfOrganization("api_access:company-profile", None, holder=(200, None), operator=(200, None)),
    # Operators look at an organization's servers, so that they can help, and change nothing.
    OfOrganization("servers:list", KEYS, holder=(200, None), operator=(200, None)),
    OfOrganization("servers:calling", KEYS, holder=(200, None), operator=(200, None)),
    OfOrganization("servers:add", KEYS, holder=(200, 422), operator=(403, 403)),
    OfOrganization("servers:validate", KEYS, holder=(None, 200), operator=(None, 403)),
    OfOrganization("servers:validate-edit", KEYS, holder=(None, 200), operator=(None, 403)),
    OfOrganization("servers:edit", KEYS, holder=(200, 409), operator=(403, 403)),
    OfOrganization("servers:delete", KEYS, holder=(200, 302), operator=(403, 403)),
    OfOrganization("servers:enable", KEYS, holder=(200, 302), operator=(403, 403)),
    OfOrganization("servers:disable", KEYS, holder=(200, 302), operator=(403, 403)),
    OfOrganization("servers:refresh", KEYS, holder=(None, 302), operator=(None, 403)),
    OfOrganization("servers:fetch", KEYS, holder=(302, None), operator=(302, None)),
    OfOrganization("servers:trust", KEYS, holder=(None, 422), operator=(None, 403)),
    OfOrganization("servers:trust-edit", KEYS, holder=(None, 422), operator=(None, 403)),
    # Without an issuer there is nothing to ask for, and without values nothing to fill in.
    OfOrganization("servers:find", KEYS, holder=(None, 422), operator=(None, 403)),
    OfOrganization("servers:find-edit", KEYS, holder=(None, 422), operator=(None, 403)),
    OfOrganization("servers:fill", KEYS, holder=(None, 200), operator=(None, 403)),
    OfOrganization("servers:fill-edit", KEYS, holder=(None, 200), operator=(None, 403)),
    OfOrganization("activity:list", Permission.ACTIVITY, holder=(200, None), operator=(200, None)),
    OfOrganization("audit:list", Permission.AUDIT_LOGS, holder=(200, None), operator=(200, None)),
    OfOrganization("audit:export", Permission.AUDIT_LOGS, holder=(None, 422), operator=(None, 422)),
    OfProvider("audit:provider", operator=(200, None)),
    OfProvider("audit:provider-export", operator=(None, 422)),
    OfProvider("console:organizations", operator=(200, None)),
    OfProvider("console:create-organization", operator=(200, 422)),
    OfProvider("console:organization", operator=(200, None)),
    OfProvider("console:suspend", operator=(200, 422)),
    OfProvider("console:suspend-preview", operator=(None, 200)),
    OfProvider("console:reinstate", operator=(409, 409)),
    OfProvider("console:set-subscription", operator=(200, 422)),
    OfProvider("console:renew", operator=(200, 422)),
    OfProvider("console:threshold", operator=(200, 409)),
    OfProvider("console:assign-domain", operator=(200, 422)),
    OfProvider("console:remove-domain", operator=(200, 302)),
    OfProvider("console:verifiers", operator=(200, None)),
    OfProvider("console:create-verifier", operator=(200, 422)),
    OfProvider("console:rotate-verifier", operator=(200, 200)),
    OfProvider("console:revoke-previous-credential", operator=(200, 302)),
    OfProvider("console:revoke-verifier", operator=(200, 302)),
    OfProvider("console:key-sets", operator=(200, None)),
    OfProvider("console:gateways", operator=(200, None)),
    OfProvider("console:gateway-file", operator=(200, None)),
    OfProvider("console:api-keys", operator=(200, None)),
    OfProvider("console:create-api-key", operator=(200, 422)),
    OfProvider("console:revoke-api-key", operator=(200, 302)),
    OfProvider("console:operators", operator=(200, None)),
    OfProvider("console:invite-operator", operator=(200, 422)),
    OfProvider("console:operator-sign-in-link", operator=(200, 200)),
    OfProvider("console:operator-sign-out", operator=(200, 302)),
    OfProvider("console:operator-reset-factors", operator=(200, 302)),
    OfProvider("console:operator-deactivate", operator=(200, 302)),
    OfProvider("console:operator-reactivate", operator=(200, 302)),
)
METHODS: Final = ("get", "post")

WITHOUT_PROOF: Final = frozenset(
    {
        # A browser without a person sends them.
        "sign_in:second-factor",
        "sign_in:second-factor-options",
        "sign_in:enrol",
        "sign_in:enrol-options",
        "sign_in:sign-in",
        "sign_in:single-sign-on",
        "sign_in:sign-in-again",
        "sign_in:choose-password",
        "sign_in:confirm",
        "sign_in:confirm-options",
        "sign_in:sign-out",
        "people:rename",
        "people:rename-passkey",
        "servers:validate",
        "servers:validate-edit",
        "servers:trust",
        "servers:trust-edit",
        "servers:find",
        "servers:find-edit",
        "servers:fill",
        "servers:fill-edit",
        "servers:refresh",
        "audit:export",
        "audit:provider-export",
        "console:suspend-preview",
    }
)
"""The routes whose POST needs no recent proof; identity/proof_rules.py has the reasons. All others need it."""

OF_ORGANIZATIONS: Final = [row for row in TABLE if isinstance(row, OfOrganization)]


@dataclass(frozen=True)
class Visitor:
    """A requester: `organization` and `permissions` of an administrator; `signed_in` is False without a sign-in."""

    label: str
    client: Client
    organization: str | None = None
    permissions: frozenset[Permission] = frozenset()
    operator: bool = False
    signed_in: bool = True


@dataclass(frozen=True)
class World:
    """Attributes: `objects` are for each organization what the parts of an address name there."""

    visitors: tuple[Visitor, ...]
    objects: Mapping[str, dict[str, object]]


def routes(
    patterns: Iterable[URLPattern | URLResolver], namespace: str = "", parts: frozenset[str] = frozenset()
) -> Iterator[tuple[str, frozenset[str]]]:
    """All routes by name, with the parts that their addresses need."""
    for pattern in patterns:
        needed = parts | frozenset(pattern.pattern.converters)
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from routes(pattern.url_patterns, inner, needed)
        else:
            yield f"{namespace}{pattern.name or pattern.pattern}", needed


# Of the API, tests/control/api/test_matrix.py tries every operation.
ROUTES: Final = [route for route in routes(get_resolver().url_patterns) if not route[0].startswith("api:")]
PARTS: Final = dict(ROUTES)


def statuses_for(row: Row, visitor: Visitor, organization: str) -> Statuses | int:
    """What the visitor gets: the row's statuses, or one status for every method that is allowed at all."""
    if not visitor.signed_in:
        return row.stranger if isinstance(row, OfAnybody) else TO_THE_SIGN_IN
    if visitor.operator:
        return 404 if organization == "nowhere" else row.operator
    if isinstance(row, OfAnybody):
        return row.person
    if isinstance(row, OfOrganization) and visitor.organization != organization:
        return 404
    if not isinstance(row, OfOrganization):
        return 403
    needed = frozenset(Permission) if row.every else {row.permission} - {None}
    return row.holder if needed <= visitor.permissions else 403


def expected(row: Row, visitor: Visitor, organization: str, method: str) -> int:
    index = METHODS.index(method)
    own = row.holder if isinstance(row, OfOrganization) else row.operator
    if own[index] is None:
        return NOT_ALLOWED
    answer = statuses_for(row, visitor, organization)
    if isinstance(answer, int):
        return answer
    status = answer[index]
    return NOT_ALLOWED if status is None else status


def ask(visitor: Visitor, method: str, route: str, parts: Mapping[str, object]) -> int:
    return int(answer_to(visitor, method, route, parts).status_code)


def answer_to(visitor: Visitor, method: str, route: str, parts: Mapping[str, object]) -> Any:
    """The response to one request, of which nothing stays in the database."""
    address = reverse(route, kwargs={name: parts[name] for name in PARTS[route]})
    cookies = dict(visitor.client.cookies)
    # Not `atomic`: commands refuse to run inside another transaction, and this is only the test's.
    before = transaction.savepoint()
    try:
        return getattr(visitor.client, method)(address)
    finally:
        transaction.savepoint_rollback(before)
        visitor.client.cookies.clear()
        visitor.client.cookies.update(cookies)


def visitor_of(label: str, person: Person, **what: Any) -> Visitor:
    client = Client()
    client.cookies["watchword_session"] = sample_portal.session_of(person)
    return Visitor(label, client, **what)


def objects_of(organization: str) -> dict[str, object]:
    """A person without any permission, an unused role, a server, an API role without rights, and a key with it."""
    for name in ("Unused", "Nothing"):
        CreateRole(organization_id=organization, name=name, permissions=frozenset()).run(command_line())
    target = CreateAdministrator(
        organization_id=organization, email=f"target@{organization}.example", role="Nothing"
    ).run(command_line())
    people.knows_password(target)
    role = target.role
    assert role is not None
    unused = role.organization.roles.get(name="Unused")
    sign_in_settings.assign(f"{organization}.example", organization)
    SingleSignOn.objects.create(
        organization_id=organization, issuer=sign_in_settings.ISSUER, client_id="watchword", default_role=role
    )
    api_role = CreateApiRole(organization_id=organization, name="Nothing", rights={}).run(command_line())
    server = registrations.add(actor=registrations.administrator("alice", organization, KEYS))
    return {
        "organization": organization,
        "person": target.pk,
        "role": unused.pk,
        "server": server.pk,
        "api_role": api_role.pk,
        "api_key": api_key("Nothing", organization).key.public_id,
        "secret": "made-up",
        "domain": f"{organization}.example",
        "name": "made-up.svg",
        "session": uuid4(),
        "passkey": uuid4(),
    }


@pytest.fixture(scope="module")
def shared_world(module_rows: ModuleRows) -> World:
    with module_rows():
        return made_world()


@pytest.fixture
def world(shared_world: World, db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    settings.ALLOWED_HOSTS = ["testserver"]
    monkeypatch.setattr(validate, "probe", sample_portal.probe)
    # The people of the module signed in when it began, which may be long ago on a slow machine.
    Session.objects.update(proven_at=timezone.now(), seen_at=timezone.now())
    return shared_world


def made_world() -> World:
    for organization in ("acme", "globex"):
        people.organization(organization)
    roles = {"every permission": tuple(Permission), "no permission": ()}
    roles |= {f"only {permission.value}": (permission,) for permission in Permission}
    visitors = [
        visitor_of(
            label,
            people.administrator(f"alice{number}", "acme", *permissions),
            organization="acme",
            permissions=frozenset(permissions),
        )
        for number, (label, permissions) in enumerate(roles.items())
    ]
    charlie = people.administrator("charlie", "globex", *Permission)
    gone = people.administrator("bob", "acme", *Permission)
    visitors += [
        visitor_of("administrator of Globex", charlie, organization="globex", permissions=frozenset(Permission)),
        visitor_of("operator", people.operator(), operator=True),
        visitor_of("deactivated", gone, signed_in=False),
        Visitor("nobody", Client(), signed_in=False),
    ]
    Person.objects.filter(pk=gone.pk).update(is_active=False)
    CreateVerifier(name="gateway-1").run(command_line())
    RotateVerifier(name="gateway-1").run(command_line())
    colleague = people.knows_password(CreateOperator(email="charlie@provider.example").run(command_line()))
    provider = {
        "verifier": VerifierCredential.objects.get().pk,
        "operator": colleague.pk,
        "operator_key": api_key(None, None).key.public_id,
        "gateway": "nginx",
        "number": 0,
    }
    objects = {organization: objects_of(organization) | provider for organization in ("acme", "globex")}
    objects["nowhere"] = objects["acme"] | {"organization": "nowhere"}
    return World(tuple(visitors), objects)


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    names = [name for name, _ in ROUTES]
    rows = [row.route for row in TABLE]
    assert sorted(set(names) - set(rows)) == [], "a route without a row in TABLE"
    assert sorted(set(rows) - set(names)) == [], "a row without a route"
    assert len(set(rows)) == len(rows), "a route with two rows"
    assert len(set(names)) == len(names), "two routes with one name"


def test_a_route_with_an_organization_in_its_address_is_an_organizations_or_the_consoles() -> None:
    named = {name for name, parts in ROUTES if "organization" in parts}
    consoles = {row.route for row in TABLE if isinstance(row, OfProvider)}
    assert named - consoles == {row.route for row in OF_ORGANIZATIONS}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.route)
def test_who_gets_what(row: Row, world: World) -> None:
    organizations = ("acme", "globex", "nowhere") if "organization" in PARTS[row.route] else ("acme",)
    wrong = []
    for visitor in world.visitors:
        for organization in organizations:
            for method in METHODS:
                found = ask(visitor, method, row.route, world.objects[organization])
                wanted = expected(row, visitor, organization, method)
                if found != wanted:
                    wrong.append(f"{method} at {organization} by {visitor.label}: {found} instead of {wanted}")
    assert wrong == []


def test_m_11_what_belongs_to_another_organization_is_not_found_at_ones_own_address(world: World) -> None:
    strange = world.objects["globex"] | {"organization": "acme"}
    able = [visitor for visitor in world.visitors if visitor.operator or visitor.permissions == frozenset(Permission)]
    for row in OF_ORGANIZATIONS:
        if PARTS[row.route] == {"organization"}:
            continue
        for visitor in (visitor for visitor in able if visitor.organization != "globex"):
            for index, method in enumerate(METHODS):
                wanted = NOT_ALLOWED if row.holder[index] is None else 404
                assert ask(visitor, method, row.route, strange) == wanted, (row.route, visitor.label, method)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.route)
def test_p_31_every_change_asks_for_proof(row: Row, world: World) -> None:
    """Before its dialog opens, and where the change would be made."""
    Session.objects.update(proven_at=timezone.now() - PROOF_LIFETIME)
    label = "operator" if isinstance(row, OfProvider) else "every permission"
    visitor = next(visitor for visitor in world.visitors if visitor.label == label)
    fresh = [expected(row, visitor, "acme", method) for method in METHODS]
    if fresh[1] == NOT_ALLOWED or row.route in WITHOUT_PROOF:
        # The proof itself asks, because it is needed.
        fresh[0] = 200 if row.route == "sign_in:confirm" else fresh[0]
        assert [ask(visitor, method, row.route, world.objects["acme"]) for method in METHODS] == fresh
        return
    dialog, change = (answer_to(visitor, method, row.route, world.objects["acme"]) for method in METHODS)
    if fresh[0] != NOT_ALLOWED:
        assert (dialog.status_code, dialog["Location"]) == (
            302,
            f"/confirm?{urlencode({'next': dialog.request['PATH_INFO']})}",
        )
    if change.status_code == 403:
        assert "Confirm that it is you" in change.content.decode()
    else:
        # The view refused the empty form before its command asked for proof.
        assert change.status_code == fresh[1] >= 400


def test_no_post_is_taken_without_its_token(world: World) -> None:
    """From the page of a stranger the browser sends the cookie, but no token."""
    able = {visitor.label: visitor.client for visitor in world.visitors}
    for row in TABLE:
        own = row.holder if isinstance(row, OfOrganization) else row.operator
        visitor = Visitor("strict", Client(enforce_csrf_checks=True))
        visitor.client.cookies.update(able["operator" if isinstance(row, OfProvider) else "every permission"].cookies)
        if own[METHODS.index("post")] is not None:
            assert ask(visitor, "post", row.route, world.objects["acme"]) == 403, row.route
