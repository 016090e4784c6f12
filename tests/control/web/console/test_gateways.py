"""The operator's page of gateways: texts with the addresses of the settings, what remains to edit, what to check."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kit.browser_session import BrowserSession
from watchword.control.web.console.gateway_checks import checks
from watchword.control.web.console.gateway_values import values_of
from watchword.control.web.console.gateways_page import tab
from watchword.gateways import File, Gateway, gateways
from watchword.gateways.filling import SECOND_GRPC_VERIFIER, SECOND_VERIFIER, fill
from watchword.settings.load import load_control_settings

if TYPE_CHECKING:
    from watchword.control.identity.models import Person

DOCS = Path(__file__).parents[4] / "docs"
GATEWAYS = {gateway.name: gateway for gateway in gateways()}
GRPC = "127.0.0.1:8085 127.0.0.1:8095"
EVERYTHING = {
    "api_url": "https://{organization}.orders.provider.test",
    "api_upstream": "orders.internal:9000",
    "gateway_verifiers": ("10.0.0.7:18081", "10.0.0.8:18081"),
    "gateway_grpc_verifiers": ("10.0.0.7:18085", "10.0.0.8:18085"),
}


@pytest.fixture
def browser(operator: Person) -> BrowserSession:
    return BrowserSession.of(operator)


@pytest.fixture
def given(settings: Any) -> Any:
    """Sets settings of the control plane for one test."""

    def give(**values: object) -> None:
        settings.WATCHWORD = load_control_settings(**values)

    return give


def panel(browser: BrowserSession, name: str) -> str:
    """What the tab of one gateway shows, as HTML."""
    html = browser.get("console:gateways").html
    found = re.search(rf'id="gateway-{name}".*?(?=<label class="segment">|</fieldset>)', html, re.DOTALL)
    assert found is not None
    return found[0]


def hints(browser: BrowserSession, name: str) -> str:
    found = re.search(r'<ul class="hints">.*?</ul>', panel(browser, name), re.DOTALL)
    assert found is not None
    return found[0]


def download(browser: BrowserSession, name: str, number: int) -> Any:
    return browser.get("console:gateway-file", name, number).answer


def test_fm_03_snippets_name_the_addresses_of_the_settings(browser: BrowserSession, given: Any, settings: Any) -> None:
    given(**EVERYTHING)

    for name, gateway in GATEWAYS.items():
        expected = fill(gateway, values_of(settings.WATCHWORD)).gateway
        assert expected != gateway
        shown = re.findall(r'<code id="text-[^"]*">(.*?)</code>', panel(browser, name), re.DOTALL)
        texts = [file.text for file in expected.files]
        assert [unescape(text) for text in shown] == texts
        assert [download(browser, name, number).content.decode() for number in range(len(texts))] == texts


def test_download_is_an_attachment_with_the_file_name(browser: BrowserSession) -> None:
    answer = download(browser, "haproxy", 1)

    assert answer["Content-Disposition"] == 'attachment; filename="watchword.lua"'
    assert answer["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("place", [("apache", 0), ("haproxy", 9)])
def test_other_files_are_not_found(browser: BrowserSession, place: tuple[str, int]) -> None:
    assert download(browser, *place).status_code == 404


def test_fm_03_the_page_says_which_values_are_not_set(browser: BrowserSession, given: Any) -> None:
    given(api_url=None, api_upstream=None)
    shown = hints(browser, "haproxy")

    for term in ("api.example", "your-api:8000", "WATCHWORD_API_URL", "WATCHWORD_API_UPSTREAM"):
        assert term in shown
    assert f"<code>{SECOND_VERIFIER}</code>" in shown
    assert SECOND_VERIFIER in panel(browser, "haproxy").partition("<pre")[2]
    assert SECOND_VERIFIER not in hints(browser, "python")
    assert browser.get("console:gateways").html.count("not set (") == 2


def test_with_all_values_only_the_listening_address_remains(browser: BrowserSession, given: Any) -> None:
    given(**EVERYTHING)

    assert hints(browser, "haproxy").count("<li>") == 1
    assert "not set" not in browser.get("console:gateways").html


def test_the_page_says_which_settings_the_verifiers_need(browser: BrowserSession, given: Any) -> None:
    given(**EVERYTHING)
    shown = hints(browser, "traefik")
    assert "WATCHWORD_VERIFIER_TRAEFIK_ROUTING=host" in shown
    assert "WATCHWORD_VERIFIER_API_DOMAIN=orders.provider.test" in shown

    given(api_url="https://api.example/o/{organization}", api_routing="path")
    shown = hints(browser, "traefik")
    assert "WATCHWORD_VERIFIER_TRAEFIK_ROUTING=path" in shown
    assert "API_DOMAIN" not in shown

    given(cloud_name="orders")
    assert all("WATCHWORD_VERIFIER_CLOUD_NAME=orders" in hints(browser, name) for name in GATEWAYS)
    given()
    assert not any("CLOUD_NAME" in hints(browser, name) for name in GATEWAYS)

    given(api_url="https://api.example", api_routing="token", cloud_name="orders")
    for name in GATEWAYS:
        assert "WATCHWORD_VERIFIER_CLOUD_NAME=orders" in hints(browser, name)
        assert ("This text serves one organization" in hints(browser, name)) == (name == "python")
        assert "TRAEFIK_ROUTING" not in hints(browser, name)


def test_envoy_over_grpc_asks_for_its_ports(given: Any, settings: Any) -> None:
    text = "address: { address: 127.0.0.1, port_value: 8085 }"
    envoy = Gateway("envoy-grpc", "Envoy", "", (File("envoy.yaml", text),))
    given()
    assert GRPC in [hint.term for hint in tab(fill(envoy, values_of(settings.WATCHWORD)), settings.WATCHWORD).hints]
    given(gateway_grpc_verifiers=("10.0.0.7:18085",))
    text = "address: { address: 127.0.0.1, port_value: 8095 }"
    envoy = Gateway("envoy-grpc", "Envoy", "", (File("envoy.yaml", text),))
    hints = tab(fill(envoy, values_of(settings.WATCHWORD)), settings.WATCHWORD).hints
    assert SECOND_GRPC_VERIFIER in [hint.term for hint in hints]
    given(**EVERYTHING)
    assert GRPC not in [hint.term for hint in tab(fill(envoy, values_of(settings.WATCHWORD)), settings.WATCHWORD).hints]


@pytest.mark.parametrize(
    ("routing", "url", "shown"),
    [
        ("host", None, "https://acme.api.example/"),
        ("path", None, "https://api.example/o/acme/"),
        ("token", None, "https://api.example/"),
        ("host", "https://{organization}.orders.provider.test", "https://acme.orders.provider.test/"),
        ("path", "https://provider.test:8443/o/{organization}/v1", "https://provider.test:8443/o/acme/v1/"),
    ],
)
def test_the_checks_have_commands_with_the_apis_address(
    browser: BrowserSession, given: Any, routing: str, url: str | None, shown: str
) -> None:
    given(api_routing=routing, api_url=url, cloud_name="orders")
    text = browser.get("console:gateways").text

    assert text.count(f'curl --include --header "Authorization: Bearer $TOKEN" {shown}') == 2
    assert text.count(f'curl --include --header "Authorization: Bearer $bad" {shown}') == 1
    other = shown.replace("acme", "globex")
    elsewhere = text.count(f'curl --include --header "Authorization: Bearer $TOKEN" {other}') if other != shown else 0
    assert elsewhere == (routing != "token")
    assert ("Another organization" in text) == (routing != "token")
    assert "systemctl stop watchword-verifier, or Ctrl-C" in text


def test_the_guide_has_the_same_checks() -> None:
    guide = (DOCS / "gateways.md").read_text().partition("\n## 4. ")[2].partition("\n## ")[0]
    shown = checks(load_control_settings())

    assert len(shown) == len(re.findall(r"^# \d\. ", guide, re.MULTILINE)) == 4
    for check in shown:
        assert f"\n{check['snippet'].text}\n" in guide
