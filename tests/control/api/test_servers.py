"""Authorization servers: list, read, register, change, delete, refresh, validate and enable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from kit import api_access, registrations, sample_portal
from kit.api_client import ApiClient, Received, with_key
from watchword.control.audit.models import AuditEvent
from watchword.control.servers import validate
from watchword.control.servers.models import AuthorizationServer

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
