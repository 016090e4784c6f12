"""Generated requests to every operation: never a 5xx, and never a response that the document does not have.

Bodies and parameters are made from the document's own types, mixed with good values and with values of other types.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit import api_access, people, registrations, sample_portal
from kit.api_client import ApiClient, documented, with_key
from kit.soak import length
from watchword.control.api.declarations import ETag
from watchword.control.api.openapi import template_of
from watchword.control.api.urls import OPERATIONS
from watchword.control.identity.api_models import ApiKey, ApiRole
from watchword.control.servers import validate
from watchword.control.servers.models import AuthorizationServer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchword.control.api.declarations import Operation

pytestmark = [pytest.mark.django_db, pytest.mark.soak]

GOOD: Final[dict[str, Any]] = {
    "name": "New", "jwks_location": registrations.OTHER_LOCATION, "issuer": "https://login.acme.example/",
    "rights": {"Activity": "view"}, "api_role": "Deployer", "id": "initech", "starts_at": "2026-01-01T00:00:00Z",
    "expires_at": "2999-01-01T00:00:00Z", "reason": "terms_violated", "limit": "5", "since": "2026-01-01T00:00:00Z",
    "ca_bundle": None, "required_role": None,
}  # fmt: skip
"""A value that an operation takes, by the name of its member: so that one odd value is met by nothing else wrong."""

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


def body_of(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Bodies of which some members are good, some only of the right type, and few of another."""
    whole = documented()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    members = {
        name: st.just(GOOD[name]) | value_of(member) | ANYTHING if name in GOOD else value_of(member) | ANYTHING
        for name, member in whole["properties"].items()
    }
    good = {name: GOOD[name] for name in whole["properties"] if name in GOOD}
    one_odd = st.sampled_from(sorted(members)).flatmap(lambda name: members[name].map(lambda odd: {**good, name: odd}))
    return st.just(good) | one_odd | st.fixed_dictionaries({}, optional=members) | ANYTHING


def requests(entry: Operation) -> st.SearchStrategy[tuple[Any, dict[str, str]]]:
    """A body, None without one, and query parameters."""
    described = documented()["paths"][template_of(entry)][entry.method.lower()]
    body = st.none()
    if entry.takes_body:
        body = body_of(described["requestBody"]["content"]["application/json"]["schema"])
    odd = st.text(max_size=10).filter(lambda text: text.isprintable()) | TEXTS
    query = {
        each["name"]: st.just(GOOD[each["name"]]) | odd if each["name"] in GOOD else odd
        for each in described["parameters"]
        if each["in"] == "query"
    }
    return st.tuples(body, st.fixed_dictionaries({}, optional=query))


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
    version = f'"{parts[entry.identity]}.1"' if entry.etag is ETag.REQUIRED else None
    seen: set[int] = set()

    @settings(
        max_examples=length(15, 300),
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(requests(entry))
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
    assert entry.status in seen or name in {"revoke_verifier", "reinstate_organization"}, seen
