"""Requests that schemathesis makes of the OpenAPI document, good ones and bad ones: the document has every answer."""

from __future__ import annotations

import time
from copy import deepcopy
from itertools import cycle
from typing import TYPE_CHECKING, Any, Final

import pytest
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from kit import api_access, registrations, sample_portal
from kit.api_client import ApiClient, documented, with_key
from kit.soak import FULL, length
from watchword.control.api.declarations import OPERATIONS, ETag
from watchword.control.api.strict_requests import etag
from watchword.control.base.actor import Privilege
from watchword.control.identity.api_models import ApiKey
from watchword.control.servers import validate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings
    from schemathesis import Case
    from schemathesis.core.transport import Response
    from schemathesis.schemas import APIOperation

    from watchword.control.organizations.models import Organization

pytestmark = [pytest.mark.django_db, pytest.mark.soak, pytest.mark.timeout(600)]

EXAMPLES: Final = length(3, 40)
SECONDS: Final = length(0, 60)
GOOD: Final[dict[str, dict[str, Any]]] = {
    "register_authorization_server": {
        "name": "New", "jwks_location": sample_portal.LOCATION, "issuer": "https://login.acme.example/other",
    },
    "validate_key_source": {"jwks_location": sample_portal.LOCATION},
    "create_api_role": {"name": "Other", "rights": {"Activity": "view"}},
    "create_api_key": {"name": "other", "api_role": "Deployer"},
}  # fmt: skip


class Requests:
    """Sends generated requests to Acme, each one to the same stored data."""

    def __init__(self) -> None:
        api_access.api_role()
        spare = api_access.api_role("Spare")
        server = registrations.add(enabled=False)
        self._clients = {False: with_key(), True: with_key(None, None, "operator")}
        api_access.api_key(name="spare")
        self._identities = {
            "server": str(server.pk),
            # No server is enabled.
            "": "none",
            "role": spare.pk,
            "key": str(ApiKey.objects.get(name="spare").public_id),
        }
        self._versions = {"none": 0, str(server.pk): server.version, spare.pk: spare.version}
        events = ApiClient(self._clients[False].secret).get("/organizations/acme/audit-events?limit=1")
        self._cursor = events.body["next_cursor"]

    def send(self, operation: APIOperation[Any, Any, Any, Any], case: Case[Any], *, mended: bool) -> Response:
        """Send the request, and undo what it has done. If `mended`, it names what exists, in the present version."""
        declared = OPERATIONS[operation.definition.raw["operationId"]]
        path = case.path_parameters
        if "organization" in path:
            path["organization"] = "acme"
        headers = case.headers
        # A bad one is replaced and not refused.
        headers.pop("X-Request-ID", None)
        headers["Authorization"] = f"Bearer {self._clients[declared.right is Privilege.OPERATOR].secret}"
        if mended:
            path.update({name: value for name, value in self._identities.items() if name in path})
            if declared.etag is ETag.REQUIRED and declared.identity in self._identities:
                identity = self._identities[declared.identity]
                headers["If-Match"] = etag(identity, self._versions[identity])
            if isinstance(case.body, dict):
                case.body = {**case.body, **GOOD.get(declared.name, {})}
            if case.query and "cursor" in case.query:
                case.query = {"limit": 1, "cursor": self._cursor}
        before = transaction.savepoint()
        try:
            response = case.call()
        finally:
            transaction.savepoint_rollback(before)
        if response.status_code < 300 and declared.takes_body:
            body = operation.definition.raw["requestBody"]["content"]["application/json"]["schema"]
            whole = {**body, "components": documented()["components"]}
            Draft202012Validator(whole).validate(case.body)
        return response


@pytest.fixture
def requests(
    acme: Organization,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
) -> Iterator[Requests]:
    monkeypatch.setattr(validate, "probe", sample_portal.probe)
    monkeypatch.setattr(validate, "ATTEMPTS", 10**6)
    settings.ALLOWED_HOSTS = ["localhost", "testserver"]
    # As Django's own test client does: a request would close the connection, whose transaction is the test's.
    made = Requests()
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield made
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def test_document_has_every_answer(requests: Requests) -> None:
    # Here, because the other tests of a run do not need it and it takes long to import.
    import schemathesis  # noqa: PLC0415
    from schemathesis import checks  # noqa: PLC0415
    from schemathesis.core.result import Ok  # noqa: PLC0415
    from schemathesis.specs.openapi import checks as conformance  # noqa: PLC0415

    schema = schemathesis.openapi.from_dict(deepcopy(documented()))
    schema.app = get_wsgi_application()
    wanted = [
        checks.not_a_server_error,
        conformance.status_code_conformance,
        conformance.content_type_conformance,
        conformance.response_headers_conformance,
        conformance.response_schema_conformance,
    ]
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) == len(OPERATIONS)
    for operation in operations:
        name = operation.definition.raw["operationId"]
        if name in GOOD:
            good = operation.Case(body={}, media_type="application/json", path_parameters={"organization": "acme"})
            response = requests.send(operation, good, mended=True)
            good.validate_response(response, checks=wanted)
            # Else the requests below would never get past the checks of their bodies.
            assert response.status_code == OPERATIONS[name].status, response.text

    def try_out(operation: APIOperation[Any, Any, Any, Any]) -> None:
        modes = [operation.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode]

        @settings(
            # In `make test` the same requests each time: another machine must not find what this one did not.
            max_examples=EXAMPLES, derandomize=not FULL, database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=st.one_of(modes), mended=st.booleans())
        def run(case: Case[Any], mended: bool) -> None:  # noqa: FBT001
            case.validate_response(requests.send(operation, case, mended=mended), checks=wanted)

        run()

    until = time.monotonic() + SECONDS
    for tried, operation in enumerate(cycle(operations)):
        if tried >= len(operations) and time.monotonic() >= until:
            break
        try_out(operation)
