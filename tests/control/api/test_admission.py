"""Who may use the API: API keys, access tokens, and what neither of them gives."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from django.utils import timezone

from kit import api_access, forge, registrations
from kit.api_client import KEY, ApiClient, scope, token, with_key
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import command_line
from watchword.control.base.refused_requests import REFUSED_REQUESTS, Kind
from watchword.control.identity import api_actors
from watchword.control.identity.api_key_commands import RevokeApiKey
from watchword.control.identity.api_models import ApiClientUse, ApiKey
from watchword.control.servers.models import AuthorizationServer, KeySetState

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries

    from watchword.control.organizations.models import Organization

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

SERVERS: Final = "/organizations/acme/authorization-servers"
OF_GLOBEX: Final = "/organizations/globex/authorization-servers"
OF_NOBODY: Final = "/organizations/nowhere/authorization-servers"


@pytest.fixture
def server(acme: Organization, globex: Organization) -> AuthorizationServer:
    """Acme's enabled server, with an API role that may do everything and one that only reads."""
    api_access.api_role()
    api_access.api_role("Reader", authorization_servers="view")
    api_access.api_role("Auditor", audit_logs="full")
    return registrations.add(KEY)


def noted(kind: Kind) -> int:
    return dict(REFUSED_REQUESTS.totals())[kind]


@pytest.mark.parametrize("claims", [
    {"scope": scope()}, {"scope": f"orders:read {scope()}"}, {"scope": ..., "scp": [scope()]},
    {"scope": "", "roles": [scope(), "orders"]}, {"scope": f"{scope('Unknown')} {scope()}"},
])  # fmt: skip
def test_access_token_with_the_scope_of_a_role_is_admitted(claims: dict[str, Any], server: AuthorizationServer) -> None:
    received = ApiClient(token(**claims)).get(SERVERS)
    assert [each["name"] for each in received.body["items"]] == [server.name]
    assert ApiClientUse.objects.get().client_id == "acme-batch"


@pytest.mark.parametrize("named", ["", scope("Unknown"), scope(organization="globex"), scope().lower(), scope()[:-1]])
def test_token_without_a_known_role_gets_the_missing_scope(named: str, server: AuthorizationServer) -> None:
    received = ApiClient(token(named)).get(SERVERS)
    assert (received.status, received.reason) == (403, "insufficient_scope")
    assert 'error="insufficient_scope"' in received.headers["WWW-Authenticate"]
    wanted = named if named == scope("Unknown") else f"{api_access.CLOUD}::acme::"
    assert f'scope="{wanted}' in received.headers["WWW-Authenticate"]
    assert wanted in received.body["detail"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": 1}, "token_expired"), ({"iss": "https://other.example/"}, "issuer_mismatch"),
        ({"aud": "https://other.example/"}, "audience_mismatch"), ({"key": forge.ec_key("second")}, "no_matching_key"),
        ({"cnf": {"jkt": "x"}}, "token_bound"), ({"key": forge.ec_key("x", "P-256").named("first")}, "no_matching_key"),
    ],
)  # fmt: skip
def test_kernel_decides_about_the_token(changes: dict[str, Any], reason: str, server: AuthorizationServer) -> None:
    before = noted(Kind.API_CREDENTIAL_REFUSED)
    received = ApiClient(token(scope(), **changes)).get(SERVERS)
    assert (received.status, received.reason) == (401, reason)
    assert 'Bearer error="invalid_token"' in received.headers["WWW-Authenticate"]
    assert noted(Kind.API_CREDENTIAL_REFUSED) == before + 1


def test_audience_may_be_the_registrations_or_the_api_itself(server: AuthorizationServer, settings: Any) -> None:
    own = f"{settings.WATCHWORD.public_origin}/api/v1"
    for audience in ("https://api.example/", own, [own, "x"]):
        assert ApiClient(token(scope(), aud=audience)).get(SERVERS).status == 200
    for other in (f"{own}/", settings.WATCHWORD.public_origin, ...):
        assert ApiClient(token(scope(), aud=other)).get(SERVERS).reason == "audience_mismatch"


