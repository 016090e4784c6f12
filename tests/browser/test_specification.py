"""The page of instructions from top to bottom, in its own words, done by Alice of Acme in a browser.

Each step carries the sentence that it does; a real verifier decides the tokens.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from kit import forge
from kit.behind import CLOUD
from kit.client import request
from kit.portal_alone import ALICE, BOB, Portal, running_portal
from kit.portal_pages import Registration, ServerDialog, ServersPage
from kit.processes import wait_until
from kit.soak import length

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, Page

    from kit.client import Answer
    from kit.postgres import Cluster

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180), pytest.mark.soak]

SECONDS = 10.0
"""An allow change reaches the verifier within ten seconds, a deny change within five."""


STEPS: list[tuple[str, Callable[[Walk], None]]] = []


def says(sentence: str) -> Callable[[Callable[[Walk], None]], Callable[[Walk], None]]:
    """Registers the step that does what the sentence of the specification says."""

    def register(step: Callable[[Walk], None]) -> Callable[[Walk], None]:
        STEPS.append((sentence, step))
        return step

    return register


@dataclass
class Walk:
    portal: Portal
    page: Page

    @property
    def servers(self) -> ServersPage:
        return ServersPage(self.page)

    def registration(self, **changes: object) -> Registration:
        return self.portal.registration(**changes)

    def add(self, **changes: object) -> None:
        dialog = self.servers.add()
        dialog.fill(self.registration(**changes))
        dialog.validate()
        dialog.expect_validated()
        dialog.save()

    def edit(self, name: str, **changes: str) -> None:
        """Change text fields of a server by their labels."""
        dialog = self.servers.edit(name)
        for label, value in changes.items():
            dialog.field(label.replace("_", " ")).fill(value)
        dialog.save()

    def ask(self, **claims: object) -> Answer:
        """An API request with a token that Acme's authorization server issued; claims replace the usual ones."""
        now = int(time.time())
        usual = {"aud": "https://api.watchword.example/orders", "iat": now - 5, "exp": now + 300}
        payload = forge.claims(**{**usual, **claims})
        token = forge.token(forge.ec_key("alice"), "ES256", payload=payload)
        return request(f"{self.portal.product.verifier}/verify/plain/acme", bearer=token)

    def accepted(self, **claims: object) -> None:
        wait_until(lambda: self.ask(**claims).status == 200, what="the API accepts", timeout=SECONDS)

    def refused(self, reason: str, **claims: object) -> None:
        def why() -> str | None:
            answer = self.ask(**claims)
            return None if answer.status == 200 else str(answer.json()["reason"])

        wait_until(lambda: why() == reason, what=f"the API refuses: {reason}", timeout=SECONDS)

    def subscribe(self, *, until: timedelta) -> None:
        now = datetime.now(UTC)
        self.portal.product.desk(
            *("watchword", "organization", "subscribe", "acme"),
            *("--starts-at", (now - timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ")),
            *("--expires-at", (now + until).strftime("%Y-%m-%dT%H:%M:%SZ")),
        )
        self.page.reload()

    def locked(self, *names: str) -> None:
        """The buttons stay in sight, locked, and say why."""
        for name in names:
            button = self.page.get_by_role("button", name=re.compile(f"^{name}"))
            expect(button).to_have_attribute("aria-disabled", "true")


@says("You need an admin role with the API Key Management permission enabled to manage your authorization servers.")
def the_permission(walk: Walk) -> None:
    with walk.portal.open(BOB, "specification-bob", follow_the_menu=False) as page:
        page.goto(walk.page.url)
        expect(page.get_by_role("heading", name="You are not allowed to see this page")).to_be_visible()
        expect(page.get_by_text("Your role does not have the “API Key Management” permission.")).to_be_visible()


@says("Go to Administration > API Configuration > Legacy API > Internet & SaaS API.")
def the_path(walk: Walk) -> None:
    walk.page.goto("/")
    crumbs = walk.page.get_by_role("navigation", name="Breadcrumb").get_by_role("listitem")
    walk.servers.follow_the_menu()
    expect(crumbs).to_have_text(["Administration", "API Configuration", "Legacy API", "Internet & SaaS API"])


@says("Click the OAuth 2.0 Authorization Servers tab.")
def the_tab(walk: Walk) -> None:
    walk.page.get_by_role("link", name="OAuth 2.0 Authorization Servers").click()
    expect(walk.page.get_by_role("button", name="Add Authorization Server")).to_be_visible()


@says("Click Add Authorization Server. The Add Authorization Server window opens.")
def the_dialog(walk: Walk) -> None:
    walk.page.get_by_role("button", name="Add Authorization Server").click()
    dialog = opened(walk).dialog
    labels = [label.split("\n")[0].strip() for label in dialog.locator("label:visible").all_inner_texts()]
    assert [label for label in labels if label in FIELDS] == list(FIELDS)


FIELDS = (
    "Enable", "Name", "Description", "OAuth 2.0 JWKS Location", "JWKS Server Certificate Validation",
    "Audience URI", "Issuer URI", "Client ID",
)  # fmt: skip


def opened(walk: Walk) -> ServerDialog:
    return ServerDialog(walk.page, "Add Authorization Server")


def told(dialog: ServerDialog, field: str, value: str, sentence: str) -> None:
    """A faulty value is refused with a sentence at its field, and nothing that was typed is lost."""
    good = dialog.field(field).input_value()
    dialog.field(field).fill(value)
    dialog.save_button.click()
    expect(dialog.dialog.get_by_text(sentence)).to_be_visible()
    expect(dialog.field(field)).to_have_value(value)
    dialog.field(field).fill(good)


@says("The Save button appears only after the JWKS endpoint is validated. Click Validate.")
def save_comes_after_validate(walk: Walk) -> None:
    dialog = opened(walk)
    dialog.fill(walk.registration())
    expect(dialog.save_button).to_have_count(0)
    dialog.validate()
    dialog.expect_validated()


@says("The name can only contain alphanumeric characters without spaces and cannot exceed 64 characters.")
def the_name(walk: Walk) -> None:
    dialog = opened(walk)
    told(dialog, "Name", "Prod Okta", "The name cannot contain spaces or line breaks.")
    told(dialog, "Name", "Prod-Okta", "The name can only contain the letters A to Z and a to z and the digits 0 to 9.")
    told(dialog, "Name", "x" * 65, "The name cannot exceed 64 characters; this one has 65.")


@says("The description cannot exceed 256 characters.")
def the_description(walk: Walk) -> None:
    dialog = opened(walk)
    told(dialog, "Description", "x" * 257, "The description cannot exceed 256 characters; this one has 257.")
    dialog.field("Description").fill("x" * 256)


@says("Click Save. This public key set is fetched on a regular basis to cryptographically verify the JWT.")
def saved_and_fetched(walk: Walk) -> None:
    opened(walk).save()
    assert walk.servers.names() == ["ProdOkta"]
    walk.accepted()
    connections = walk.portal.keys.connections
    walk.servers.refresh_keys("ProdOkta")
    wait_until(lambda: walk.portal.keys.connections > connections, what="the keys are fetched again", timeout=SECONDS)


@says("If a value is specified for Audience URI, requests are accepted only if the JWT contains a matching aud claim.")
def the_audience(walk: Walk) -> None:
    walk.refused("audience_mismatch", aud="https://other.example")
    walk.accepted(aud=["https://other.example", "https://api.watchword.example/orders"])
    walk.edit("ProdOkta", Audience_URI="")
    walk.accepted(aud="https://other.example")


@says("If a value is specified for Issuer URI, requests are accepted only if the JWT contains a matching iss claim.")
def the_issuer(walk: Walk) -> None:
    walk.refused("issuer_mismatch", iss="https://login.acme.example")
    walk.edit("ProdOkta", Issuer_URI="")
    walk.accepted(iss="https://login.acme.example")


@says("The configured client ID is matched against the available claim from client_id, cid and appid.")
def the_client_id(walk: Walk) -> None:
    walk.refused("client_mismatch", client_id="other")
    walk.accepted(client_id=..., cid="acme-batch")
    walk.accepted(client_id=..., appid="acme-batch")


@says("Not in the specification: a token bound to a key is accepted only if More options says so (FL-04).")
def bound_tokens(walk: Walk) -> None:
    walk.refused("token_bound", cnf={"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"})
    dialog = walk.servers.edit("ProdOkta")
    dialog.dialog.get_by_text("More options").click()
    dialog.field("Accept tokens bound to a key or certificate").check()
    dialog.save()
    walk.accepted(cnf={"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"})


@says("Not in the specification: the registration requires an API role, chosen under More options (FL-05).")
def an_api_role(walk: Walk) -> None:
    walk.portal.product.desk("api_role", "acme", "Orders")
    dialog = walk.servers.edit("ProdOkta")
    dialog.field("Required API Role").select_option("Orders")
    dialog.save()
    walk.refused("insufficient_scope", scope=f"{CLOUD}::acme::Billing")
    walk.accepted(scope=f"orders:read {CLOUD}::acme::Orders")
    dialog = walk.servers.edit("ProdOkta")
    dialog.field("Required API Role").select_option("none")
    dialog.save()
    walk.accepted()


@says("If multiple client applications need access, leave Client ID blank.")
def no_client_id(walk: Walk) -> None:
    dialog = walk.servers.edit("ProdOkta")
    dialog.field("Client ID").fill("")
    dialog.field("Issuer URI").fill("https://login.acme.example/")
    dialog.save()
    walk.accepted(client_id="one")
    walk.accepted(client_id="other")


@says("If the certificate is signed by an unrecognized Certificate Authority (CA), disable the certificate validation.")
def an_unknown_authority(walk: Walk) -> None:
    dialog = walk.servers.add()
    dialog.fill(walk.registration(name="PrivateCa", jwks_location=walk.portal.stranger.location, enable=False))
    dialog.validate()
    dialog.expect_step(re.compile("unrecognized Certificate Authority"))
    expect(dialog.save_button).to_have_count(0)
    dialog.field("JWKS Server Certificate Validation").uncheck()
    dialog.validate()
    dialog.expect_validated()
    dialog.save()
    expect(walk.page.get_by_text("Certificate not validated")).to_be_visible()


@says("An organization can have up to two OAuth 2.0 authorization servers with only one being enabled at a time.")
def two_and_one(walk: Walk) -> None:
    expect(walk.page.get_by_text("2 of 2 used · 1 enabled")).to_be_visible()
    walk.locked("Add Authorization Server")
    walk.servers.enable("PrivateCa", displacing=True)
    expect(walk.page.get_by_text("2 of 2 used · 1 enabled")).to_be_visible()
    expect(row(walk, "ProdOkta").get_by_text("Disabled", exact=True)).to_be_visible()


@says("The authorization server configuration must be enabled for the JWT verification to take place.")
def only_while_enabled(walk: Walk) -> None:
    walk.servers.disable("PrivateCa")
    walk.refused("no_matching_key")
    walk.servers.enable("ProdOkta")
    walk.accepted()


@says("A valid API subscription is required. If it expires, you still have access, but cannot make modifications.")
def expired(walk: Walk) -> None:
    walk.subscribe(until=timedelta(seconds=-1))
    expect(walk.page.get_by_text("you can view everything; changes are locked until renewal")).to_be_visible()
    expect(walk.page.get_by_text("Tokens are refused: the API subscription expired on")).to_be_visible()
    expect(row(walk, "ProdOkta").get_by_text("Enabled, not in force", exact=True)).to_be_visible()
    walk.locked("Add Authorization Server", "Edit ProdOkta", "Delete ProdOkta", "Disable ProdOkta")
    walk.refused("subscription_inactive")


@says("The authorization server configuration is re-enabled after your subscription is renewed.")
def renewed(walk: Walk) -> None:
    walk.subscribe(until=timedelta(days=60))
    expect(row(walk, "ProdOkta").get_by_text("Enabled", exact=True)).to_be_visible()
    walk.accepted()


@says("The configuration can be disabled for the number of API calls or for terms and conditions.")
def suspended(walk: Walk) -> None:
    walk.portal.product.desk("suspend", "acme")
    walk.page.reload()
    expect(walk.page.get_by_role("alert").filter(has_text="terms and conditions violated")).to_be_visible()


@says("The servers appear disabled, and you cannot add, edit, or delete them. All API requests are rejected.")
def while_suspended(walk: Walk) -> None:
    expect(walk.page.get_by_text("2 of 2 used · 0 enabled")).to_be_visible()
    expect(row(walk, "ProdOkta").get_by_text("Disabled", exact=True)).to_be_visible()
    walk.locked("Add Authorization Server", "Enable ProdOkta", "Edit ProdOkta", "Delete ProdOkta")
    walk.refused("organization_suspended")


@says("Contact Support to re-enable the authorization server configuration.")
def reinstated(walk: Walk) -> None:
    expect(walk.page.get_by_text(re.compile(r"contact support \(reference [2-9A-Z]{8}\)"))).to_be_visible()
    walk.portal.product.desk("reinstate", "acme")
    walk.page.reload()
    expect(row(walk, "ProdOkta").get_by_text("Enabled", exact=True)).to_be_visible()
    walk.accepted()


@says("Click the Edit icon. If the configuration is already in use, any changes may lead to disruption.")
def the_edit_dialog(walk: Walk) -> None:
    dialog = walk.servers.edit("ProdOkta")
    caution = "in use: a change may disrupt the API service. Make sure that the authorization server and the client"
    expect(dialog.dialog.get_by_text(caution)).to_be_visible()
    expect(dialog.field("Name")).to_have_value("ProdOkta")


@says("In the Edit Authorization Server window, you can modify the necessary configurations. Click Save.")
def edited(walk: Walk) -> None:
    dialog = ServerDialog(walk.page, "Edit Authorization Server")
    dialog.field("Name").fill("MainOkta")
    dialog.field("Audience URI").fill("https://api.watchword.example/orders")
    dialog.save()
    assert walk.servers.names() == ["MainOkta", "PrivateCa"]
    walk.refused("audience_mismatch", aud="https://other.example")


@says("Click the Delete icon. A confirmation dialog box appears. Click OK.")
def deleted(walk: Walk) -> None:
    dialog = walk.servers.delete("MainOkta")
    expect(dialog).to_contain_text("Client applications using it will lose access immediately")
    dialog.get_by_role("button", name="Cancel").click()
    assert walk.servers.names() == ["MainOkta", "PrivateCa"]
    walk.servers.delete("MainOkta").get_by_role("button", name="OK", exact=True).click()
    expect(walk.page.get_by_text("1 of 2 used · 0 enabled")).to_be_visible()


@says("If you delete a server in use, client applications can no longer access the API using OAuth 2.0.")
def no_longer(walk: Walk) -> None:
    walk.refused("no_matching_key")


def row(walk: Walk, name: str) -> Locator:
    return walk.page.get_by_role("row", name=name)


# On SQLite most other tests of this folder do the same steps.
@pytest.fixture(params=length(("postgresql",), ("sqlite", "postgresql")))
def walk(request: pytest.FixtureRequest, tmp_path: Path, browser: Browser) -> Iterator[Walk]:
    cluster: Cluster | None = request.getfixturevalue("cluster") if request.param == "postgresql" else None
    url = None if cluster is None else cluster.create_database()
    with running_portal(tmp_path, browser, url) as portal:
        portal.product.create_verifier()
        for role in ("worker", "verifier"):
            portal.product.start(role)
        with portal.open(ALICE, f"specification-{request.param}") as page:
            yield Walk(portal, page)


def test_the_specification_from_top_to_bottom(walk: Walk) -> None:
    for sentence, step in STEPS:
        try:
            step(walk)
        except Exception as failure:
            raise AssertionError(f"{step.__name__}: {sentence}") from failure
