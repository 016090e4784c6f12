"""Sign-ins through a real identity provider: a browser at the portal, and the same person's browser at the provider."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from html import unescape
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import pytest
from django.test import Client as Browser

from kit.authorization_server import Client, authorization_server
from kit.identity_provider import PEOPLE, AtIdentityProvider
from watchword.control.audit.models import AuditEvent
from watchword.control.identity.models import ProviderAccount, SingleSignOn
from watchword.control.identity.sealing import seal
from watchword.control.identity.single_sign_on.configuration_commands import CLIENT_SECRET
from watchword.jwks.fetch import FetchPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme
    from pytest_django import Settings

    from kit.authorization_server import AuthorizationServer
    from watchword.control.identity.models import Person, Role

REDIRECT_URI: Final = "http://127.0.0.1:8080/sign-in/single-sign-on/callback"
WATCHWORD: Final = Client("watchword", "watchword-secret-of-at-least-32-bytes", redirect_uris=(REDIRECT_URI,))
COOKIE: Final = "watchword_single_sign_on"


def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give servers of the tests more time than the product does: the machine may be busy."""
    policy = partial(FetchPolicy, connect_timeout=30.0, total_timeout=60.0)
    monkeypatch.setattr("watchword.control.base.fetch_policy.FetchPolicy", policy)


def allow(settings: Settings, server: AuthorizationServer, authority_file: Path) -> None:
    """Let the operator's settings reach the provider of the tests."""
    changes = {
        "jwks_allowed_networks": (ip_network("127.0.0.0/8"),),
        "jwks_allowed_ports": frozenset({urlsplit(server.issuer).port}),
        "jwks_ca_file": authority_file,
    }
    settings.WATCHWORD = settings.WATCHWORD.model_copy(update=changes)
    settings.ALLOWED_HOSTS = ["testserver"]


def configured(
    server: AuthorizationServer, organization_id: str = "acme", *, default_role: Role | None = None, **changes: Any
) -> SingleSignOn:
    """The organization's enabled single sign-on at the provider of the tests."""
    good: dict[str, Any] = {
        "issuer": server.issuer,
        "client_id": WATCHWORD.id,
        "sealed_client_secret": seal(CLIENT_SECRET, WATCHWORD.secret),
        "enabled": True,
        "default_role": default_role,
    }
    return SingleSignOn.objects.create(organization_id=organization_id, **{**good, **changes})


def linked(person: Person, server: AuthorizationServer, subject: str) -> ProviderAccount:
    return ProviderAccount.objects.create(
        person=person,
        organization_id=person.organization_id,
        issuer=server.issuer,
        subject=subject,
        created_at=person.created_at,
    )


@dataclass
class SignOn:
    """One person's browser."""

    server: AuthorizationServer
    portal: Browser = field(default_factory=Browser)

    def __post_init__(self) -> None:
        self.at_provider = AtIdentityProvider(self.server)

    def begin(self, organization: str = "acme", **query: str) -> str:
        """Open the organization's sign-in address; the authorization request that it leads to."""
        answer = self.portal.get("/sign-in/single-sign-on", {"organization": organization, **query})
        assert answer.status_code == 302, text_of(answer)
        return str(answer.headers["Location"])

    def respond(self, user_name: str, organization: str = "acme", **query: str) -> str:
        """Begin and sign in at the provider; the URL that it redirects to, not opened yet."""
        return self.at_provider.sign_in(self.begin(organization, **query), user_name)

    def open(self, url: str) -> Any:
        """Open a URL of the portal, such as the redirect URI with a code."""
        parts = urlsplit(url)
        return self.portal.get(f"{parts.path}?{parts.query}")

    def sign_in(self, user_name: str, organization: str = "acme", **query: str) -> Any:
        return self.open(self.respond(user_name, organization, **query))

    @property
    def ceremony(self) -> str:
        return str(self.portal.cookies[COOKIE].value)


def text_of(answer: Any) -> str:
    """The words of a page."""
    shown = re.sub(r"<(script|style|title).*?</\1>", "", answer.content.decode(), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", shown)).split())


def event(action: str = "signed_in") -> AuditEvent:
    """The last event of the action."""
    return AuditEvent.objects.filter(action=action).latest("sequence")


def signed_in(browser: SignOn) -> str | None:
    """Whose session the browser has."""
    answer: Any = browser.portal.get("/sessions/")
    return None if answer.status_code == 302 else str(answer.wsgi_request.user.email)


def refused(browser: SignOn, answer: Any, reason: str, organization: str = "acme") -> str:
    """Assert that no one was signed in and that the log says why; the words of the page."""
    assert answer.status_code == 422
    assert signed_in(browser) is None
    log = event()
    assert (log.result, log.organization, log.changes["reason"]) == ("refused", organization, [None, reason])
    words = text_of(answer)
    assert str(log.changes["reference"][1]) in words
    return words


@pytest.fixture(scope="module")
def running(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuthorizationServer]:
    log = tmp_path_factory.mktemp("identity-provider") / "log"
    with authorization_server(authority, log, (WATCHWORD,)) as server:
        yield server


@pytest.fixture
def server(
    running: AuthorizationServer, settings: Settings, authority_file: Path, monkeypatch: pytest.MonkeyPatch
) -> AuthorizationServer:
    """The provider, to which the operator's settings let the portal connect."""
    allow(settings, running, authority_file)
    patient(monkeypatch)
    running.set_people(PEOPLE)
    return running


@pytest.fixture
def browser(server: AuthorizationServer) -> SignOn:
    return SignOn(server)