def test_blank_audience_and_accepted_bound_tokens_are_for_gateways_alone(
    server: AuthorizationServer, settings: Any
) -> None:
    server.audience, server.accepts_bound_tokens = None, True
    server.save()
    own = f"{settings.WATCHWORD.public_origin}/api/v1"
    assert ApiClient(token(scope(), aud=own)).get(SERVERS).status == 200
    for other in ("https://api.example/", "acme-batch", ...):
        assert ApiClient(token(scope(), aud=other)).get(SERVERS).reason == "audience_mismatch"
    assert ApiClient(token(scope(), aud=own, cnf={"jkt": "x"})).get(SERVERS).reason == "token_bound"


def test_token_is_good_for_its_organization_alone(server: AuthorizationServer) -> None:
    client = ApiClient(token(scope(), scope(organization="globex"), scope(organization="nowhere")))
    answers = [client.get(path) for path in (OF_GLOBEX, OF_NOBODY)]
    assert [(answer.status, answer.reason) for answer in answers] == [(401, "no_matching_key")] * 2
    assert answers[0].body["detail"] == answers[1].body["detail"]
    assert answers[0].headers["WWW-Authenticate"] == answers[1].headers["WWW-Authenticate"]


def test_key_is_good_for_its_organization_alone(server: AuthorizationServer) -> None:
    client = with_key()
    answers = [client.get(path) for path in (OF_GLOBEX, OF_NOBODY)]
    assert [(answer.status, answer.reason) for answer in answers] == [(404, "not_found")] * 2
    assert answers[0].body | {"request_id": ""} == answers[1].body | {"request_id": ""}


def test_token_of_a_disabled_server_is_refused(server: AuthorizationServer) -> None:
    AuthorizationServer.objects.update(enabled=False)
    assert ApiClient(token(scope())).get(SERVERS).reason == "no_matching_key"


def test_token_is_verified_with_the_database_and_its_present_keys(server: AuthorizationServer) -> None:
    assert ApiClient(token(scope())).get(SERVERS).status == 200
    KeySetState.objects.update(good_until=timezone.now())
    assert ApiClient(token(scope())).get(SERVERS).reason == "keys_stale"


def test_required_role_of_gateways_is_not_required_here(server: AuthorizationServer) -> None:
    AuthorizationServer.objects.update(required_role="Auditor")
    assert ApiClient(token(scope("Reader"))).get(SERVERS).status == 200


@pytest.mark.parametrize("change", [registrations.suspend, registrations.expire])
def test_without_entitlement_clients_read_and_change_nothing(change: Any, server: AuthorizationServer) -> None:
    key = with_key()
    change("acme")
    for client in (ApiClient(token(scope())), key):
        version = client.get(f"{SERVERS}/{server.pk}").headers["ETag"]
        received = client.send("DELETE", f"{SERVERS}/{server.pk}", if_match=version)
        assert received.status == 403
        assert received.reason in {"organization_suspended", "subscription_inactive"}
    assert AuthorizationServer.objects.exists()


def test_view_only_reads_and_its_attempt_to_change_is_recorded(server: AuthorizationServer) -> None:
    client = ApiClient(token(scope("Reader")))
    before = noted(Kind.API_FORBIDDEN)
    version = client.get(f"{SERVERS}/{server.pk}").headers["ETag"]
    received = client.send("DELETE", f"{SERVERS}/{server.pk}", if_match=version, request_id="r-9")
    assert (received.status, received.reason) == (403, "permission_missing")
    event = AuditEvent.objects.get(action="server_deleted")
    assert (event.actor, event.result, event.client, event.request_id, event.interface) == (
        "oauth-Reader$@acme.orders", "refused", "acme-batch", "r-9", "api",
    )  # fmt: skip
    assert noted(Kind.API_FORBIDDEN) == before + 1


def test_role_without_the_category_reads_nothing(server: AuthorizationServer) -> None:
    received = ApiClient(token(scope("Auditor"))).get(SERVERS)
    assert (received.status, received.reason) == (403, "permission_missing")


def test_location_is_masked_for_clients_that_cannot_change_it(server: AuthorizationServer) -> None:
    AuthorizationServer.objects.update(jwks_location="https://login.acme.example/keys?secret=hidden")
    shown = {
        role: ApiClient(token(scope(role))).get(f"{SERVERS}/{server.pk}").body["jwks_location"]
        for role in ("Deployer", "Reader")
    }
    assert "hidden" in shown["Deployer"]
    assert "hidden" not in shown["Reader"]


