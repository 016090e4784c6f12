"""Configurations that must not sign a person in or give a role, tried at a real OpenID provider over TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kit import people
from kit.identity_provider import PEOPLE
from kit.sign_in_settings import assign
from kit.single_sign_on import (
    SignOn,
    browser,
    configured,
    event,
    linked,
    refused,
    running,
    server,
    signed_in,
    text_of,
)
from watchword.control.base.actor import Permission
from watchword.control.identity.models import Person, SignInThrottle
from watchword.control.identity.single_sign_on import ceremony
from watchword.openid.id_token import verify_id_token

if TYPE_CHECKING:
    from pytest_django import Settings

    from kit.authorization_server import AuthorizationServer


__all__ = ["browser", "running", "server"]


pytestmark = pytest.mark.enable_socket


@pytest.mark.parametrize("change", ["disabled", "removed", "other client", "other issuer"])
def test_p_69_configuration_that_was_changed_meanwhile_signs_nobody_in(
    browser: SignOn, server: AuthorizationServer, alice: Person, change: str
) -> None:
    assign()
    row = configured(server, default_role=alice.role)
    url = browser.respond("alice")
    match change:
        case "disabled":
            row.enabled = False
            row.save()
        case "removed":
            row.delete()
        case "other client":
            row.client_id = "other"
            row.save()
        case _:
            row.issuer = "https://evil.example"
            row.save()
    answer = browser.open(url)
    assert (answer.status_code, signed_in(browser)) == (422, None)
    assert "not set up for this address" in text_of(answer)


def test_p_70_configuration_disabled_while_the_provider_responds_signs_nobody_in(
    browser: SignOn, server: AuthorizationServer, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    assign()
    row = configured(server, default_role=alice.role)

    def verify_and_disable(*arguments: Any, **named: Any) -> Any:
        type(row).objects.update(enabled=False)
        return verify_id_token(*arguments, **named)

    monkeypatch.setattr(f"{ceremony.__name__}.verify_id_token", verify_and_disable)
    refused(browser, browser.sign_in("alice"), "single_sign_on_unknown")


def test_p_71_claims_give_only_roles_that_were_configured(
    browser: SignOn, server: AuthorizationServer, alice: Person, bob: Person
) -> None:
    assign()
    assert alice.role is not None
    assert bob.role is not None
    configured(server, role_claim="groups", role_values=[["administrators", alice.role.pk], ["staff", bob.role.pk]])
    for groups, role in (
        (["staff"], bob.role),
        (["administrators"], alice.role),
        (["staff", "administrators"], alice.role),
        ("staff", bob.role),
    ):
        server.set_people({"new": PEOPLE["bob"] | {"email": "new@acme.example", "groups": groups}})
        browser = SignOn(server)
        browser.sign_in("new")
        assert signed_in(browser) == "new@acme.example"
        assert Person.objects.get(email="new@acme.example").role == role
    assert event("role_changed").changes == {"role": [alice.role.name, bob.role.name]}
    others: tuple[object, ...] = (
        [],
        ["Administrators"],
        ["administrators "],
        [["administrators"]],
        {"administrators": True},
        alice.role.name,
        str(alice.role.pk),
        [alice.role.pk],
    )
    for other in others:
        server.set_people({"new": PEOPLE["bob"] | {"email": "new@acme.example", "groups": other}})
        browser = SignOn(server)
        refused(browser, browser.sign_in("new"), "no_role")
        SignInThrottle.objects.all().delete()


def test_p_72_role_of_another_organization_is_never_given(
    browser: SignOn, server: AuthorizationServer, alice: Person, charlie: Person
) -> None:
    """A row that the commands never write."""
    assign()
    assert charlie.role is not None
    configured(server, role_claim="groups", role_values=[["staff", charlie.role.pk]])
    refused(browser, browser.sign_in("bob"), "no_role")


def test_p_73_last_full_administrator_is_never_demoted(
    browser: SignOn, server: AuthorizationServer, alice: Person, bob: Person
) -> None:
    assign()
    assert bob.role is not None
    configured(server, role_claim="groups", role_values=[["staff", bob.role.pk]])
    linked(alice, server, "alice")
    browser.sign_in("alice")
    assert (signed_in(browser), Person.objects.get(pk=alice.pk).role) == (alice.email, alice.role)

    people.administrator("second", "acme", *Permission)
    SignOn(server).sign_in("alice")
    assert Person.objects.get(pk=alice.pk).role == bob.role


@pytest.mark.parametrize(
    "issuer",
    [
        "https://127.0.0.1", "https://localhost:1", "https://10.0.0.1", "https://169.254.169.254", "https://[::1]",
        "https://2130706433", "https://0177.0.0.1", "https://metadata.internal", "https://login.acme.example:22",
    ],
)  # fmt: skip
def test_p_75_issuer_inside_the_network_is_never_asked(
    browser: SignOn, server: AuthorizationServer, settings: Settings, alice: Person, issuer: str
) -> None:
    changes = {"jwks_allowed_networks": (), "jwks_allowed_ports": frozenset({443, 1})}
    settings.WATCHWORD = settings.WATCHWORD.model_copy(update=changes)
    configured(server, default_role=alice.role, issuer=issuer)
    answer = browser.portal.get("/sign-in/single-sign-on", {"organization": "acme"})
    assert "could not be reached" in refused(browser, answer, "provider_not_found")
