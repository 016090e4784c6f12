"""Clients that try for more than they have: strange tokens, rights lost meanwhile, rights beyond their own, logs."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from kit import api_access, forge, registrations, sample_portal
from kit.api_client import KEY, ApiClient, scope, token, with_key
from watchword.control.api import operation
from watchword.control.api.admission import admit
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import ApiCategory, command_line
from watchword.control.identity.api_key_commands import RevokeApiKey
from watchword.control.identity.api_models import ApiKey, ApiRole
from watchword.control.identity.api_role_commands import DeleteApiRole, EditApiRole
from watchword.control.servers import validate
from watchword.control.servers.models import AuthorizationServer
from watchword.control.servers.trust import trust_of
from watchword.core.decision import Allow, Reason
from watchword.core.verify import decide

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword.control.organizations.models import Organization

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

ACME: Final = "/organizations/acme"
SERVERS: Final = f"{ACME}/authorization-servers"
ROLES: Final = f"{ACME}/api-roles"
KEYS: Final = f"{ACME}/api-keys"
ALL: Final = dict.fromkeys(ApiCategory.values, "full")
DAY: Final = timedelta(days=1)
OTHER: Final = registrations.OTHER_LOCATION


@pytest.fixture
def server(acme: Organization, globex: Organization, monkeypatch: pytest.MonkeyPatch) -> AuthorizationServer:
    monkeypatch.setattr(validate, "probe", sample_portal.probe)
    api_access.api_role()
    return registrations.add(KEY)


def stored() -> list[object]:
    """All that clients of the API can change."""
    return [
        list(AuthorizationServer.objects.order_by("pk").values()),
        list(ApiRole.objects.order_by("pk").values()),
        list(ApiKey.objects.order_by("pk").values("pk", "name", "api_role", "revoked_at", "expires_at")),
    ]


# ---------------------------------------------------------------- strange tokens: P-12


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"header_changes": {"alg": "none"}}, "algorithm_not_accepted"),
        ({"header_changes": {"alg": "HS256"}}, "algorithm_not_accepted"),
        ({"header_changes": {"typ": "logout+jwt"}}, "type_not_accepted"),
        # At an ID token's, the audience is the client.
        ({"payload": {"aud": "acme-batch", "nonce": "n"}}, "audience_mismatch"),
        ({"payload": {"aud": "acme-batch", "at_hash": "h"}}, "type_not_accepted"),
    ],
)
def test_what_is_no_access_token_is_refused(changes: dict[str, Any], reason: str, server: AuthorizationServer) -> None:
    now = int(timezone.now().timestamp())
    claims = {"iat": now, "nbf": now, "exp": now + 300, "scope": scope(), **changes.pop("payload", {})}
    sent = forge.token(KEY, "ES256", payload=forge.claims(**claims), **changes)
    for secret in (sent, sent.rpartition(".")[0] + "."):
        received = ApiClient(secret).get(SERVERS)
        assert (received.status, received.reason) == (401, reason if secret is sent else received.reason)


def test_token_of_another_organizations_server_is_refused_whatever_it_names(server: AuthorizationServer) -> None:
    of_globex = forge.ec_key("globex")
    registrations.add(of_globex, actor=registrations.CHARLIE)
    api_access.api_role("Deployer", "globex")
    both = token(scope(), scope(organization="globex"), key=of_globex)
    assert ApiClient(both).get(SERVERS).reason == "no_matching_key"
    assert ApiClient(both).get("/organizations/globex/authorization-servers").status == 200


def test_audience_of_the_api_is_good_here_and_not_at_gateways(server: AuthorizationServer) -> None:
    audience = django_settings.WATCHWORD.management_api_url
    sent = token(scope(), aud=audience)
    now = timezone.now().timestamp()
    assert ApiClient(sent).get(SERVERS).status == 200
    refused = decide(sent, trust_of("acme"), now, now + 1)
    assert not isinstance(refused, Allow)
    assert refused.reason is Reason.AUDIENCE_MISMATCH
    assert isinstance(decide(token(scope()), trust_of("acme"), now, now + 1), Allow)


def test_refusals_for_unknown_and_foreign_organizations_take_the_same_steps(server: AuthorizationServer) -> None:
    """What differs in time must not tell which organizations exist."""
    for secret in (with_key().secret, token(scope(organization="globex")), "wwk_unknown"):
        steps = []
        for organization in ("globex", "nowhere"):
            client = ApiClient(secret)
            client.get(f"/organizations/{organization}/authorization-servers")
            with CaptureQueriesContext(connection) as seen:
                client.get(f"/organizations/{organization}/authorization-servers")
            # Without the note of the last use, which is written once a minute.
            read = [query["sql"] for query in seen.captured_queries if query["sql"].startswith("SELECT")]
            steps.append([re.sub(rf"'{organization}'|\d+", "?", text) for text in read])
        assert steps[0] == steps[1], secret


# ---------------------------------------------------------------- rights lost between the admission and the lock: P-11


def _revoke() -> None:
    RevokeApiKey(organization_id="acme", key_id=ApiKey.objects.get(name="ci").public_id).run(command_line())


def _expire() -> None:
    ApiKey.objects.filter(name="ci").update(created_at=timezone.now() - 2 * DAY, expires_at=timezone.now() - DAY)


def _edit(name: str = "Deployer", **rights: str) -> None:
    role = ApiRole.objects.get(name="Deployer")
    EditApiRole(
        organization_id="acme", role_id=role.pk, expected_version=role.version, name=name, rights=rights or ALL
    ).run(command_line())


def _take_rights() -> None:
    _edit(Activity="full")


def _rename() -> None:
    _edit("Renamed")


def _delete() -> None:
    DeleteApiRole(organization_id="acme", role_id=ApiRole.objects.get(name="Deployer").pk).run(command_line())


def _replace() -> None:
    _delete()
    api_access.api_role()


CHANGES: Final[list[tuple[str, str, Any]]] = [
    ("POST", f"{SERVERS}/SERVER/refresh", None),
    ("DELETE", f"{SERVERS}/SERVER", None),
    ("PATCH", f"{SERVERS}/SERVER", {"description": "Changed"}),
    ("PUT", f"{ACME}/enabled-server", {"id": None}),
    ("POST", SERVERS, {"name": "New", "jwks_location": sample_portal.LOCATION, "issuer": "https://b.example/"}),
    ("POST", ROLES, {"name": "New", "rights": {}}),
    ("POST", KEYS, {"name": "new", "api_role": "Spare"}),
]


LOSSES: Final[list[tuple[Callable[[], None], bool, int, str]]] = [
    (_revoke, False, 401, "api_key_unusable"), (_expire, False, 401, "api_key_unusable"),
    (_take_rights, False, 403, "permission_missing"), (_delete, False, 401, "api_key_unusable"),
    (_take_rights, True, 403, "permission_missing"), (_rename, True, 403, "insufficient_scope"),
    (_delete, True, 403, "insufficient_scope"), (_replace, True, 403, "insufficient_scope"),
]  # fmt: skip
"""What happens, whether the client has an access token, and what it gets."""


@pytest.mark.parametrize(
    "loss", LOSSES, ids=lambda loss: f"{loss[0].__name__.strip('_')} {'token' if loss[1] else 'key'}"
)
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: f"{change[0]} {change[1].rpartition('/')[2]}")
def test_right_that_is_lost_before_the_lock_counts_no_more(
    change: tuple[str, str, Any],
    loss: tuple[Callable[[], None], bool, int, str],
    server: AuthorizationServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lose, with_token, status, reason = loss
    api_access.api_role("Spare", activity="view")
    client = with_key()
    client = ApiClient(token(scope())) if with_token else client
    before: list[object] = []

    def admit_and_lose(*arguments: Any) -> Any:
        actor = admit(*arguments)
        lose()
        before[:] = stored()
        return actor

    monkeypatch.setattr(operation, "admit", admit_and_lose)
    method, path, body = change
    version = f'"{server.pk}.{server.version}"'
    received = client.send(method, path.replace("SERVER", str(server.pk)), body, if_match=version)
    assert (received.status, received.reason) == (status, reason)
    assert stored() == before
    refused = AuditEvent.objects.filter(result="refused").order_by("-sequence")
    assert refused[0].changes["reason"][1] == reason


@pytest.mark.parametrize("change", [registrations.suspend, registrations.expire])
def test_without_entitlement_nothing_is_fetched_and_no_server_changes(
    change: Callable[[str], object], server: AuthorizationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[object] = []
    monkeypatch.setattr(validate, "probe", lambda *_, **__: fetched.append(1))
    clients = [with_key(), ApiClient(token(scope()))]
    change("acme")
    before = stored()
    attempts = [*CHANGES[:5], ("POST", f"{ACME}/authorization-server-validations", {"jwks_location": OTHER})]
    for client in clients:
        for method, path, body in attempts:
            version = f'"{server.pk}.{server.version}"'
            received = client.send(method, path.replace("SERVER", str(server.pk)), body, if_match=version)
            assert (received.status, received.reason) in (
                (403, "organization_suspended"), (403, "subscription_inactive"),
            ), (method, path)  # fmt: skip
            assert client.get(SERVERS).status == 200
    assert stored() == before
    assert fetched == []


# ---------------------------------------------------------------- more rights than one's own: P-10


@pytest.fixture
def limited(server: AuthorizationServer) -> ApiClient:
    """A client that manages roles and keys, and has no access to servers."""
    api_access.api_role("Limited", audit_logs="full", activity="full", api_roles="full")
    return with_key("Limited", name="limited")


def test_client_gives_no_right_that_it_lacks(limited: ApiClient) -> None:
    own, more = (ApiRole.objects.get(name=name) for name in ("Limited", "Deployer"))
    for rights in ({"Authorization Servers": "view"}, {"Authorization Servers": "full", "Activity": "view"}):
        attempts = [
            limited.send("POST", ROLES, {"name": "New", "rights": rights}),
            limited.send("PATCH", f"{ROLES}/{own.pk}", {"rights": rights}, if_match=f'"{own.pk}.1"'),
            limited.send("PATCH", f"{ROLES}/{more.pk}", {"name": "Mine"}, if_match=f'"{more.pk}.1"'),
            limited.send("PATCH", f"{ROLES}/{more.pk}", {"rights": {}}, if_match=f'"{more.pk}.1"'),
            limited.send("DELETE", f"{ROLES}/{more.pk}", if_match=f'"{more.pk}.1"'),
            limited.send("POST", KEYS, {"name": "new", "api_role": "Deployer"}),
        ]
        assert {(each.status, each.reason) for each in attempts} == {(403, "permission_missing")}
    assert ApiRole.objects.count() == 2
    assert ApiKey.objects.count() == 1
    assert set(ApiRole.objects.values_list("version", flat=True)) == {1}


def test_operators_key_changes_no_server_not_even_by_a_key_of_its_own_making(server: AuthorizationServer) -> None:
    operator = with_key(None, None, "operator")
    before = stored()
    for method, path, body in CHANGES[:5]:
        received = operator.send(
            method, path.replace("SERVER", str(server.pk)), body, if_match=f'"{server.pk}.{server.version}"'
        )
        assert (received.status, received.reason) == (403, "permission_missing"), (method, path)
    attempts = [
        operator.send("POST", KEYS, {"name": "mine", "api_role": "Deployer"}),
        operator.send("POST", ROLES, {"name": "Mine", "rights": {"Authorization Servers": "full"}}),
    ]
    assert {each.reason for each in attempts} == {"permission_missing"}
    assert stored() == before


# ---------------------------------------------------------------- what is logged


def test_no_log_has_a_credential_or_a_control_character(
    server: AuthorizationServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    caplog.set_level(logging.DEBUG)
    secrets = [
        str(with_key().secret),
        token(scope()),
        token(scope("Unknown")),
        "wwk_guessed",
        "some.guessed.token-signature",
    ]
    for secret in secrets:
        for path in (SERVERS, f"{SERVERS}?access_token={secret}", "/organizations/globex/api-keys"):
            ApiClient(secret, raises=False).get(path, request_id="forged\r\nline\x1b[31m")
    created = ApiClient(secrets[1]).send("POST", KEYS, {"name": "new", "api_role": "Deployer"}).body["secret"]
    monkeypatch.setattr("watchword.control.api.servers.registrations", fail)
    assert ApiClient(secrets[0], raises=False).get(SERVERS).status == 500
    events = [str(event) for event in AuditEvent.objects.values()]
    logged = "\n".join([caplog.text, *events])
    assert "request_failed" in logged or "Internal Server Error" in logged
    for secret in (*secrets, created):
        assert secret.rpartition(".")[2] not in logged
    assert "\x1b" not in logged
    assert "forged" not in logged