def test_token_says_nothing_at_an_address_without_an_organization(server: AuthorizationServer) -> None:
    received = ApiClient(token(scope())).get("/organizations")
    assert (received.status, received.reason) == (401, "organization_not_named")


def test_without_a_cloud_name_no_token_names_a_role(server: AuthorizationServer, settings: Any) -> None:
    settings.WATCHWORD = settings.WATCHWORD.model_copy(update={"cloud_name": None})
    assert ApiClient(token(scope())).get(SERVERS).reason == "insufficient_scope"


def test_operators_read_servers_and_change_none(server: AuthorizationServer) -> None:
    client = with_key(None, None)
    assert client.get(SERVERS).status == 200
    assert client.get(OF_NOBODY).reason == "not_found"
    refused = client.send("POST", f"{SERVERS}/{server.pk}/refresh")
    assert refused.reason == "permission_missing"
    assert refused.body["detail"] == "Operators cannot change an organization's authorization servers."


def test_only_operators_see_all_organizations(server: AuthorizationServer) -> None:
    refused = with_key("Deployer").get("/organizations")
    assert (refused.status, refused.reason) == (403, "permission_missing")
    assert refused.body["detail"] == "Only the provider's operators may do this."


def test_key_that_was_revoked_or_has_expired_is_refused(server: AuthorizationServer) -> None:
    client, other = with_key(), with_key(name="other")
    key = ApiKey.objects.get(name="ci")
    assert client.get(SERVERS).status == 200
    assert ApiKey.objects.get(name="ci").last_used_at is not None
    RevokeApiKey(organization_id="acme", key_id=key.public_id).run(command_line())
    past = timezone.now() - timedelta(days=9)
    ApiKey.objects.filter(name="other").update(created_at=past, expires_at=past + timedelta(days=1))
    for refused in (client, other):
        received = refused.get(SERVERS)
        assert (received.status, received.reason) == (401, "api_key_unusable")
        assert received.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("header", "status", "reason"),
    [
        (None, 401, "credentials_missing"), ("", 400, "authorization_malformed"),
        ("Bearer", 400, "authorization_malformed"), ("Bearer ", 400, "authorization_malformed"),
        ("Basic YTpi", 401, "scheme_not_bearer"), ("Bearer wwk_x", 401, "api_key_unusable"),
        (f"Bearer wwk_{'x' * 9000}", 401, "api_key_unusable"), ("Bearer x", 401, "token_malformed"),
        ("Bearer a.b.c", 401, "token_malformed"), ("Bearer a, Bearer b", 400, "authorization_malformed"),
        (f"Bearer {'x' * 20000}", 401, "token_too_large"), ("Bearer \u00e9", 400, "authorization_malformed"),
        ("Bearer wwk_\u00e9", 401, "api_key_unusable"),
    ],
)  # fmt: skip
def test_odd_credentials_get_a_problem(
    header: str | None, status: int, reason: str, server: AuthorizationServer
) -> None:
    received = ApiClient(None, {} if header is None else {"Authorization": header}).get(SERVERS)
    assert (received.status, received.reason) == (status, reason)


def test_credentials_count_only_in_their_header(server: AuthorizationServer) -> None:
    secret = with_key().secret
    assert ApiClient(None).get(f"{SERVERS}?access_token={secret}").reason == "credentials_missing"


def test_nobody_learns_by_credentials_of_nothing_which_organizations_exist(server: AuthorizationServer) -> None:
    for secret in (None, "wwk_x", token(scope(), key=forge.ec_key("strange")), "a.b.c"):
        answers = [ApiClient(secret).get(path) for path in (SERVERS, OF_NOBODY)]
        assert answers[0].status == answers[1].status
        assert answers[0].body | {"request_id": ""} == answers[1].body | {"request_id": ""}


@pytest.mark.parametrize(("kind", "queries"), [("key", 2), ("token", 4)])
def test_reading_takes_few_queries_after_the_first_use(
    kind: str,
    queries: int,
    server: AuthorizationServer,
    django_assert_num_queries: DjangoAssertNumQueries,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Otherwise the use is noted again if a minute begins between the two requests.
    monkeypatch.setattr(api_actors, "SEEN_STEP", timedelta(hours=1))
    client = with_key() if kind == "key" else ApiClient(token(scope()))
    for path in (SERVERS, f"{SERVERS}/{server.pk}"):
        client.get(path)
        with django_assert_num_queries(queries):
            assert client.get(path).status == 200
