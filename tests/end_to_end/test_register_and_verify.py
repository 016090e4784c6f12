"""The main job with real parts, from the portal's first click to the API's answer."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from kit.authorization_server import ALICE_REPORTS, AUDIENCE, BOB_REPORTS, OTHER_AUDIENCE, authorization_server
from kit.behind import DOMAIN, Behind
from kit.browser import portal_page
from kit.client import Answer, request
from kit.nginx import nginx
from kit.orders_api import orders_api
from kit.portal_pages import Registration, ServersPage, set_password, sign_in
from kit.processes import LOOPBACK, free_port, wait_until
from kit.product import Product
from kit.soak import length
from kit.traffic import traffic

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme
    from playwright.sync_api import Browser, Page

    from kit.authorization_server import AuthorizationServer
    from kit.orders_api import OrdersApi
    from kit.postgres import Cluster

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180), pytest.mark.soak]

ALICE = "alice@acme.example"
SERVER_NAME = "ProdOidc"
ACME = {"Host": f"acme.{DOMAIN}"}
# Promised, of a machine that has time: deny changes reach every verifier in 5 s, allow changes in 10 s.
DENY_SECONDS = 30.0
ALLOW_SECONDS = 60.0
# The kinds of bad tokens, and the reason of each refusal: with another reason, another check caught it by luck.
REFUSED = {
    "altered signature": "no_matching_key",
    "wrong audience": "audience_mismatch",
    "expired": "token_expired",
    "other client": "client_mismatch",
    "no token": "token_missing",
}


@dataclass
class Site:
    """Acme's whole installation, with its authorization server registered and enabled."""

    product: Product
    issuing: AuthorizationServer
    orders: OrdersApi
    gateway: str
    browser: Browser
    database: Cluster | None

    def call(self, token: str | None) -> Answer:
        """Send a request to the API through the gateway."""
        return request(f"{self.gateway}/orders/7", bearer=token, headers=ACME)

    @contextmanager
    def open_portal(self, name: str) -> Iterator[Page]:
        """Alice, signed in, on the page of Acme's authorization servers."""
        with portal_page(self.browser, self.product.portal, name=f"main-job-{name}") as page:
            sign_in(page, ALICE)
            ServersPage(page).follow_the_menu()
            yield page

    def shows_key(self, kid: str, page: Page) -> bool:
        page.reload()
        return kid in ServersPage(page).show_keys(SERVER_NAME).inner_text()

    def answers(self, tokens: dict[str, str | None]) -> dict[str, int]:
        return {case: self.call(token).status for case, token in tokens.items()}

    def bad_token(self, case: str) -> str | None:
        match case:
            case "altered signature":
                head, dot, signature = self.issuing.token().rpartition(".")
                return head + dot + ("B" if signature[0] == "A" else "A") + signature[1:]
            case "wrong audience":
                return self.issuing.token(audience=OTHER_AUDIENCE)
            case "expired":
                self.issuing.set_clock(offset=-3600)
                try:
                    return self.issuing.token(seconds=60)
                finally:
                    self.issuing.set_clock(offset=0)
            case "other client":
                return self.issuing.token(BOB_REPORTS)
            case _:
                return None


# On SQLite the other tests from outside run, all of whose steps these share.
@pytest.fixture(scope="module", params=length(("postgresql",), ("sqlite", "postgresql")))
def site(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    browser: Browser,
    authority: trustme.CA,
    authority_file: Path,
) -> Iterator[Site]:
    """Everything started, and the authorization server registered by Alice as the specification's page says."""
    directory = tmp_path_factory.mktemp(f"site-{request.param}")
    database: Cluster | None = request.getfixturevalue("cluster") if request.param == "postgresql" else None
    with ExitStack() as stack:
        issuing = stack.enter_context(authorization_server(authority, directory / "oidc-provider.log"))
        orders = stack.enter_context(orders_api())
        product = Product(
            directory,
            database_url=None if database is None else database.create_database(),
            settings={
                "WATCHWORD_JWKS_CA_FILE": str(authority_file),
                "WATCHWORD_JWKS_ALLOWED_NETWORKS": "127.0.0.0/8",
                "WATCHWORD_JWKS_ALLOWED_PORTS": str(urlsplit(issuing.issuer).port),
            },
        )
        stack.callback(product.close)
        product.set_up("acme")
        link = product.create_administrator("acme", ALICE)
        for role in ("portal", "worker", "verifier"):
            product.start(role)
        behind = Behind(orders, (product.verifier_port,) * 2, (free_port(),) * 2)
        gateway = stack.enter_context(nginx(directory, behind))
        site = Site(product, issuing, orders, f"http://{LOOPBACK}:{gateway}", browser, database)
        register(site, link)
        yield site


