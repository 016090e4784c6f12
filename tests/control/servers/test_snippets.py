from __future__ import annotations

import ast

import pytest

from watchword.control.servers.snippets import Snippet, snippets
from watchword.settings.verifier import VerifierSettings

IDENTITY = ("organization", "server", "issuer", "subject", "client-id", "scope", "expires")
GATEWAYS = [snippet.gateway for snippet in snippets("acme")]


def snippet(gateway: str, organization: str = "acme") -> Snippet:
    (found,) = (one for one in snippets(organization) if one.gateway == gateway)
    return found


def text(gateway: str, organization: str = "acme") -> str:
    return "\n".join(file.text for file in snippet(gateway, organization).files)


def test_the_tabs_come_in_this_order() -> None:
    labels = [snippet.label for snippet in snippets("acme")]
    assert labels == ["nginx", "Traefik", "Caddy", "Envoy", "HAProxy", "Python", "curl"]


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_the_snippets_are_ready_for_the_organization(gateway: str) -> None:
    assert "acme" in text(gateway)
    assert "{{" not in text(gateway)
    assert text(gateway).replace("acme", "globex-2") == text(gateway, "globex-2")


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_the_address_is_where_a_verifier_listens_unless_told_otherwise(gateway: str) -> None:
    settings = VerifierSettings.model_fields
    host, port = settings["host"].default, settings["port"].default
    ways = (f"{host}:{port}", f"address: {host}, port_value: {port}", f'"{host}", {port}')
    assert any(way in text(gateway) for way in ways)


@pytest.mark.parametrize("gateway", [gateway for gateway in GATEWAYS if gateway != "curl"])
def test_the_whole_identity_is_passed_on(gateway: str) -> None:
    shown = text(gateway).lower()
    for name in IDENTITY:
        assert name in shown
        assert f"x-auth-{name}" in shown or gateway in {"haproxy", "python"}, "the two write the prefix once"


@pytest.mark.parametrize("gateway", [gateway for gateway in GATEWAYS if gateway != "curl"])
def test_the_profile_is_the_one_of_the_gateway(gateway: str) -> None:
    assert f"/verify/{'plain' if gateway == 'python' else gateway}/" in text(gateway)


def test_the_middleware_needs_nothing_but_the_standard_library() -> None:
    tree = ast.parse(text("python"), feature_version=(3, 9))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert imported == {"asyncio", "http.client", "re"}
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
