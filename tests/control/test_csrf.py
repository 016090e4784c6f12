"""No change without its form's token: every route of the portal, taken from the URL table, so none is forgotten."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from kit import people, registrations
from kit.people import PASSWORD
from watchword.control.base.actor import Permission

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from kit.module_rows import ModuleRows

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


# Not the API: it reads no cookie, so another site can do nothing with a browser's.
ROUTES = {route.name: route for route in routes(get_resolver()) if not route.name.startswith("api")}

COUNTING = {"sign_in:confirm-single-sign-on", "sign_in:single-sign-on-callback"}
"""GETs that come from an identity provider or lead there. The portal counts the failed ones of an address."""


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


@dataclass(frozen=True)
class Scene:
    """Attributes: `places` are what addresses name; `cookies` and `right` are those of Alice's browser and its pages;
    `strangers` is the token of a browser that is not hers; `rows` are all that are there.
    """

    places: dict[str, UUID]
    cookies: dict[str, str]
    right: str
    strangers: str
    rows: dict[str, list[object]]


@pytest.fixture(scope="module", autouse=True)
def clock_stands_still() -> Iterator[None]:
    """A session notes its use once a minute, and these tests may take longer than that together."""
    at = timezone.now()
    with pytest.MonkeyPatch.context() as clock:
        clock.setattr(timezone, "now", lambda: at)
        yield


@pytest.fixture(scope="module")
def shared_scene(module_rows: ModuleRows, clock_stands_still: None) -> Scene:
    """Alice has a server, a session elsewhere, and a browser that had to send the token when she signed in with it."""
    with module_rows():
        people.organization("acme")
        alice = people.administrator("alice", "acme", *Permission)
        server = registrations.add()
        Client().post("/sign-in", {"email": alice.email, "password": PASSWORD})
        places = {"server": server.pk, "session": alice.sessions.get().public_id}
        browser = browser_with({})
        assert browser.post("/sign-in", {"email": alice.email, "password": PASSWORD}).status_code == 403
        token = token_of(browser, "/sign-in")
        signing_in = {"email": alice.email, "password": PASSWORD, "csrfmiddlewaretoken": token}
        assert browser.post("/sign-in", signing_in).status_code == 302
        rows = everything()
        # A page that changed something would be found to change nothing after an earlier request for it.
        unasked = transaction.savepoint()
        right, strangers = token_of(browser, "/sessions/"), token_of(Client(), "/sign-in")
        transaction.savepoint_rollback(unasked)
        cookies = {name: cookie.value for name, cookie in browser.cookies.items()}
        return Scene(places, cookies, right, strangers, rows)


@pytest.fixture
def scene(shared_scene: Scene, db: None) -> Scene:
    return shared_scene


@pytest.fixture
def strict(scene: Scene) -> Client:
    """Alice's browser, which must send the token."""
    return browser_with(scene.cookies)


def browser_with(cookies: dict[str, str]) -> Client:
    client = Client(enforce_csrf_checks=True, headers={"Origin": ORIGIN}, SERVER_NAME="127.0.0.1", SERVER_PORT="8080")
    client.cookies.load(cookies)
    return client


def token_of(client: Client, path: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get(path).content.decode())
    assert found is not None
    return found[1]


def test_the_table_is_the_url_table() -> None:
    assert {"sign_in:sign-in", "sign_in:sign-out", "people:end-other-sessions", "servers:delete"} <= set(ROUTES)
    assert not [route for route, found in ROUTES.items() if getattr(found.entry.callback, "csrf_exempt", False)]


@pytest.mark.parametrize("route", sorted(ROUTES))
def test_no_post_without_the_right_token_changes_anything(strict: Client, scene: Scene, route: str) -> None:
    address = address_of(route, scene.places)

    for sent, headers in (
        ({}, {}),
        ({}, {"HX-Request": "true"}),
        ({"csrfmiddlewaretoken": ""}, {}),
        ({"csrfmiddlewaretoken": "wrong"}, {}),
        ({"csrfmiddlewaretoken": scene.strangers}, {}),
        ({}, {"X-CSRFToken": scene.strangers}),
        ({"csrfmiddlewaretoken": scene.right}, {"Origin": "https://evil.example"}),
        ({"csrfmiddlewaretoken": scene.right}, {"Origin": "null"}),
    ):
        answer = strict.post(address, sent, headers=headers)
        assert (answer.status_code, REFUSED in answer.content.decode()) == (403, True), (sent, headers)
    for method in ("PUT", "PATCH", "DELETE"):
        assert strict.generic(method, address).status_code == 405
    assert everything() == scene.rows


@pytest.mark.parametrize("route", sorted(ROUTES))
def test_no_get_changes_anything(strict: Client, scene: Scene, route: str) -> None:
    strict.get(address_of(route, scene.places))
    strict.head(address_of(route, scene.places))

    after = everything()
    if route in COUNTING:
        after["identity.SignInThrottle"] = scene.rows["identity.SignInThrottle"]
    assert after == scene.rows


@pytest.mark.parametrize("route", sorted(ROUTES))
def test_with_the_right_token_the_same_post_is_looked_at(strict: Client, scene: Scene, route: str) -> None:
    answer = strict.post(address_of(route, scene.places), {"csrfmiddlewaretoken": scene.right})

    assert REFUSED not in answer.content.decode()


def test_a_token_from_before_the_sign_in_is_worth_nothing_after_it(scene: Scene) -> None:
    early = Client(enforce_csrf_checks=True)
    token = token_of(early, "/sign-in")
    early.post("/sign-in", {"email": "alice@acme.example", "password": PASSWORD, "csrfmiddlewaretoken": token})

    assert early.post("/sign-out", {"csrfmiddlewaretoken": token}).status_code == 403
    assert early.get("/sessions/").status_code == 200
