"""Authorization servers: list, read, register, change, delete, refresh, validate and enable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from django.utils import timezone

from kit import api_access, registrations, sample_portal
from kit.api_client import ApiClient, Received, with_key
from watchword.control.audit.models import AuditEvent
from watchword.control.identity.api_models import ApiKey
from watchword.control.servers import validate
from watchword.control.servers.models import AuthorizationServer, KeySetState

if TYPE_CHECKING:
    from watchword.control.organizations.models import Organization

pytestmark = pytest.mark.django_db

SERVERS: Final = "/organizations/acme/authorization-servers"
NEW: Final[dict[str, Any]] = {
    "name": "ProdOkta",
    "jwks_location": registrations.LOCATION,
    "issuer": "https://login.acme.example/",
    "audience": "https://api.example/",
}
KEY_SOURCE: Final = {"jwks_location": registrations.LOCATION}


@pytest.fixture
def client(acme: Organization, monkeypatch: pytest.MonkeyPatch) -> ApiClient:
    """A client of Acme with all rights."""
    monkeypatch.setattr(validate, "probe", sample_portal.probe)
    api_access.api_role()
    return with_key()


def registered(client: ApiClient, **changes: Any) -> Received:
    received = client.send("POST", SERVERS, {**NEW, **changes})
    assert received.status == 201, received.body
    return received


def test_registering_validates_and_returns_the_findings(client: ApiClient) -> None:
    received = client.send("POST", SERVERS, NEW, request_id="deploy-17")
    assert received.status == 201, received.body
    server = AuthorizationServer.objects.get()
    assert received.headers["Location"].endswith(f"/api/v1{SERVERS}/{server.pk}")
    assert received.headers["ETag"] == f'"{server.pk}.1"'
    assert received.body["enabled"] is False
    assert received.body["client_id"] is None
    assert received.body["validation"]["succeeded"] is True
    assert received.body["key_set"]["keys"]
    event = AuditEvent.objects.get(action="server_added")
    assert (event.actor, event.interface, event.request_id) == ("key-ci$@acme.orders", "api", "deploy-17")
    listed = client.get(SERVERS)
    assert listed.body["items"] == [{name: v for name, v in received.body.items() if name != "validation"}]


def test_failed_validation_is_a_problem_with_its_findings(client: ApiClient) -> None:
    received = client.send("POST", SERVERS, {**NEW, "jwks_location": "https://login.other.example/keys"})
    assert (received.status, received.reason, received.pointers) == (422, "validation_failed", ["body:/jwks_location"])
    steps = {step["step"]: step["outcome"] for step in received.body["validation"]["steps"]}
    assert steps["address"] == "failed"
    assert received.body["validation"]["problem"] == "host_not_found"
    assert not AuthorizationServer.objects.exists()


def test_validating_saves_nothing_and_a_failure_is_a_result(client: ApiClient) -> None:
    path = "/organizations/acme/authorization-server-validations"
    for location, succeeded in ((registrations.LOCATION, True), ("https://login.other.example/keys", False)):
        received = client.send("POST", path, {"jwks_location": location})
        assert (received.status, received.body["succeeded"]) == (200, succeeded)
        assert bool(received.body["keys"]) is succeeded
    assert not AuthorizationServer.objects.exists()


def test_validations_are_limited_and_say_when_to_come_back(client: ApiClient) -> None:
    for _ in range(validate.ATTEMPTS):
        received = client.send("POST", "/organizations/acme/authorization-server-validations", KEY_SOURCE)
        assert received.status == 200
    received = client.send("POST", "/organizations/acme/authorization-server-validations", KEY_SOURCE)
    assert (received.status, received.reason) == (429, "too_many_requests")
    assert 0 < int(received.headers["Retry-After"]) <= validate.PER_SECONDS


def test_change_keeps_what_it_does_not_name(client: ApiClient) -> None:
    before = registered(client, description="Old", required_role="Deployer", accepts_bound_tokens=True)
    path = f"{SERVERS}/{before.body['id']}"
    after = client.send("PATCH", path, {"audience": None, "client_id": "batch"}, if_match=before.headers["ETag"])
    assert after.status == 200, after.body
    differing = {name for name in after.body if after.body[name] != before.body[name]}
    assert differing == {"audience", "client_id", "version", "updated_at", "validation"}
    assert after.body["validation"] is None


def test_other_location_is_validated_before_the_change(client: ApiClient) -> None:
    before = registered(client)
    path = f"{SERVERS}/{before.body['id']}"
    broken = {"jwks_location": "https://login.other.example/keys"}
    received = client.send("PATCH", path, broken, if_match=before.headers["ETag"])
    assert (received.status, received.reason) == (422, "validation_failed")
    assert client.get(path).body == {name: v for name, v in before.body.items() if name != "validation"}
    moved = client.send("PATCH", path, {"jwks_location": registrations.OTHER_LOCATION}, if_match=before.headers["ETag"])
    assert (moved.status, moved.body["validation"]["succeeded"]) == (200, True)


def test_stale_version_costs_no_validation(client: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    before = registered(client)
    path = f"{SERVERS}/{before.body['id']}"
    assert client.send("PATCH", path, {"description": "New"}, if_match=before.headers["ETag"]).status == 200

    def never(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(validate, "probe", never)
    moved = {"jwks_location": registrations.OTHER_LOCATION}
    assert client.send("PATCH", path, moved, if_match=before.headers["ETag"]).reason == "version_stale"


def test_version_that_changes_during_the_request_is_stale(client: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    before = registered(client)
    path = f"{SERVERS}/{before.body['id']}"

    def change_meanwhile(*given: Any, **more: Any) -> Any:
        AuthorizationServer.objects.update(version=7)
        return sample_portal.probe(*given, **more)

    monkeypatch.setattr(validate, "probe", change_meanwhile)
    moved = {"jwks_location": registrations.OTHER_LOCATION}
    received = client.send("PATCH", path, moved, if_match=before.headers["ETag"])
    assert (received.status, received.reason) == (412, "version_stale")


def test_key_that_is_revoked_during_the_request_changes_nothing(
    client: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def revoke_meanwhile(*given: Any, **more: Any) -> Any:
        ApiKey.objects.update(revoked_at=timezone.now(), revoked_by="alice@acme.example")
        return sample_portal.probe(*given, **more)

    monkeypatch.setattr(validate, "probe", revoke_meanwhile)
    received = client.send("POST", SERVERS, NEW)
    assert (received.status, received.reason) == (401, "api_key_unusable")
    assert not AuthorizationServer.objects.exists()


def test_names_are_unique_and_slots_are_two(client: ApiClient) -> None:
    registered(client)
    taken = client.send("POST", SERVERS, {**NEW, "name": "PRODOKTA"})
    assert (taken.status, taken.reason, taken.pointers) == (409, "name_taken", ["body:/name"])
    registered(client, name="Second")
    assert client.send("POST", SERVERS, {**NEW, "name": "Third"}).reason == "slots_used_up"


def test_enabling_switches_and_null_disables(client: ApiClient) -> None:
    path = "/organizations/acme/enabled-server"
    first, second = (registered(client, name=name).body["id"] for name in ("First", "Second"))
    assert client.get(path).body == {"id": None}
    for chosen in (first, second, second, None, None):
        before = client.get(path).headers["ETag"]
        changed = client.send("PUT", path, {"id": chosen}, if_match=before)
        assert changed.body == {"id": chosen}
        assert changed.headers["ETag"] == client.get(path).headers["ETag"]
        assert client.get(path).body == {"id": chosen}
        assert [each["id"] for each in client.get(SERVERS).body["items"] if each["enabled"]] == (
            [] if chosen is None else [chosen]
        )
    none = '"none.0"'
    unknown = client.send("PUT", path, {"id": "5f0d7c52-3a0e-4a52-9d3c-0d8f3d1f2b11"}, if_match=none)
    assert (unknown.status, unknown.reason, unknown.pointers) == (404, "not_found", ["body:/id"])
    for odd in (1, "x", "", [first], f"{{{first}}}", f"urn:uuid:{first}", first.replace("-", "")):
        refused = client.send("PUT", path, {"id": odd}, if_match=none)
        assert (refused.reason, refused.pointers) == ("fields_invalid", ["body:/id"]), odd
    assert client.send("PUT", path, {}, if_match=none).pointers == ["body:/id"]


def test_enabled_server_that_was_changed_meanwhile_is_not_disabled(client: ApiClient) -> None:
    path = "/organizations/acme/enabled-server"
    first, second = (registered(client, name=name).body["id"] for name in ("First", "Second"))
    none = client.get(path).headers["ETag"]
    assert client.send("PUT", path, {"id": first}).reason == "if_match_missing"
    assert client.send("PUT", path, {"id": first}, if_match="x").reason == "if_match_malformed"
    enabled = client.send("PUT", path, {"id": first}, if_match=none).headers["ETag"]
    assert enabled == client.get(f"{SERVERS}/{first}").headers["ETag"]
    edited = client.send("PATCH", f"{SERVERS}/{first}", {"description": "Changed"}, if_match=enabled)
    assert edited.status == 200
    for named in (none, enabled, f"W/{edited.headers['ETag']}"):
        for chosen in (None, second):
            refused = client.send("PUT", path, {"id": chosen}, if_match=named)
            assert (refused.status, refused.reason) == (412, "version_stale")
            assert client.get(path).body == {"id": first}
    assert client.send("PUT", path, {"id": second}, if_match=edited.headers["ETag"]).body == {"id": second}


def test_enabling_what_accepts_every_token_must_be_confirmed(client: ApiClient) -> None:
    any_token = {"issuer": None, "audience": None}
    refused = client.send("POST", SERVERS, {**NEW, **any_token})
    assert refused.pointers == ["body:/confirm_any_token"]
    server = registered(client, **any_token, confirm_any_token=True).body["id"]
    path = "/organizations/acme/enabled-server"
    none = client.get(path).headers["ETag"]
    assert client.send("PUT", path, {"id": server}, if_match=none).reason == "tokens_of_others"
    assert client.send("PUT", path, {"id": server, "confirm_any_token": True}, if_match=none).body == {"id": server}


def test_key_set_is_read_with_its_history_and_fetched_again(client: ApiClient) -> None:
    server = registered(client)
    path = f"{SERVERS}/{server.body['id']}"
    key_set = client.get(f"{path}/key-set").body
    assert {key["thumbprint"] for key in key_set["history"]} == {key["thumbprint"] for key in key_set["keys"]}
    assert key_set["problem"] is None
    assert client.send("POST", f"{path}/refresh").status == 202
    again = client.send("POST", f"{path}/refresh")
    assert (again.status, again.headers["Retry-After"]) == (429, "30")
    KeySetState.objects.update(failures=1, failing_since=timezone.now(), problem="timed_out")
    assert client.get(path).body["key_set"]["problem"]["code"] == "timed_out"


@pytest.mark.parametrize(
    ("changes", "needed"),
    [
        ({}, None),
        ({"issuer": None, "audience": None}, "confirm_any_token"),
        ({"jwks_location": sample_portal.GITLAB, "issuer": "https://gitlab.com"}, "confirm_any_user"),
    ],
)
def test_server_says_which_confirmation_its_registration_needs(
    client: ApiClient, changes: dict[str, Any], needed: str | None
) -> None:
    confirmed = {} if needed is None else {needed: True}
    server = registered(client, **changes, **confirmed).body
    assert server["required_confirmation"] == needed
    path = "/organizations/acme/enabled-server"
    none = client.get(path).headers["ETag"]
    assert client.send("PUT", path, {"id": server["id"]}, if_match=none).status == (200 if needed is None else 422)
    now = client.get(path).headers["ETag"]
    assert client.send("PUT", path, {"id": server["id"], **confirmed}, if_match=now).status == 200
