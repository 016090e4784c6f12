"""No change without its form's token: every route of the portal, taken from the URL table, so none is forgotten."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

import pytest
from django.apps import apps
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from kit import registrations
from kit.people import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from watchword.control.identity.models import Person

REFUSED = "This form has expired"
ORIGIN = "http://127.0.0.1:8080"


def routes(resolver: URLResolver, namespace: str = "", above: dict[str, object] | None = None) -> Iterator[Route]:
    """Every route of the portal."""
    for entry in resolver.url_patterns:
        converters = {**(above or {}), **entry.pattern.converters}
        if isinstance(entry, URLResolver):
            yield from routes(entry, f"{namespace}{entry.namespace}:" if entry.namespace else namespace, converters)
        else:
            assert entry.name is not None, f"{entry.pattern} has no name"
            yield Route(f"{namespace}{entry.name}", converters, entry)


class Route(NamedTuple):
    """Attributes: `name` as `reverse` wants it; `converters` of all parts of its address, by their names."""

    name: str
    converters: dict[str, object]
    entry: URLPattern


ROUTES = {route.name: route for route in routes(get_resolver())}


def address_of(route: str, known: dict[str, UUID]) -> str:
    """An address of the route: Acme's own where it names an organization or a server, else made up."""
    samples = {"UUIDConverter": uuid4(), "IntConverter": 1, "StringConverter": "acme", "SlugConverter": "acme"}
    parts = {name: known.get(name, samples[type(kind).__name__]) for name, kind in ROUTES[route].converters.items()}
    return reverse(route, kwargs=parts)


def everything() -> dict[str, list[object]]:
    """All rows of the control plane."""
    return {
        model._meta.label: list(model._default_manager.order_by("pk").values_list())
        for model in apps.get_models()
        if model.__module__.startswith("watchword.")
    }


@pytest.fixture
def places(alice: Person) -> dict[str, UUID]:
    """What the addresses name: a server of Acme and a session of Alice."""
    server = registrations.add()
    elsewhere = Client()
    elsewhere.post("/sign-in", {"email": alice.email, "password": PASSWORD})
    return {"server": server.pk, "session": alice.sessions.get().public_id}


@pytest.fixture
def strict(alice: Person, places: dict[str, UUID]) -> Client:
    """Alice's browser, which must send the token. Without the check of her sign-in, which has its own row."""
    client = Client(enforce_csrf_checks=True, headers={"Origin": ORIGIN}, SERVER_NAME="127.0.0.1", SERVER_PORT="8080")
    assert client.post("/sign-in", {"email": alice.email, "password": PASSWORD}).status_code == 403
    token = token_of(client, "/sign-in")
    signing_in = {"email": alice.email, "password": PASSWORD, "csrfmiddlewaretoken": token}
    assert client.post("/sign-in", signing_in).status_code == 302
    return client


def token_of(client: Client, path: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get(path).content.decode())
    assert found is not None
    return found[1]


def test_the_table_is_the_url_table() -> None:
    assert {"sign_in:sign-in", "sign_in:sign-out", "people:end-other-sessions", "servers:delete"} <= set(ROUTES)
    assert not [route for route, found in ROUTES.items() if getattr(found.entry.callback, "csrf_exempt", False)]


@pytest.mark.parametrize("route", sorted(ROUTES))
def test_no_post_without_the_right_token_changes_anything(strict: Client, places: dict[str, UUID], route: str) -> None:
    address = address_of(route, places)
    right = token_of(strict, "/sessions/")
    strangers = token_of(Client(), "/sign-in")
    before = everything()

    for sent, headers in (
        ({}, {}),
        ({}, {"HX-Request": "true"}),
        ({"csrfmiddlewaretoken": ""}, {}),
        ({"csrfmiddlewaretoken": "wrong"}, {}),
        ({"csrfmiddlewaretoken": strangers}, {}),
        ({}, {"X-CSRFToken": strangers}),
        ({"csrfmiddlewaretoken": right}, {"Origin": "https://evil.example"}),
        ({"csrfmiddlewaretoken": right}, {"Origin": "null"}),
    ):
        answer = strict.post(address, sent, headers=headers)
        assert (answer.status_code, REFUSED in answer.content.decode()) == (403, True), (sent, headers)
    for method in ("PUT", "PATCH", "DELETE"):
        assert strict.generic(method, address).status_code == 405
    assert everything() == before


@pytest.mark.parametrize("route", sorted(ROUTES))
def test_no_get_changes_anything(strict: Client, places: dict[str, UUID], route: str) -> None:
    before = everything()

    strict.get(address_of(route, places))
    strict.head(address_of(route, places))

    assert everything() == before


@pytest.mark.parametrize("route", sorted(ROUTES))
def test_with_the_right_token_the_same_post_is_looked_at(strict: Client, places: dict[str, UUID], route: str) -> None:
    right = token_of(strict, "/sessions/")

    answer = strict.post(address_of(route, places), {"csrfmiddlewaretoken": right})

    assert REFUSED not in answer.content.decode()


def test_a_token_from_before_the_sign_in_is_worth_nothing_after_it(strict: Client) -> None:
    early = Client(enforce_csrf_checks=True)
    token = token_of(early, "/sign-in")
    early.post("/sign-in", {"email": "alice@acme.example", "password": PASSWORD, "csrfmiddlewaretoken": token})

    assert early.post("/sign-out", {"csrfmiddlewaretoken": token}).status_code == 403
    assert early.get("/sessions/").status_code == 200
