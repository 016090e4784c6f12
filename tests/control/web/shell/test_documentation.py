"""PORTAL "Truth first": each page links to its part of the documentation, each field has a line with an example."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from django.urls import reverse

from kit.browser_session import BrowserSession
from kit.html_form import HtmlForm
from kit.portal_forms import FORMS, browser_of
from watchword.control.web.shell.navigation import ALL_PAGES, CONSOLE, DOCUMENTS, administration, document_of, leaves
from watchword.settings.load import load_control_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import Settings

    from watchword.control.identity.models import Person

DOCS: Final = Path(__file__).resolve().parents[4] / "docs"
OF_ACME: Final = (
    "servers:list", "servers:calling", "people:administrators", "people:roles", "api_access:roles", "api_access:keys",
    "api_access:company-profile", "sign_in_settings:settings", "activity:list", "audit:list",
)  # fmt: skip
TYPED: Final = frozenset({"text", "url", "email", "number", "datetime-local", "textarea"})


def anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_field_p_each_page_of_the_rail_has_its_document_and_each_document_exists() -> None:
    assert {leaf.route for tree in (administration(), CONSOLE) for leaf in leaves(tree)} <= set(DOCUMENTS)
    for document in {*DOCUMENTS.values(), ALL_PAGES}:
        name, _, anchor = document.partition("#")
        assert (DOCS / name).is_file()
        assert anchor == "" or anchor in anchors(DOCS / name), document


@pytest.mark.parametrize("route", DOCUMENTS)
def test_field_p_each_page_links_to_its_document(acme: object, alice: Person, operator: Person, route: str) -> None:
    place = ["acme"] if route in {*OF_ACME, "console:organization"} else []
    person = operator if route.startswith("console:") or route == "audit:provider" else alice
    page = BrowserSession.of(person).get(route, *place).html
    address = f"https://github.com/watchword/watchword/blob/main/docs/{document_of(route)}"
    assert re.findall(r'class="help"\s+href="([^"]+)"', page) == [address]


def test_field_p_a_page_without_a_document_of_its_own_links_to_all() -> None:
    assert document_of("nowhere") == ALL_PAGES


@pytest.mark.parametrize(
    ("url", "shown"),
    [("https://docs.example/folder/", "https://docs.example/folder/portal.md#activity"), ("", None)],
)
def test_field_p_a_provider_names_another_copy_or_none(
    alice: Person, settings: Settings, url: str, shown: str | None
) -> None:
    settings.WATCHWORD = load_control_settings(documentation_url=url)
    page = BrowserSession.of(alice).get("activity:list", "acme").html
    assert (f'href="{shown}"' in page) is (shown is not None)
    assert ('class="help"' in page) is (shown is not None)


@pytest.mark.parametrize(("route", "place"), FORMS, ids=[route for route, _ in FORMS])
def test_field_p_each_field_has_a_line_of_help_with_an_example(
    alice: Person, operator: Person, bob: Person, route: str, place: Callable[[Person], dict[str, object]]
) -> None:
    person = operator if route.startswith("console:") else alice
    address = reverse(route, kwargs=place(bob))
    page = browser_of(person).get(address).content.decode()
    form = HtmlForm(page, address)
    for name, kind in form.kinds.items():
        if kind not in TYPED or name == "username" or route.startswith("servers:"):
            continue
        helps = [re.search(rf'id="{text}">([^<]+)<', page) for text in form.described_by[name] if "-help" in text]
        lines = [found[1] for found in helps if found]
        assert len(lines) == 1, f"{name} of {route} has no help"
        assert re.search(r"[Ss]uch as|enter 1 January", lines[0]), f"{name} of {route} has no example"
