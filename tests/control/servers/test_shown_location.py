"""FH-03: two locations on one host look different in lists, and no value of a query is shown."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from kit import registrations
from kit.browser_session import BrowserSession
from watchword.control.servers.shown_location import PATH_MAX, ShownLocation, on_one_line, shown_location
from watchword.control.web.shell.template_tags import breakable

if TYPE_CHECKING:
    from pytest_django import Settings

    from watchword.control.identity.models import Person

HOST = "https://login.acme.example"
LONG = "/oauth2/" + "a" * 200


@pytest.mark.parametrize(
    "locations",
    [
        ("/keys?p=B2C_1_first", "/keys?p=B2C_1_second"),
        ("/first/keys", "/second/keys"),
        (f"{LONG}/first/{LONG}", f"{LONG}/second/{LONG}"),
        ("/keys", "/keys?p=secret-value", "/keys?secret-value", "/keys?p=&q=secret-value"),
        (":8443/keys", ":9443/keys", "/keys"),
    ],
)
def test_field_h_two_locations_on_one_host_look_different(locations: tuple[str, ...]) -> None:
    shown = [shown_location(HOST + location) for location in locations]
    for one, other in combinations(shown, 2):
        assert one != other
    for location, each in zip(locations, shown, strict=True):
        assert len(each.path) <= PATH_MAX + 1
        values = [part.rpartition("=")[2] for part in urlsplit(location).query.split("&")]
        assert not any(value and value in each.path for value in values)


def test_field_h_nothing_hidden_has_no_mark() -> None:
    assert shown_location(f"{HOST}/keys") == ShownLocation("login.acme.example", "/keys", None)


def test_field_h_the_mark_stays_and_cannot_be_computed_without_the_key(settings: Settings) -> None:
    location = f"{HOST}/keys?p=1"
    mark = shown_location(location).mark
    assert shown_location(location).mark == mark
    settings.SECRET_KEY = "another key of some length that nobody knows"
    assert shown_location(location).mark != mark


@pytest.mark.django_db
def test_field_h_the_lists_of_the_portal_and_the_console_show_it(alice: Person, operator: Person) -> None:
    first, second = f"{HOST}/keys?p=first-value", f"{HOST}/keys?p=second-value"
    registrations.add(name="First", jwks_location=first)
    registrations.add(name="Second", jwks_location=second, enabled=False)
    for person, page in ((alice, "servers:list"), (operator, "console:organization")):
        shown = BrowserSession.of(person).get(page, "acme")
        for location in (first, second):
            assert f"/keys?p=… hidden part: {shown_location(location).mark}" in shown.text
        assert "-value" not in shown.html


def test_field_h_audit_events_and_log_lines_show_the_mark_of_the_lists() -> None:
    location = f"{HOST}/keys?p=first-value"
    assert on_one_line(f"{HOST}/keys") == f"{HOST}/keys"
    assert on_one_line(location) == f"{HOST}/keys?p=… (hidden part: {shown_location(location).mark})"
    assert on_one_line(location) != on_one_line(f"{HOST}/keys?p=second-value")


def test_field_p_a_path_breaks_at_its_slashes_and_is_escaped() -> None:
    assert breakable("/") == "/"
    assert breakable("/oauth2/v1/keys/") == "/oauth2/<wbr>v1/<wbr>keys/"
    assert breakable("/<b>/keys") == "/&lt;b&gt;/<wbr>keys"
