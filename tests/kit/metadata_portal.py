"""A browser on Acme's page, and a real authorization server that publishes metadata."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import reverse

from kit import sample_portal
from kit.certificates import authority_pem
from kit.forge import ec_key, key_set
from kit.key_server import Behaviour, Conversation, KeyServer, answers, serves
from kit.sample_portal import PROD_OKTA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from watchword.control.identity.models import Person

OIDC = "/.well-known/openid-configuration"
KEYS = key_set(ec_key("first"))


@dataclass
class Portal:
    """A browser on Acme's page, and an authorization server."""

    client: Client
    person: Person
    server: KeyServer

    @property
    def issuer(self) -> str:
        return self.server.location_at("127.0.0.1", "")

    def post(self, name: str, form: dict[str, str], *arguments: object, htmx: bool = False) -> Any:
        headers = {"HX-Request": "true"} if htmx else {}
        return self.client.post(reverse(f"servers:{name}", args=["acme", *arguments]), form, headers=headers)

    def typed(self, **more: str) -> dict[str, str]:
        texts = ("description", "authority", "audience", "client_id")
        typed = {name: getattr(PROD_OKTA, name) for name in texts}
        return typed | {"verify_certificate": "on", "name": "Typed", "jwks_location": "", "issuer": "", **more}


def metadata(server: KeyServer, **changes: Any) -> Behaviour:
    """The keys, and at all other paths the metadata."""
    issuer = server.location_at("127.0.0.1", "")

    def on_request(conversation: Conversation) -> None:
        of_keys = conversation.request.startswith(b"GET /keys ")
        document = {"issuer": issuer, "jwks_uri": f"{issuer}/keys", **changes}
        serves(KEYS if of_keys else document).on_request(conversation)

    return Behaviour(on_request)


def text(response: Any) -> str:
    return str(response.content.decode())


def value(page: str, name: str) -> str:
    (found,) = re.findall(rf'<input[^>]*?name="{name}"\s+value="([^"]*)"', page)
    return unescape(str(found))


def error(page: str, field: str = "issuer") -> str:
    (found,) = re.findall(rf'id="id_{field}-error">.*?<span>(.*?)</span>', page, re.DOTALL)
    return unescape(str(found))


def portal_of(person: Person, server: KeyServer) -> Portal:
    client = Client()
    client.cookies["watchword_session"] = sample_portal.session_of(person)
    return Portal(client, person, server)


@pytest.fixture
def allow(settings: Any, tmp_path: Path) -> Callable[[KeyServer], None]:
    """Lets the operator's settings reach a server of the tests."""
    settings.ALLOWED_HOSTS = ["testserver"]
    (tmp_path / "ca.pem").write_text(authority_pem())

    def of(server: KeyServer) -> None:
        changes = {
            "jwks_allowed_networks": (ip_network("127.0.0.0/8"),),
            "jwks_allowed_ports": frozenset({server.port}),
            "jwks_ca_file": tmp_path / "ca.pem",
        }
        settings.WATCHWORD = settings.WATCHWORD.model_copy(update=changes)

    return of


@pytest.fixture
def metadata_server(allow: Callable[[KeyServer], None]) -> Iterator[KeyServer]:
    with KeyServer(answers(404)) as running:
        allow(running)
        running.behaviour = metadata(running)
        yield running
