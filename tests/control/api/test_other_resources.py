"""API roles and keys, Activity, organizations with subscriptions and suspensions, verifiers and failing key sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from django.utils import timezone

from kit import api_access, registrations
from kit.api_client import ApiClient, with_key
from watchword.control.fleet.queries import verifier_of_secret
from watchword.control.identity.api_models import ApiKey
from watchword.control.organizations.models import Suspension
from watchword.control.servers.models import AuthorizationServer, KeySetState

if TYPE_CHECKING:
    from watchword.control.organizations.models import Organization

pytestmark = pytest.mark.django_db

ROLES: Final = "/organizations/acme/api-roles"
KEYS: Final = "/organizations/acme/api-keys"


@pytest.fixture
def client(acme: Organization) -> ApiClient:
    api_access.api_role()
    return with_key()


@pytest.fixture
def operator(acme: Organization) -> ApiClient:
    return with_key(None, None)


def test_role_is_created_changed_and_deleted(client: ApiClient) -> None:
    created = client.send("POST", ROLES, {"name": "Reader", "rights": {"Audit Logs": "view"}})
    assert created.status == 201
    path = created.headers["Location"].partition("/api/v1")[2]
    assert client.get(path).body == created.body
    changed = client.send("PATCH", path, {"rights": {}}, if_match=created.headers["ETag"])
    assert (changed.body["name"], changed.body["rights"], changed.body["version"]) == ("Reader", {}, 2)
    stale = client.send("PATCH", path, {"name": "Other"}, if_match=created.headers["ETag"])
    assert (stale.status, stale.reason) == (412, "version_stale")
    assert client.send("DELETE", path, if_match=created.headers["ETag"]).status == 412
    assert client.send("DELETE", path, if_match=changed.headers["ETag"]).status == 204
    assert client.send("PATCH", path, {"name": "Other"}, if_match=changed.headers["ETag"]).status == 404
    assert [role["name"] for role in client.get(ROLES).body["items"]] == ["Deployer"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": "no spaces", "rights": {}}, "name"), ({"name": "x" * 17, "rights": {}}, "name"),
        ({"name": "A", "rights": {"Cooking": "full"}}, "rights"),
        ({"name": "A", "rights": {"Activity": "some"}}, "rights"),
        ({"name": "A", "rights": {"Activity": True}}, "rights/Activity"), ({"name": "A", "rights": []}, "rights"),
        ({"name": "A"}, "rights"), ({"name": "deployer", "rights": {}}, "name"),
    ],
)  # fmt: skip
def test_odd_role_is_refused(body: dict[str, Any], pointer: str, client: ApiClient) -> None:
    assert client.send("POST", ROLES, body).pointers == [f"body:/{pointer}"]


def test_required_role_stays(client: ApiClient) -> None:
    registrations.add()
    AuthorizationServer.objects.update(required_role="Deployer")
    role = client.get(ROLES).body["items"][0]
    received = client.send("DELETE", f"{ROLES}/{role['id']}", if_match=f'"{role["id"]}.{role["version"]}"')
    assert (received.status, received.reason) == (409, "api_role_required")


def test_client_cannot_give_more_than_it_has(client: ApiClient) -> None:
    api_access.api_role("Keeper", api_roles="full")
    keeper = with_key("Keeper", name="keeper")
    given = keeper.send("POST", ROLES, {"name": "More", "rights": {"Authorization Servers": "view"}})
    assert (given.status, given.reason) == (403, "permission_missing")
    assert keeper.send("POST", KEYS, {"name": "more", "api_role": "Deployer"}).status == 403


def test_key_is_shown_once_and_revoked(client: ApiClient) -> None:
    body = {"name": "night", "api_role": "Deployer", "expires_at": f"{timezone.now().year + 1}-01-02T00:00:00+01:00"}
    created = client.send("POST", KEYS, body)
    assert created.status == 201
    path = created.headers["Location"].partition("/api/v1")[2]
    assert ApiClient(created.body["secret"]).get(ROLES).status == 200
    shown = client.get(path).body
    assert (shown["state"], "secret" in shown, shown["last_used_at"] is None) == ("usable", False, False)
    assert client.send("DELETE", path).status == 204
    assert client.send("DELETE", path).status == 404
    assert client.get(path).body["state"] == "revoked"
    assert ApiClient(created.body["secret"]).get(ROLES).reason == "api_key_unusable"
    assert client.get(f"{KEYS}/5f0d7c52-3a0e-4a52-9d3c-0d8f3d1f2b11").status == 404
    assert len(client.get(KEYS).body["items"]) == ApiKey.objects.count()


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"expires_at": "2026-01-01"}, "expires_at"), ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": 1}, "expires_at"), ({"api_role": "Unknown"}, "api_role"), ({"api_role": None}, "api_role"),
        ({"name": "a b"}, "name"), ({"name": "CI"}, "name"),
    ],
)  # fmt: skip
def test_odd_key_is_refused(changes: dict[str, Any], pointer: str, client: ApiClient) -> None:
    received = client.send("POST", KEYS, {"name": "night", "api_role": "Deployer", **changes})
    assert received.pointers == [f"body:/{pointer}"]


def test_name_that_is_taken_is_pointed_at(operator: ApiClient) -> None:
    for path, body, pointer in (
        ("/organizations", {"id": "acme", "name": "Acme"}, "id"), ("/verifiers", {"name": "one"}, "name"),
    ):  # fmt: skip
        operator.send("POST", path, body)
        received = operator.send("POST", path, body)
        assert (received.status, received.reason, received.pointers) == (409, "name_taken", [f"body:/{pointer}"])


def test_activity_shows_the_last_days(client: ApiClient) -> None:
    body = client.get("/organizations/acme/activity").body
    assert (len(body["days"]), body["api_call_threshold"], body["outcomes"], body["profiles"]) == (31, 1000, [], [])


def test_organization_is_created_subscribed_suspended_and_reinstated(operator: ApiClient) -> None:
    created = operator.send("POST", "/organizations", {"id": "initech", "name": "Initech"})
    assert (created.status, created.body["situation"]) == (201, "absent")
    path = created.headers["Location"].partition("/api/v1")[2]
    terms = {"starts_at": "2026-01-01T00:00:00Z", "expires_at": "2999-01-01T00:00:00Z", "api_call_threshold": 9}
    none = operator.get(f"{path}/subscription")
    assert (none.body["version"], none.headers["ETag"]) == (0, '"initech.0"')
    first = operator.send("PUT", f"{path}/subscription", terms, if_match=none.headers["ETag"])
    assert (first.status, first.body["version"]) == (200, 1)
    again = operator.send("PUT", f"{path}/subscription", terms, if_match=none.headers["ETag"])
    assert (again.status, again.reason) == (412, "version_stale")
    raised = operator.send("PUT", f"{path}/call-threshold", {"api_call_threshold": None}, if_match='"initech.1"')
    assert raised.body["api_call_threshold"] is None
    assert operator.get(path).body["situation"] == "active"
    suspended = operator.send("PUT", f"{path}/suspension", {"reason": "other", "public_text": "Because."})
    reference = suspended.body["suspension"]["reference"]
    assert operator.send("PUT", f"{path}/suspension", {"reason": "terms_violated"}).reason == "already_suspended"
    assert operator.get(path).body["suspension"] == operator.get(f"{path}/suspension").body["suspension"]
    other = operator.send("DELETE", f"{path}/suspension?reference=other")
    assert (other.status, other.reason, other.pointers) == (412, "version_stale", ["query:/reference"])
    assert operator.send("DELETE", f"{path}/suspension?reference={reference}").status == 204
    assert operator.get(f"{path}/suspension").body == {"suspension": None}
    assert operator.send("DELETE", f"{path}/suspension?reference={reference}").reason == "not_suspended"


def test_private_note_is_never_shown(operator: ApiClient, client: ApiClient) -> None:
    body = {"reason": "terms_violated", "private_note": "hidden"}
    assert "hidden" not in str(operator.send("PUT", "/organizations/acme/suspension", body).body)
    assert Suspension.objects.get().private_note == "hidden"
    assert client.get("/organizations/acme/suspension").body["suspension"]["reason"] == "terms_violated"


@pytest.mark.parametrize(
    ("method", "path", "body", "pointer"),
    [
        ("POST", "", {"id": "Acme!", "name": "x"}, "id"), ("POST", "", {"id": "initech", "name": ""}, "name"),
        ("PUT", "/acme/suspension", {"reason": "bad"}, "reason"),
        ("PUT", "/acme/suspension", {"reason": "other"}, "public_text"),
        ("PUT", "/acme/call-threshold", {"api_call_threshold": 0}, "api_call_threshold"),
        ("PUT", "/acme/call-threshold", {"api_call_threshold": 10**30}, "api_call_threshold"),
        ("PUT", "/acme/call-threshold", {"api_call_threshold": 1.5}, "api_call_threshold"),
        ("PUT", "/acme/call-threshold", {"api_call_threshold": True}, "api_call_threshold"),
        ("PUT", "/acme/call-threshold", {}, "api_call_threshold"),
        ("PUT", "/acme/subscription", {"starts_at": "2026-01-01T00:00:00Z", "expires_at": "2025-01-01T00:00:00Z",
                                       "api_call_threshold": None}, "expires_at"),
    ],
)  # fmt: skip
def test_odd_change_of_an_organization_is_refused(
    method: str, path: str, body: dict[str, Any], pointer: str, operator: ApiClient
) -> None:
    received = operator.send(method, f"/organizations{path}", body, if_match='"acme.1"')
    assert (received.reason, received.pointers) == ("fields_invalid", [f"body:/{pointer}"])


def test_taken_id_is_a_conflict(operator: ApiClient) -> None:
    assert operator.send("POST", "/organizations", {"id": "acme", "name": "Other"}).reason == "name_taken"


def test_verifier_is_created_and_revoked(operator: ApiClient) -> None:
    created = operator.send("POST", "/verifiers", {"name": "gateway-1"})
    assert created.status == 201
    assert verifier_of_secret(created.body["secret"]) is not None
    path = created.headers["Location"].partition("/api/v1")[2]
    assert operator.send("POST", "/verifiers", {"name": "gateway-1"}).reason == "name_taken"
    assert operator.send("DELETE", path).status == 204
    assert operator.send("DELETE", path).status == 404
    assert operator.send("DELETE", "/verifiers/999999999999999999999999").status == 404
    assert verifier_of_secret(created.body["secret"]) is None
    (listed,) = operator.get("/verifiers").body["items"]
    assert (listed["name"], listed["state"], "secret" in listed) == ("gateway-1", "revoked", False)


def test_failing_key_set_is_listed(operator: ApiClient) -> None:
    registrations.add()
    KeySetState.objects.update(failures=3, failing_since=timezone.now(), problem="timed_out")
    (listed,) = operator.get("/failing-key-sets").body["items"]
    assert (listed["organization"], listed["authorization_server"], listed["enabled"]) == ("acme", "ProdOkta", True)
