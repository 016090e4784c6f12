"""The button Test Connection: what it reports, and that it reaches no address inside the network."""

from __future__ import annotations

import json
from datetime import timedelta
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from kit import forge, people
from kit.browser_session import BrowserSession
from kit.certificates import authority_pem
from kit.key_server import Behaviour, Canary, KeyServer, answers, redirects, serves
from kit.single_sign_on import patient
from watchword.control.base.actor import Permission
from watchword.control.identity.models import SignInThrottle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django import Settings

    from kit.key_server import Conversation
    from watchword.control.identity.models import Person

pytestmark = pytest.mark.enable_socket

CHECK = "sign_in_settings:check"


@pytest.fixture
def provider(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KeyServer]:
    """A server at which the operator's settings allow a provider."""
    patient(monkeypatch)
    (tmp_path / "ca.pem").write_text(authority_pem())
    with KeyServer(answers(404)) as server:
        changes = {
            "jwks_allowed_networks": (ip_network("127.0.0.0/8"),),
            "jwks_allowed_ports": frozenset({server.port}),
            "jwks_ca_file": tmp_path / "ca.pem",
        }
        settings.WATCHWORD = settings.WATCHWORD.model_copy(update=changes)
        yield server


@pytest.fixture
def browser(alice: Person) -> BrowserSession:
    return BrowserSession.of(alice)


def issuer_of(server: KeyServer) -> str:
    return server.location_at("127.0.0.1", "")


def metadata(server: KeyServer, **changes: object) -> Behaviour:
    issuer = issuer_of(server)
    document: dict[str, object] = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/auth",
        "token_endpoint": f"{issuer}/token",
        "jwks_uri": f"{issuer}/keys",
    }
    good = serves(json.dumps({**document, **changes}).encode())
    keys = serves(forge.key_set(forge.ec_key()))

    def on_request(conversation: Conversation) -> None:
        (keys if conversation.request.startswith(b"GET /keys ") else good).on_request(conversation)

    return Behaviour(on_request)


def test_connection_that_works(browser: BrowserSession, provider: KeyServer) -> None:
    provider.behaviour = metadata(provider)
    page = browser.scripted.post(CHECK, "acme", issuer=issuer_of(provider), client_secret="typed")
    assert "Metadata passed: Found, and it names exactly this issuer." in page.text
    assert "Signing keys passed: 1 usable key." in page.text
    assert "The provider has no address for it." in page.text
    # Only the result is replaced, so the typed secret stays where it is and is not sent back.
    assert "dialog" not in page.html
    assert "typed" not in page.html


def test_without_scripts_the_dialog_comes_back(browser: BrowserSession, provider: KeyServer) -> None:
    provider.behaviour = metadata(provider)
    typed = {"issuer": issuer_of(provider), "client_id": "watchword", "client_secret": "typed", "version": "0"}
    page = browser.post(CHECK, "acme", **typed)
    assert "1 usable key." in page.text
    assert "Enter the client secret again: it was not saved." in page.text
    assert (page.value("issuer"), page.value("client_id"), page.value("client_secret")) == (
        issuer_of(provider), "watchword", "",
    )  # fmt: skip


def result(browser: BrowserSession, issuer: str) -> str:
    return browser.scripted.post(CHECK, "acme", issuer=issuer).text


def test_provider_that_cannot_be_used(browser: BrowserSession, provider: KeyServer) -> None:
    issuer = issuer_of(provider)
    assert "Metadata failed: The server has no metadata for this issuer" in result(browser, issuer)
    provider.behaviour = metadata(provider, issuer="https://other.example")
    assert "names another issuer: “https://other.example”" in result(browser, issuer)
    provider.behaviour = metadata(provider, jwks_uri=f"{issuer}/none", end_session_endpoint=f"{issuer}/end")
    assert "Signing keys failed:" in result(browser, issuer)
    assert result(browser, "").startswith("Metadata failed: Enter the issuer of the identity provider.")


def test_p_75_metadata_that_redirects_is_not_followed(browser: BrowserSession, provider: KeyServer) -> None:
    with Canary() as canary:
        for status in (301, 302, 303, 307, 308):
            provider.behaviour = redirects(f"https://{canary.host}:{canary.port}/", status=status)
            assert "Metadata failed:" in result(browser, issuer_of(provider))
            SignInThrottle.objects.all().delete()
        assert canary.count() == 0


def test_p_75_endpoints_inside_the_network_are_refused(browser: BrowserSession, provider: KeyServer) -> None:
    with Canary() as canary:
        for name in ("token_endpoint", "jwks_uri"):
            for url in (f"https://127.0.0.1:{canary.port}/", f"https://10.0.0.1:{provider.port}/"):
                provider.behaviour = metadata(provider, **{name: url})
                assert f"{name} in the metadata" in result(browser, issuer_of(provider))
        assert canary.count() == 0


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
        "0.0.0.0",  # noqa: S104
        "127.1", "2130706433", "0177.0.0.1", "0x7f.1", "127.0.0.1.", "localhost.", "\uff11\uff12\uff17.0.0.1",
        "10.0.0.1", "169.254.169.254", "100.100.100.200", "168.63.129.16", "metadata.google.internal", "[fd00::1]",
        "[fe80::1%25lo]",
    ],
)  # fmt: skip
def test_p_75_hosts_inside_the_network_are_never_asked(browser: BrowserSession, settings: Settings, host: str) -> None:
    with Canary() as canary:
        settings.WATCHWORD = settings.WATCHWORD.model_copy(update={"jwks_allowed_ports": frozenset({canary.port})})
        assert "Metadata failed:" in result(browser, f"https://{host}:{canary.port}")
        assert canary.count() == 0


def test_p_75_frequent_failures_are_slowed_down(browser: BrowserSession, provider: KeyServer) -> None:
    for _ in range(6):
        result(browser, issuer_of(provider))
    # As after some more failures: a delay of a second may pass on a busy machine.
    counted = SignInThrottle.objects.filter(failures=6)
    assert counted.update(blocked_until=timezone.now() + timedelta(hours=1)) == 1
    assert "Too many attempts." in result(browser, issuer_of(provider))
    before = provider.connections
    page = browser.post(CHECK, "acme", issuer=issuer_of(provider), version="0")
    assert (page.status, "Too many attempts." in page.text, provider.connections) == (429, True, before)


def test_only_who_may_change_single_sign_on_tests_it(alice: Person, operator: Person, provider: KeyServer) -> None:
    some = people.administrator("some", "acme", Permission.ADMINISTRATORS)
    for person in (some, operator):
        answer: Any = BrowserSession.of(person).post(CHECK, "acme", issuer=issuer_of(provider))
        assert answer.status == 403
    assert provider.connections == 0