def register(site: Site, link: str) -> None:
    """The specification, step by step: sign in, follow the menu, Add, fill, Validate, Save."""
    registration = Registration(
        name=SERVER_NAME,
        description="Issues tokens for Acme's batch clients",
        jwks_location=site.issuing.jwks_location,
        audience=AUDIENCE,
        issuer=site.issuing.issuer,
        client_id=ALICE_REPORTS.id,
    )
    with portal_page(site.browser, site.product.portal, name="main-job-register") as page:
        set_password(page, link)
        servers = ServersPage(page)
        servers.follow_the_menu()
        assert servers.names() == []
        dialog = servers.add()
        dialog.fill(registration)
        expect(dialog.save_button).to_have_count(0)
        dialog.validate()
        dialog.expect_validated()
        dialog.save()
        assert servers.names() == [SERVER_NAME]
    token = site.issuing.token()
    wait_until(lambda: site.call(token).status == 200, what="the first good token gets through", timeout=ALLOW_SECONDS)


def test_token_of_the_registered_server_passes_with_its_identity(site: Site) -> None:
    spoofed = {**ACME, "X-Auth-Subject": "charlie", "X_Auth_Organization": "globex"}

    answer = request(f"{site.gateway}/orders/7", bearer=site.issuing.token(scope="orders:read"), headers=spoofed)

    assert answer.status == 200
    identity = [
        (name, value) for name, value in answer.json()["headers"] if name.replace("_", "-").startswith("x-auth-")
    ]
    assert sorted((name, value) for name, value in identity if name != "x-auth-expires") == [
        ("x-auth-client-id", ALICE_REPORTS.id),
        ("x-auth-issuer", site.issuing.issuer),
        ("x-auth-organization", "acme"),
        ("x-auth-scope", "orders:read"),
        ("x-auth-server", SERVER_NAME),
        ("x-auth-subject", ALICE_REPORTS.id),
    ]


@pytest.mark.parametrize("case", REFUSED)
def test_other_tokens_are_refused_with_a_challenge(site: Site, case: str) -> None:
    token = site.bad_token(case)
    reached = len(site.orders.requests)

    answer = site.call(token)

    assert answer.status == 401
    assert answer.json()["reason"] == REFUSED[case]
    challenge = answer.header("WWW-Authenticate")
    assert challenge is not None
    assert challenge.startswith("Bearer ")
    # RFC 6750 section 3.1: the challenge to a request without a token names no error.
    assert ('error="invalid_token"' in challenge) is (token is not None)
    assert len(site.orders.requests) == reached


def test_disabling_and_enabling_reach_the_gateway_in_seconds(site: Site) -> None:
    token = site.issuing.token()
    assert site.call(token).status == 200

    with site.open_portal("disable") as page, traffic(lambda: site.call(token).status) as seen:
        servers = ServersPage(page)
        servers.disable(SERVER_NAME)
        disabled_at = time.monotonic()
        wait_until(lambda: seen.statuses[-1][1] == 401, what="the API refuses", timeout=DENY_SECONDS)
        assert site.call(token).json()["reason"] == "no_matching_key"
        time.sleep(1)
        enabled_at = time.monotonic()
        servers.enable(SERVER_NAME)
        wait_until(lambda: seen.statuses[-1][1] == 200, what="the API accepts again", timeout=ALLOW_SECONDS)

    assert not seen.failures
    assert {status for _, status in seen.statuses} == {200, 401}
    refused_at = next(moment for moment, status in seen.statuses if status == 401)
    sys.stdout.write(f"The API refused {refused_at - disabled_at:.3f} s after its authorization server was disabled\n")
    assert not [moment for moment, status in seen.statuses if status == 200 and refused_at < moment < enabled_at]


def test_rotation_with_overlap_refuses_no_token(site: Site) -> None:
    tokens = [site.issuing.token()]

    with site.open_portal("rotate") as page, traffic(lambda: site.call(tokens[-1]).status) as seen:
        servers = ServersPage(page)
        # The overlap: the new key is published before its first signature, and the old one until after its last.
        site.issuing.publish("first", "second", sign_with="first")
        tokens.append(site.issuing.token())
        servers.refresh_keys(SERVER_NAME)
        wait_until(
            lambda: site.shows_key("second", page), what="the portal shows the new key", timeout=20, interval=0.3
        )
        site.issuing.publish("first", "second", sign_with="second")
        newer = site.issuing.token()
        wait_until(lambda: site.call(newer).status == 200, what="the verifier has the new key", timeout=ALLOW_SECONDS)
        tokens.append(newer)
        time.sleep(1)
        site.issuing.publish("second", sign_with="second")
        tokens.append(site.issuing.token())
        time.sleep(1)

    assert not seen.failures
    assert seen.count() > 50
    assert {status for _, status in seen.statuses} == {200}


def test_restarted_verifier_decides_alone(site: Site) -> None:
    tokens = {"good": site.issuing.token(), **{case: site.bad_token(case) for case in REFUSED}}
    before = site.answers(tokens)
    assert before == {"good": 200, **dict.fromkeys(REFUSED, 401)}

    site.product.stop("worker", "portal")
    if site.database is not None:
        site.database.stop()
    try:
        assert site.answers(tokens) == before
        site.product.stop("verifier")
        # A gateway without a verifier denies.
        assert site.call(tokens["good"]).status == 503
        site.product.start("verifier")
        assert site.answers(tokens) == before
    finally:
        if site.database is not None:
            site.database.start()
        for role in ("portal", "worker"):
            site.product.start(role)
    assert site.answers(tokens) == before
