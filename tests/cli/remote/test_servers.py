"""`watchword servers` against the management API."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kit import api_access
from kit.certificates import authority_pem
from kit.key_server import answers
from kit.remote_portal import access_token
from watchword.cli.remote import session
from watchword.control.audit.models import AuditEvent
from watchword.control.servers.models import AuthorizationServer, KeySetState

if TYPE_CHECKING:
    from kit.remote_portal import RemotePortal

pytestmark = pytest.mark.enable_socket

ISSUER = "https://acme.example"


def stored() -> AuthorizationServer:
    return AuthorizationServer.objects.get()


def test_server_is_registered_listed_and_shown(portal: RemotePortal) -> None:
    assert portal.ok("servers", "list").stdout == "There are no servers.\n"
    portal.add("ProdOkta", "--issuer", ISSUER, "--description", "main", "--client-id", "app")
    (listed,) = portal.document("servers", "list")
    assert (listed["name"], listed["enabled"], listed["issuer"], listed["audience"]) == (
        "ProdOkta",
        False,
        ISSUER,
        None,
    )
    heading, _, row = portal.ok("servers", "list").stdout.splitlines()[:3]
    assert heading.split() == ["Name", "Enabled", "Issuer", "Audience", "Client", "ID", "Required", "role", "Keys"]
    assert row.split() == ["ProdOkta", "no", ISSUER, "any", "app", "-", "1"]
    shown = portal.document("servers", "show", listed["id"])
    assert shown == portal.document("servers", "show", "prodokta")
    assert (
        portal.ok("servers", "show", "ProdOkta").stdout == portal.ok("servers", "show", "ProdOkta", "-o", "yaml").stdout
    )
    assert "\nname: ProdOkta\n" in portal.ok("servers", "show", "ProdOkta", "-o", "yaml").stdout
    event = AuditEvent.objects.get(action="server_added")
    assert (event.actor, event.interface) == ("key-ci$@acme.orders", "api")


def test_unknown_server_is_a_failure_that_names_the_others(portal: RemotePortal) -> None:
    portal.add("ProdOkta", "--issuer", ISSUER)
    outcome = portal.run("servers", "show", "Other")
    assert outcome.exit_code == 1
    assert "There is no authorization server “Other”. Registered: ProdOkta." in outcome.stderr


def test_values_are_changed_and_removed(portal: RemotePortal) -> None:
    portal.add("ProdOkta", "--issuer", ISSUER, "--audience", "a", "--accepts-bound-tokens")
    Path("ca.pem").write_text(authority_pem())
    portal.ok(
        *("servers", "edit", "ProdOkta", "--name", "Renamed", "--remove", "audience", "--no-accepts-bound-tokens"),
        *("--ca-bundle", "ca.pem", "--no-verify-certificate"),
    )
    server = stored()
    assert (server.name, server.audience, server.issuer, server.accepts_bound_tokens) == (
        "Renamed",
        None,
        ISSUER,
        False,
    )
    assert (server.verify_certificate, server.ca_bundle) == (False, authority_pem())
    portal.ok("servers", "edit", "Renamed", "--remove", "ca-bundle", "--remove", "issuer", "--confirm-any-token")
    assert (stored().ca_bundle, stored().issuer) == (None, None)


def test_private_key_is_not_sent(portal: RemotePortal) -> None:
    Path("ca.pem").write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    outcome = portal.run("servers", "validate", portal.keys.location, "--ca-bundle", "ca.pem")
    assert (outcome.exit_code, "ca.pem: DANGER: this contains a PRIVATE KEY" in outcome.stderr) == (1, True)
    assert portal.keys.requests == []


@pytest.mark.parametrize("arguments", [[], ["--issuer", "x", "--remove", "issuer"]])
def test_edit_without_a_clear_change_is_wrong_usage(portal: RemotePortal, arguments: list[str]) -> None:
    assert portal.run("servers", "edit", "ProdOkta", *arguments).exit_code == 2


def test_refused_fields_are_named(portal: RemotePortal) -> None:
    outcome = portal.run("servers", "add", "two words", "--jwks-location", portal.keys.location)
    assert outcome.exit_code == 1
    assert "  name: The name cannot contain spaces" in outcome.stderr
    assert "  confirm_any_token: " in outcome.stderr
    assert "Request id: " in outcome.stderr


def test_servers_are_enabled_disabled_and_deleted(portal: RemotePortal) -> None:
    portal.add("First", "--issuer", ISSUER)
    portal.add("Second", "--confirm-any-token")
    assert portal.ok("servers", "enable", "First").stderr == "Enabled First.\n"
    refused = portal.run("servers", "enable", "Second", "--confirm-any-token")
    assert "! Client applications with tokens of First lose access." in refused.stderr
    assert "Nothing was changed" in refused.stderr
    assert portal.run("servers", "enable", "Second", "--yes").exit_code == 1
    portal.ok("servers", "enable", "Second", "--confirm-any-token", "--yes")
    assert AuthorizationServer.objects.get(enabled=True).name == "Second"
    assert portal.run("servers", "disable", "Second").exit_code == 1
    portal.ok("servers", "disable", "First")
    assert AuthorizationServer.objects.get(enabled=True).name == "Second"
    portal.ok("servers", "disable", "Second", "--yes")
    assert not AuthorizationServer.objects.filter(enabled=True).exists()
    portal.ok("servers", "enable", "First")
    refused = portal.run("servers", "delete", "First")
    assert "! Deletes First with its signing keys and key history." in refused.stderr
    assert "! Client applications with tokens of First lose access." in refused.stderr
    portal.ok("servers", "delete", "First", "--yes")
    portal.ok("servers", "delete", "Second", "--yes")
    assert not AuthorizationServer.objects.exists()


def test_caller_is_warned_before_it_changes_its_own_server(
    portal: RemotePortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal.add("First", "--issuer", ISSUER, "--audience", "https://api.example/")
    portal.ok("servers", "enable", "First")
    portal.add("Second", "--issuer", ISSUER)
    monkeypatch.setenv("WATCHWORD_API_KEY", access_token())
    for change in (
        ("delete", "First"),
        ("disable", "First"),
        ("enable", "Second"),
        ("edit", "First", "--issuer", "https://other.example"),
    ):
        outcome = portal.run("servers", *change)
        assert (outcome.exit_code, "! Your own access token is one of" in outcome.stderr) == (1, True), change
    portal.ok("servers", "edit", "Second", "--description", "not enabled")
    assert AuthorizationServer.objects.get(enabled=True).issuer == ISSUER


def test_key_set_is_refreshed(portal: RemotePortal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watchword.client.connection.MAX_WAIT_SECONDS", 0)
    portal.add("First", "--issuer", ISSUER)
    assert "will be fetched within seconds" in portal.ok("servers", "refresh", "First").stderr
    assert "Status 429." in portal.run("servers", "refresh", "First").stderr
    assert KeySetState.objects.get().requested_at is not None


def test_location_is_validated_without_saving(portal: RemotePortal) -> None:
    outcome = portal.ok("servers", "validate", portal.keys.location)
    assert "passed" in outcome.stdout
    assert portal.document("servers", "validate", portal.keys.location)["succeeded"] is True
    portal.keys.behaviour = answers(500)
    failed = portal.run("servers", "validate", portal.keys.location, "--no-verify-certificate")
    assert (failed.exit_code, "failed" in failed.stdout) == (1, True)
    assert not AuthorizationServer.objects.exists()


def test_operators_key_names_the_organization(portal: RemotePortal, monkeypatch: pytest.MonkeyPatch) -> None:
    portal.add("First", "--issuer", ISSUER)
    monkeypatch.setenv("WATCHWORD_API_KEY", api_access.api_key(None, None, "operator").secret)
    monkeypatch.delenv("WATCHWORD_ORGANIZATION")
    assert "Name the organization" in portal.run("servers", "list").stderr
    (listed,) = portal.document("servers", "list", "--organization", "acme")
    assert listed["name"] == "First"


def test_wait_that_the_portal_asks_for_is_announced(capsys: pytest.CaptureFixture[str]) -> None:
    session.tell_wait(7)
    assert capsys.readouterr().err == "The portal cannot answer now. Trying again in 7 s.\n"
