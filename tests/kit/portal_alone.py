"""A portal on its own with people signed in and a key server whose behaviour the test chooses; and bare POSTs to it."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kit import forge
from kit.behind import CLOUD
from kit.browser import portal_page
from kit.certificates import FROM_UNKNOWN_AUTHORITY, authority_pem
from kit.client import Answer, request
from kit.key_server import KeyServer, serves
from kit.portal_pages import Registration, ServersPage, sign_in
from kit.product import Product

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page, StorageState

    from kit.certificates import ServerCertificate

GOOD_KEYS = {"keys": [forge.ec_key("alice").jwk()]}
ALICE = "alice@acme.example"
BOB = "bob@acme.example"
CHARLIE = "charlie@globex.example"
ALICE_OF_INITECH = "alice@initech.example"
MANAGES_KEYS = "API Key Management"
# Bob's role lets him read the audit log and nothing else.
PEOPLE = {
    "acme": {"alice": MANAGES_KEYS, "bob": "Audit Logs"},
    "globex": {"charlie": MANAGES_KEYS},
    "initech": {"alice": MANAGES_KEYS},
}


@dataclass
class Portal:
    """A portal on its own, with a key server whose behaviour the test chooses, and people who have signed in."""

    product: Product
    browser: Browser
    keys: KeyServer
    stranger: KeyServer
    signed_in: dict[str, StorageState] = field(default_factory=dict)
    servers_pages: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def open(self, email: str, name: str, *, follow_the_menu: bool = True, scripts: bool = True) -> Iterator[Page]:
        """A signed-in person on the page of their organization's authorization servers."""
        if email in self.signed_in:
            # The sign-in may be long ago on a slow machine, and changes need proof.
            self.product.desk("prove")
        with portal_page(
            self.browser, self.product.portal, name=name, scripts=scripts, signed_in=self.signed_in.get(email)
        ) as page:
            if email not in self.signed_in:
                sign_in(page, email)
                self.signed_in[email] = page.context.storage_state()
            if not follow_the_menu:
                page.goto("/")
            elif (servers_page := self.servers_pages.get(email)) is not None:
                page.goto(servers_page)
            else:
                page.goto("/")
                ServersPage(page).follow_the_menu()
                # The menu takes two more pages, and each page takes half a second of a core.
                self.servers_pages[email] = page.url
            yield page

    def registration(self, **changes: Any) -> Registration:
        """A good one, with changes."""
        good = Registration(
            name="ProdOkta",
            description="Issues tokens for batch clients",
            jwks_location=self.keys.location,
            audience="https://api.watchword.example/orders",
            issuer="https://login.acme.example/",
            client_id="acme-batch",
        )
        return replace(good, **changes)


@contextmanager
def running_portal(
    directory: Path,
    browser: Browser,
    database_url: str | None = None,
    *,
    unknown: ServerCertificate = FROM_UNKNOWN_AUTHORITY,
) -> Iterator[Portal]:
    """A running portal. Its `stranger` is a key server whose certificate, `unknown`, no authority signed."""
    with ExitStack() as stack:
        keys = stack.enter_context(KeyServer(serves(GOOD_KEYS)))
        stranger = stack.enter_context(KeyServer(serves(GOOD_KEYS), unknown))
        authorities = directory / "ca.pem"
        authorities.write_text(authority_pem())
        product = Product(
            directory,
            database_url=database_url,
            settings={
                "WATCHWORD_CLOUD_NAME": CLOUD,
                "WATCHWORD_VERIFIER_CLOUD_NAME": CLOUD,
                "WATCHWORD_JWKS_CA_FILE": str(authorities),
                "WATCHWORD_JWKS_ALLOWED_NETWORKS": "127.0.0.0/8",
                "WATCHWORD_JWKS_ALLOWED_PORTS": f"{keys.port},{stranger.port}",
            },
        )
        stack.callback(product.close)
        product.desk("prepare", json.dumps(PEOPLE))
        product.start("portal")
        yield Portal(product, browser, keys, stranger)


@dataclass
class Poster:
    """Posts forms as the signed-in person's browser could, without the page in between."""

    origin: str
    page_path: str
    cookies: str
    form: dict[str, str]

    @classmethod
    def of(cls, page: Page) -> Poster:
        """Take cookies and CSRF token from a page with the Add dialog open."""
        parts = urlsplit(page.url)
        token = page.locator("input[name=csrfmiddlewaretoken]").first.get_attribute("value")
        assert token is not None
        cookies = "; ".join(f"{cookie.get('name')}={cookie.get('value')}" for cookie in page.context.cookies())
        return cls(f"{parts.scheme}://{parts.netloc}", parts.path, cookies, {"csrfmiddlewaretoken": token})

    def post(self, path: str, **fields: str) -> Answer:
        return request(
            f"{self.origin}{self.page_path}{path}",
            form={**self.form, **fields},
            headers={"Cookie": self.cookies, "Origin": self.origin},
            timeout=30,
        )


def fields(registration: Registration, **more: str) -> dict[str, str]:
    """The form's fields as a browser sends them: a box that is not checked is not sent."""
    return {
        **({"enabled": "on"} if registration.enable else {}),
        "name": registration.name,
        "description": registration.description,
        "jwks_location": registration.jwks_location,
        **({"verify_certificate": "on"} if registration.verify_certificate else {}),
        "audience": registration.audience,
        "issuer": registration.issuer,
        "client_id": registration.client_id,
        **more,
    }


def receipt_of(portal: Portal, page: Page) -> str:
    """Validate the good location in the browser and take the receipt that came with it."""
    portal.keys.behaviour = serves(GOOD_KEYS)
    dialog = ServersPage(page).add()
    dialog.fill(portal.registration())
    dialog.validate()
    dialog.expect_validated()
    receipt = page.locator("input[name=receipt]").get_attribute("value")
    assert receipt
    return receipt
