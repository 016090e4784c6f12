"""Every gateway serves organizations created after its start, in each routing, without a reload."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from kit import forge, live
from kit.behind import CLOUD, DOMAIN, ROUTINGS, Behind
from kit.browser import portal_page
from kit.certificates import authority_pem
from kit.gateways import GATEWAYS, Site
from kit.key_server import KeyServer, serves
from kit.orders_api import orders_api
from kit.portal_pages import Registration, ServersPage, set_password
from kit.processes import free_port, wait_until
from kit.product import Product
from kit.routed import SHARED, organization_of
from kit.verifier_process import verifier_process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from kit.behind import Routing

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(300)]

# Both under one name: a token with an unpublished name would wait for a rotation.
KEYS = {"acme": forge.rsa_key("acme").named("k1"), "globex": forge.rsa_key("globex").named("k1")}


@dataclass
class Provider:
    """An API provider without customers: the product, and every gateway in every routing."""

    product: Product
    key_servers: dict[str, KeyServer]
    sites: list[Site]
    browser: Browser

    def welcome(self, organization: str) -> None:
        """The organization is created, and Alice registers its server in the portal."""
        self.product.command("organization", "create", organization, "--name", organization, "--subscription-days", "9")
        link = self.product.create_administrator(organization, f"alice@{organization}.example")
        registration = Registration(
            name="ProdOkta",
            jwks_location=self.key_servers[organization].location,
            issuer=f"https://login.{organization}.example/",
        )
        with portal_page(self.browser, self.product.portal, name=f"later-{organization}") as page:
            set_password(page, link)
            servers = ServersPage(page)
            servers.follow_the_menu()
            dialog = servers.add()
            dialog.fill(registration)
            dialog.validate()
            dialog.expect_validated()
            dialog.save()
            assert servers.names() == ["ProdOkta"]


def token_of(organization: str) -> str:
    issuer = f"https://login.{organization}.example/"
    return live.token(KEYS[organization], iss=issuer, scope=f"{CLOUD}::{organization}::reader")


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Provider]:
    folder = tmp_path_factory.mktemp("provider")
    (folder / "ca.pem").write_text(authority_pem())
    with ExitStack() as parts:
        key_servers = {name: parts.enter_context(KeyServer(serves(forge.key_set(key)))) for name, key in KEYS.items()}
        product = Product(
            folder,
            settings={
                "WATCHWORD_JWKS_CA_FILE": str(folder / "ca.pem"),
                "WATCHWORD_JWKS_ALLOWED_NETWORKS": "127.0.0.0/8",
                "WATCHWORD_JWKS_ALLOWED_PORTS": ",".join(str(server.port) for server in key_servers.values()),
            },
        )
        parts.callback(product.close)
        product.command("migrate")
        for role in ("portal", "worker"):
            product.start(role)
        api = parts.enter_context(orders_api())
        behind: dict[Routing, Behind] = {}
        for routing in ("host", "path"):
            product.command("verifier", "create", routing, "--credential-file", str(folder / routing))
            grpc_port = free_port()
            verifier = verifier_process(
                tmp_path_factory.mktemp(f"verifier-{routing}"),
                feed_port=product.portal_port,
                credential=(folder / routing).read_text().strip(),
                cloud_name=CLOUD,
                api_domain=DOMAIN,
                traefik_routing=routing,
                grpc_port=str(grpc_port),
            )
            behind[routing] = Behind(api, (parts.enter_context(verifier).port,) * 2, (grpc_port,) * 2)
        behind["token"] = behind["host"]
        sites = []
        for name in SHARED:
            for routing in ROUTINGS:
                own = tmp_path_factory.mktemp(f"{name}-by-{routing}")
                port = parts.enter_context(GATEWAYS[name].run(own, behind[routing], routing=routing))
                sites.append(Site(GATEWAYS[name], port, behind[routing], routing, patient=True))
        yield Provider(product, key_servers, sites, browser)


def test_each_gateway_serves_organizations_created_later(provider: Provider) -> None:
    for organization in KEYS:
        for site in provider.sites:
            assert site.get(token_of(organization), organization=organization).status == 401, site
        provider.welcome(organization)
        for site in provider.sites:
            wait_until(
                lambda site=site: site.get(token_of(organization), organization=organization).status == 200,  # type: ignore[misc]  # noqa: B023
                what=f"{site.gateway.label} serves {organization} by {site.routing}",
                timeout=30,
            )
            assert organization_of(site.get(token_of(organization), organization=organization)) == organization
    for site in provider.sites:
        if site.routing != "token":
            assert site.get(token_of("acme"), organization="globex").status == 401, site
