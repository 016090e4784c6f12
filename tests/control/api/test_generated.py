"""Generated requests to every operation: never a 5xx, and never a response that the document does not have.

Bodies and parameters are made from the document's own types, mixed with good values and with values of other types.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import pytest
from django.db import transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kit import api_access, people, registrations, sample_portal
from kit.api_client import ApiClient, documented, with_key
from kit.soak import FULL, length
from watchword.control.api.declarations import ETag
from watchword.control.api.openapi import template_of
from watchword.control.api.urls import OPERATIONS
from watchword.control.identity.api_models import ApiKey, ApiRole
from watchword.control.servers import validate
from watchword.control.servers.models import AuthorizationServer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchword.control.api.declarations import Operation

# test_schemathesis.py tries every database.
pytestmark = [pytest.mark.django_db, pytest.mark.any_database, pytest.mark.soak]

GOOD: Final[dict[str, Any]] = {
    "name": "New", "jwks_location": registrations.OTHER_LOCATION, "issuer": "https://login.acme.example/",
    "rights": {"Activity": "view"}, "api_role": "Deployer", "id": "initech", "starts_at": "2026-01-01T00:00:00Z",
    "expires_at": "2999-01-01T00:00:00Z", "reason": "terms_violated", "limit": "5", "since": "2026-01-01T00:00:00Z",
    "ca_bundle": None, "required_role": None,
}  # fmt: skip
"""A value that an operation takes, by the name of its member: so that one odd value is met by nothing else wrong."""
GOOD_OF: Final[dict[str, dict[str, Any]]] = {
    "change_subscription": {"api_call_threshold": 5},
    "change_call_threshold": {"api_call_threshold": 5},
    "create_api_key": {"expires_at": None},
    "change_enabled_server": {"id": None},
    "create_verifier": {"name": "gateway-1"},
}

ANYTHING: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
TEXTS: Final = st.sampled_from(["", " ", "a\0b", "\u2028", "x" * 3000, "9" * 30, "-1", "٣", "https://[", "\U0010ffff"])


def value_of(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Values that the schema admits."""
    if "$ref" in schema:
        return value_of(documented()["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        return st.one_of([value_of(each) for each in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "null": st.none(),
        "boolean": st.booleans(),
        "integer": st.integers(),
        "string": st.text(max_size=40) | TEXTS,
        "object": st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3),
    }
    return kinds[schema["type"]]


def schema_of(entry: Operation) -> dict[str, Any]:
    """Of its body."""
    described = documented()["paths"][template_of(entry)][entry.method.lower()]
    name = described["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    found: dict[str, Any] = documented()["components"]["schemas"][name]
    return found


def good_body(entry: Operation) -> dict[str, Any] | None:
    if not entry.takes_body:
        return None
    values = GOOD | GOOD_OF.get(entry.name, {})
    return {name: values[name] for name in schema_of(entry)["properties"] if name in values}


def body_of(entry: Operation) -> st.SearchStrategy[Any]:
    """Bodies of which some members are good, some only of the right type, and few of another."""
    good = good_body(entry) or {}
    members = {
        name: st.just(good[name]) | value_of(member) | ANYTHING if name in good else value_of(member) | ANYTHING
        for name, member in schema_of(entry)["properties"].items()
    }
    one_odd = st.sampled_from(sorted(members)).flatmap(lambda name: members[name].map(lambda odd: {**good, name: odd}))
    return st.just(good) | one_odd | st.fixed_dictionaries({}, optional=members) | ANYTHING


def requests(entry: Operation) -> st.SearchStrategy[tuple[Any, dict[str, str]]]:
    """A body, None without one, and query parameters."""
    described = documented()["paths"][template_of(entry)][entry.method.lower()]
    body = body_of(entry) if entry.takes_body else st.none()
    odd = st.text(max_size=10).filter(lambda text: text.isprintable()) | TEXTS
    query = {
        each["name"]: st.just(GOOD[each["name"]]) | odd if each["name"] in GOOD else odd
        for each in described["parameters"]
        if each["in"] == "query"
    }
    return st.tuples(body, st.fixed_dictionaries({}, optional=query))


WITHOUT_OBJECT: Final = {
    "rotate_verifier", "revoke_previous_credential", "revoke_verifier", "reinstate_organization",
}  # fmt: skip
"""There is no verifier and no suspension."""


@pytest.fixture
def clients(db: None, monkeypatch: pytest.MonkeyPatch) -> tuple[ApiClient, ApiClient]:
    """One of Acme and one of an operator."""
    monkeypatch.setattr(validate, "probe", sample_portal.probe)
    monkeypatch.setattr(validate, "ATTEMPTS", 10**6)
    people.organization("acme")
    api_access.api_role()
    registrations.add()
    return with_key(), with_key(None, None)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_generated_request_gets_a_documented_response(name: str, clients: tuple[ApiClient, ApiClient]) -> None:
    entry = OPERATIONS[name]
    client = clients["operator" in str(entry.right).lower()]
    server, role, key = AuthorizationServer.objects.get(), ApiRole.objects.get(), ApiKey.objects.first()
    assert key is not None
    parts = {"organization": "acme", "server": server.pk, "role": role.pk, "key": key.public_id, "verifier": 1}
    path = template_of(entry)
    for part, value in parts.items():
        path = path.replace(f"{{{part}}}", str(value))
    version = f'"{parts.get(entry.identity, server.pk)}.1"' if entry.etag is ETag.REQUIRED else None
    seen: set[int] = set()

    @settings(
        max_examples=length(8, 300),
        # In `make test` the same requests each time; `make soak` looks for new ones.
        derandomize=not FULL,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(requests(entry))
    @example((good_body(entry), {}))
    def send(request: tuple[Any, dict[str, str]]) -> None:
        body, query = request
        before = transaction.savepoint()
        try:
            # The client compares the response with the document.
            address = f"{path}?{urlencode(query)}" if query else path
            received = client.send(entry.method, address, body, if_match=version)
        finally:
            transaction.savepoint_rollback(before)
        assert received.status < 500
        seen.add(received.status)

    send()
    # Otherwise all requests fail for one reason, and the test shows nothing.
    assert entry.status in seen or name in WITHOUT_OBJECT, seen
