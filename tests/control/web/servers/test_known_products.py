"""The examples of known products lead to what the registration takes, and are shown where they are needed."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from django.test import Client
from django.urls import reverse

from kit import sample_portal
from watchword.control.web.servers.known_products import PRODUCTS, Product
from watchword.jwks.metadata import check_issuer
from watchword.outbound.address import parse_location
from watchword.settings.load import load_control_settings

if TYPE_CHECKING:
    from watchword.control.identity.models import Person

GUIDES: Final = Path(__file__).resolve().parents[4] / "docs" / "authorization-servers"


def with_names(example: str) -> str:
    """The example with something in the place of each name in braces."""
    return re.sub(r"\{[^{}]*\}", "acme.example", example)


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_every_example_is_a_location_and_an_issuer(product: Product) -> None:
    assert parse_location(with_names(product.location)).url
    assert check_issuer(with_names(product.issuer))
    assert product.documentation.startswith("https://")


def test_each_product_has_a_guide_and_each_guide_is_in_the_index() -> None:
    guides = {product.guide for product in PRODUCTS}
    assert guides == {path.name for path in GUIDES.glob("*.md")} - {"README.md"}
    index = (GUIDES / "README.md").read_text()
    assert all(f"| [{product.name}]({product.guide}) |" in index for product in PRODUCTS)


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_the_guide_and_the_dialog_say_the_same(product: Product) -> None:
    guide = (GUIDES / product.guide).read_text()
    assert guide.startswith(f"# {product.name}\n")
    for url in (product.location, product.issuer):
        # What stands behind the names in braces is the same in every installation.
        fixed = [part for part in re.split(r"\{[^{}]*\}", url) if len(part) > 1]
        assert all(part.rstrip("/") in guide for part in fixed), url


@pytest.mark.django_db
@pytest.mark.parametrize("route", ["list", "add"])
@pytest.mark.parametrize("documents", ["https://docs.example", ""])
def test_the_empty_page_and_the_dialog_show_every_value_and_examples(
    route: str, documents: str, alice: Person, settings: Any
) -> None:
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.WATCHWORD = load_control_settings(documentation_url=documents)
    client = Client()
    client.cookies["watchword_session"] = sample_portal.session_of(alice)
    # In parts, so that the dialog comes without the page below it.
    headers = {"HX-Request": "true"} if route == "add" else {}
    page = unescape(client.get(reverse(f"servers:{route}", args=["acme"]), headers=headers).content.decode())
    for product in PRODUCTS:
        about = (product.issuer_note, product.audience, product.client_id, product.documentation)
        for value in (product.name, product.location, product.issuer, *about):
            assert value in page
        guide = f'href="https://docs.example/authorization-servers/{product.guide}"'
        assert (guide in page) is (documents != "")
    if route == "add":
        for field in ("name", "jwks_location", "audience", "issuer", "client_id"):
            assert re.search(rf'id="id_{field}-help">[^<]* such as ', page), field
