"""The page that tells an organization's developers how to call the API, and its examples."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kit import people, registrations
from kit.browser_session import BrowserSession
from watchword.control.base.actor import Permission
from watchword.control.servers.models import AuthorizationServer
from watchword.control.web.calling.client_examples import API_URL, RESOURCE, SCOPE, ClientValues, client_examples
from watchword.control.web.calling.refusal_advice import ADVICE, SECTIONS, RefusalRow, refusals
from watchword.core.decision import Reason
from watchword.gateways import gateways
from watchword.settings.load import load_control_settings

if TYPE_CHECKING:
    from watchword.control.organizations.models import Organization

DOCS = Path(__file__).parents[4] / "docs"
ROUTE = "servers:calling"
LANGUAGES = ("curl", "python", "node", "go", "java")
PUBLIC = {reason.public for reason in Reason}
OF_TOKEN_ROUTING = {"organization_not_named", "organization_ambiguous"}
BY_HOST = {"api_url": "https://{organization}.orders.provider.test"}
BY_PATH = {"api_url": "https://orders.provider.test/o/{organization}", "api_routing": "path"}
BY_TOKEN = {"api_url": "https://orders.provider.test", "api_routing": "token", "cloud_name": "orders"}


@pytest.fixture
def browser(acme: Organization) -> BrowserSession:
    return BrowserSession.of(people.administrator("alice", acme.pk, Permission.API_KEY_MANAGEMENT))


@pytest.fixture
def given(settings: Any) -> Any:
    """Sets settings of the control plane for one test."""

    def give(**values: object) -> None:
        settings.WATCHWORD = load_control_settings(**values)

    return give


def register(**changes: Any) -> None:
    registrations.add(actor=registrations.administrator("bob", "acme", Permission.API_KEY_MANAGEMENT), **changes)


def examples(html: str) -> list[str]:
    return [unescape(text) for text in re.findall(r'<code id="text-[^"]*">(.*?)</code>', html, re.DOTALL)]


@pytest.mark.parametrize(
    ("values", "url"),
    [
        (BY_HOST, "https://acme.orders.provider.test"),
        (BY_PATH, "https://orders.provider.test/o/acme"),
        (BY_TOKEN, "https://orders.provider.test"),
    ],
)
def test_customers_see_their_own_api_base_url(
    browser: BrowserSession, given: Any, values: dict[str, str], url: str
) -> None:
    given(**values)
    shown = browser.get(ROUTE, "acme")

    assert f"API base URL {url} " in shown.text
    assert len(examples(shown.html)) == len(LANGUAGES)
    assert all(url in text and API_URL not in text for text in examples(shown.html))


def test_without_a_base_url_the_page_names_the_support_contact(browser: BrowserSession, given: Any) -> None:
    given(support_contact="support@provider.example")
    shown = browser.get(ROUTE, "acme")

    assert "Ask the API provider ( support@provider.example )" in shown.text
    assert "mailto:support@provider.example" in shown.html
    assert all("https://acme.api.example" in text for text in examples(shown.html))

    given()
    assert "Ask the API provider. The examples" in browser.get(ROUTE, "acme").text


def test_with_token_routing_the_page_says_which_scope_tokens_need(browser: BrowserSession, given: Any) -> None:
    given(**BY_TOKEN)
    shown = browser.get(ROUTE, "acme")
    assert "orders::acme:: followed by an API role of 1 to 16 letters and digits" in shown.text
    assert "the path /orders , and the scope and resource with your own values" in shown.text
    assert all("orders::acme::reader" in text and SCOPE not in text for text in examples(shown.html))
    assert "organization_not_named" in shown.text

    given(**BY_HOST)
    shown = browser.get(ROUTE, "acme")
    assert "::" not in shown.text.partition("When a request is refused")[0]
    assert all(SCOPE in text for text in examples(shown.html))
    assert "organization_not_named" not in shown.text


def test_the_page_shows_what_the_registration_expects(browser: BrowserSession) -> None:
    assert "Token claims" not in browser.get(ROUTE, "acme").text
    register(audience="api://orders", issuer="https://login.acme.example/", client_id="")
    shown = browser.get(ROUTE, "acme")

    claims = "issuer https://login.acme.example/ , audience api://orders , client ID any"
    assert claims in shown.text
    assert all("api://orders" in text for text in examples(shown.html))


def test_a_required_scope_is_copied_and_not_replaced(browser: BrowserSession, given: Any) -> None:
    given(**BY_TOKEN)
    register(audience="api://orders", issuer="", client_id="")
    AuthorizationServer.objects.update(required_role="Billing")
    shown = browser.get(ROUTE, "acme")
    assert 'data-copy="orders::acme::Billing"' in shown.html
    assert "Replace the token endpoint and the path /orders with your own values." in shown.text


def test_an_audience_that_would_be_code_stays_out_of_the_examples() -> None:
    for audience in (
        'x"; rm -rf ~; "',
        "$(id)",
        "`id`",
        "a b",
        "x\\",
        "x'",
        "x\n",
        "",
        "\N{LATIN SMALL LETTER E WITH ACUTE}",
    ):
        for tab in client_examples(ClientValues(api_url=API_URL, audience=audience)):
            assert RESOURCE in tab.snippets[0].text


def test_each_value_stands_once_in_each_example() -> None:
    values = ClientValues(api_url="https://one.test", scope="two", audience="three:four")
    for tab in client_examples(values):
        (snippet,) = tab.snippets
        for value in ("https://one.test", "https://login.example/oauth2/token", "three:four"):
            assert snippet.text.count(value) == 1, (tab.name, value)
        assert len(re.findall(r"\btwo\b", snippet.text)) == 1
        assert not any(example in snippet.text for example in (API_URL, SCOPE, RESOURCE))


def rows(routing: str) -> dict[str, RefusalRow]:
    listed = [row for _, group in refusals(routing) for row in group]
    assert len({row.code for row in listed}) == len(listed)
    return {row.code: row for row in listed}


def test_every_reason_that_a_client_can_see_has_one_row_with_advice() -> None:
    assert {reason for group in ADVICE.values() for reason in group} == PUBLIC
    codes = {reason.code for reason in PUBLIC}
    assert set(rows("token")) == codes | {"no_such_path"}
    assert set(rows("path")) == codes - OF_TOKEN_ROUTING | {"no_such_path", "ambiguous_path"}
    assert set(rows("host")) == codes - OF_TOKEN_ROUTING | {"no_such_path"}


@pytest.mark.parametrize("values", [BY_HOST, BY_PATH, BY_TOKEN])
def test_the_page_shows_each_row_once_with_an_anchor(
    browser: BrowserSession, given: Any, values: dict[str, str]
) -> None:
    given(**values)
    shown = browser.get(ROUTE, "acme")
    text = f"{shown.text} "
    listed = rows(values.get("api_routing", "host"))

    for code, row in listed.items():
        assert text.count(f" {code} {row.status} {row.sentence} {row.advice} ") == 1, code
        assert shown.html.count(f'id="reason-{code}"') == shown.html.count(f'href="#reason-{code}"') == 1
    assert shown.html.count('id="reason-') == len(listed)


def test_refusals_stand_in_groups(browser: BrowserSession) -> None:
    groups = ["Address", *ADVICE]
    assert [heading for heading, _ in refusals("host")] == groups
    assert re.findall(r'scope="rowgroup">([^<]+)<', browser.get(ROUTE, "acme").html) == groups


def test_the_page_has_the_reasons_by_which_gateways_refuse_an_address() -> None:
    texts = [file.text for gateway in gateways() for file in gateway.files]
    found = {(code, text) for text in texts for code in re.findall(r"reason\W{1,8}(\w+_path)\b", text)}

    assert {code for code, _ in found} == {code for code in rows("path") if code.endswith("_path")}
    for code, text in found:
        assert rows("path")[code].sentence in text


def test_the_page_says_what_a_response_without_json_means(browser: BrowserSession) -> None:
    text = browser.get(ROUTE, "acme").text
    assert "A response without JSON comes from the gateway itself: 400 for two Authorization headers" in text
    for status in ("404 for", "431 for"):
        assert status in text


def test_the_remedy_for_a_missing_name_says_what_an_api_role_is() -> None:
    assert "1 to 16 letters and digits" in rows("token")["organization_not_named"].advice


def test_no_advice_names_a_support_contact_that_may_not_be_set() -> None:
    assert not any("support" in row.advice.lower() for row in rows("token").values())


def test_the_page_leads_to_what_is_written_about_refused_tokens(browser: BrowserSession, given: Any) -> None:
    given(**BY_TOKEN, documentation_url="https://docs.example")
    html = browser.get(ROUTE, "acme").html
    headings = re.findall(r"^## (.+)$", (DOCS / "tokens.md").read_text(), re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9_ -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    linked = re.findall(r'href="https://docs.example/tokens.md#([^"]+)"', html)

    assert set(linked) == {"when-a-good-token-is-refused", *SECTIONS.values()}
    assert set(linked) <= anchors
    assert len(linked) == len(SECTIONS) + 1
    assert 'href="https://docs.example/authorization-servers/README.md"' in html

    given(documentation_url="")
    html = browser.get(ROUTE, "acme").html
    assert "tokens.md" not in html
    assert "authorization-servers/README.md" not in html


def test_the_list_and_the_page_lead_to_each_other(browser: BrowserSession) -> None:
    listing, calling = browser.get("servers:list", "acme"), browser.get(ROUTE, "acme")
    path = "/acme/administration/api-configuration/legacy-api/internet-saas-api/oauth-2-0-authorization-servers/"

    for shown, current in ((listing, path), (calling, f"{path}call-the-api/")):
        assert f'href="{path}"' in shown.html
        assert f'href="{path}call-the-api/"' in shown.html
        assert re.search(rf'<a href="{re.escape(current)}"\s+aria-current="page"', shown.html)
