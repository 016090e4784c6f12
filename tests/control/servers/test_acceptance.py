"""Whose tokens a registration accepts: what the table of shared servers asks for, and what nobody is (M-06).

Each row says who could get such a token.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from kit import registrations
from kit.registrations import ALICE, CHARLIE, LOCATION, add, events, fields, receipt
from watchword.control.base.refusals import Refusal
from watchword.control.servers.acceptance import Acceptance, AcceptedTokens
from watchword.control.servers.commands import AddServer, EditServer, EnableServer
from watchword.control.servers.models import AuthorizationServer
from watchword.control.servers.queries import list_servers
from watchword.control.servers.shared_servers import SHARED_SERVERS, AudienceIs, shared_server, shared_server_at

if TYPE_CHECKING:
    from collections.abc import Callable

GOOGLE = "https://www.googleapis.com/oauth2/v3/certs"
FIREBASE = "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com"
COMMON = "https://login.microsoftonline.com/common/discovery/v2.0/keys"
ORGANIZATIONS = "https://login.microsoftonline.com/organizations/discovery/v2.0/keys"
DIRECTORY = "8c9a1f52-3a0e-4a52-9d3c-0d8f3d1f2b11"
TENANT = f"https://login.microsoftonline.com/{DIRECTORY}/discovery/v2.0/keys"
PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad"
GITHUB = "https://token.actions.githubusercontent.com/.well-known/jwks"
GITLAB = "https://gitlab.com/oauth/discovery/keys"
APPLE = "https://appleid.apple.com/auth/keys"

OWN, ANY, ANYBODY, EVERYBODY = Acceptance.OWN, Acceptance.ANY, Acceptance.ANYBODY, Acceptance.EVERYBODY
BLANK = {"audience": "", "issuer": "", "client_id": ""}


def whose(location: str, **typed: str) -> Acceptance:
    return AcceptedTokens.of(location, **{**BLANK, **typed}).whose


@pytest.mark.parametrize(
    ("location", "typed", "expected"),
    [
        # A server of the organization's own: any one value will do, none takes a knowing yes.
        (LOCATION, {}, ANY),
        (LOCATION, {"audience": "https://api.example/"}, OWN),
        (LOCATION, {"issuer": "https://login.acme.example/"}, OWN),
        (LOCATION, {"client_id": "acme-batch"}, Acceptance.OTHER_SERVICES),
        # Google: one issuer for everybody, and a service account of anybody chooses its audience.
        (GOOGLE, {}, EVERYBODY),
        (GOOGLE, {"issuer": "https://accounts.google.com"}, EVERYBODY),
        (GOOGLE, {"client_id": "acme-batch"}, EVERYBODY),
        (GOOGLE, {"issuer": "https://accounts.google.com", "client_id": "acme-batch"}, EVERYBODY),
        (GOOGLE, {"audience": "acme.apps.googleusercontent.com"}, ANYBODY),
        # Firebase: the issuer names the project, while its owner may write a client_id into its tokens.
        (FIREBASE, {"issuer": "https://securetoken.google.com/acme-prod-1"}, OWN),
        (FIREBASE, {"issuer": "https://securetoken.google.com/"}, EVERYBODY),
        (FIREBASE, {"issuer": "https://securetoken.google.com/acme-prod-1/x"}, EVERYBODY),
        (FIREBASE, {"client_id": "acme-batch"}, EVERYBODY),
        # Microsoft Entra ID: the directory's issuer, or what an application is registered with.
        *((location, {}, EVERYBODY) for location in (COMMON, ORGANIZATIONS, TENANT)),
        (COMMON, {"issuer": f"https://login.microsoftonline.com/{DIRECTORY}/v2.0"}, OWN),
        (ORGANIZATIONS, {"issuer": f"https://sts.windows.net/{DIRECTORY}/"}, OWN),
        (COMMON, {"audience": "api://8c9a1f52-3a0e-4a52-9d3c-0d8f3d1f2b11"}, OWN),
        (COMMON, {"client_id": "8c9a1f52-3a0e-4a52-9d3c-0d8f3d1f2b11"}, OWN),
        # No token has these issuers, or those of everybody who has a personal account have it.
        (COMMON, {"issuer": "https://login.microsoftonline.com/common/v2.0"}, EVERYBODY),
        (COMMON, {"issuer": "https://login.microsoftonline.com/organizations/v2.0"}, EVERYBODY),
        (COMMON, {"issuer": "https://login.microsoftonline.com/{tenantid}/v2.0"}, EVERYBODY),
        (COMMON, {"issuer": f"https://login.microsoftonline.com/{PERSONAL}/v2.0"}, EVERYBODY),
        (COMMON, {"issuer": f"https://login.microsoftonline.com.evil.example/{DIRECTORY}/v2.0"}, EVERYBODY),
        # The national clouds.
        ("https://login.microsoftonline.us/common/discovery/v2.0/keys", {}, EVERYBODY),
        ("https://login.partner.microsoftonline.cn/common/discovery/v2.0/keys", {}, EVERYBODY),
        (
            "https://login.microsoftonline.us/common/discovery/v2.0/keys",
            {"issuer": f"https://login.microsoftonline.us/{DIRECTORY}/v2.0"},
            OWN,
        ),
        # GitHub Actions: a workflow of anybody chooses its audience, and no claim names a client.
        (GITHUB, {"audience": "https://api.example/"}, ANYBODY),
        (GITHUB, {"client_id": "acme"}, EVERYBODY),
        (GITHUB, {"issuer": "https://token.actions.githubusercontent.com"}, EVERYBODY),
        (GITHUB, {"issuer": "https://token.actions.githubusercontent.com/"}, EVERYBODY),
        (GITHUB, {**BLANK, "audience": "x", "client_id": "y", "issuer": "z"}, ANYBODY),
        (GITHUB, {"issuer": "https://token.actions.githubusercontent.com/acme"}, OWN),
        # GitLab.com: the same, and an enterprise has no issuer of its own.
        (GITLAB, {"audience": "https://api.example/"}, ANYBODY),
        (GITLAB, {"issuer": "https://gitlab.com", "client_id": "y"}, EVERYBODY),
        # Who signs people in for registered applications: the audience is the application.
        (APPLE, {"audience": "com.acme.orders"}, OWN),
        (APPLE, {"issuer": "https://appleid.apple.com"}, EVERYBODY),
        (APPLE, {"client_id": "com.acme.orders"}, EVERYBODY),
    ],
)
def test_m06_whose_tokens_are_accepted(location: str, typed: dict[str, str], expected: Acceptance) -> None:
    assert whose(location, **typed) is expected


@pytest.mark.parametrize(
    "host",
    [
        "www.googleapis.com",
        "WWW.GoogleApis.Com",
        "login.microsoftonline.com",
        "login.microsoftonline.com.",
        "token.actions.githubusercontent.com",
        "gitlab.com",
    ],
)
def test_m06_table_matches_every_spelling_of_the_host(host: str) -> None:
    assert shared_server(host) is not None
    assert shared_server_at(f"https://{host}/%6beys?x=y") is shared_server(host)


@pytest.mark.parametrize(
    "host",
    [
        "gitlab.acme.example",
        "gitlab.com.acme.example",
        "notgitlab.com",
        "acme.okta.com",
        "acme.eu.auth0.com",
        "cognito-idp.eu-west-1.amazonaws.com",
        "acme.b2clogin.com",
        "acme.ciamlogin.com",
    ],
)
def test_another_host_is_not_shared(host: str) -> None:
    assert shared_server_at(f"https://{host}/keys") is None


@pytest.mark.parametrize(
    "typed", ["", "nonsense", "http://gitlab.com/keys", "https://[::1/keys", "https://u:p@gitlab.com/"]
)
def test_invalid_location_is_no_shared_server(typed: str) -> None:
    assert shared_server_at(typed) is None


def test_table_of_shared_servers_is_complete() -> None:
    for shared in SHARED_SERVERS:
        assert all(host == host.lower().rstrip(".") for host in shared.hosts)
        assert shared.reason.endswith(".")
        assert shared.remedy.endswith(".")
        assert (shared.chosen != "") == (shared.audience is AudienceIs.CHOSEN)
    hosts = [host for shared in SHARED_SERVERS for host in shared.hosts]
    assert len(hosts) == len(set(hosts))


def test_list_warns_for_each_kind_of_acceptance() -> None:
    def short(location: str, **typed: str) -> str | None:
        warning = AcceptedTokens.of(location, **{**BLANK, **typed}).warning
        return None if warning is None else warning.short

    assert short(LOCATION) == "Every token this server signs is accepted"
    assert short(LOCATION, client_id="x") == "Tokens this server issued for other services are accepted too"
    assert short(GOOGLE, audience="x") == "Anyone can request such a token from Google"
    assert short(GITLAB, client_id="x") == "Every token that GitLab.com signs is accepted"
    assert short(LOCATION, issuer="x") is None


# ------------------------------------------------------------------------------------------------ enforced by commands


@pytest.fixture
def acme() -> None:
    registrations.organization("acme")


def adding(location: str = LOCATION, actor: Any = ALICE, **changes: Any) -> AddServer:
    wanted = fields(jwks_location=location, **{**BLANK, **changes})
    return AddServer(organization_id=actor.organization, fields=wanted, receipt=receipt(actor=actor, location=location))


def editing(server: AuthorizationServer, proof: str = "", **changes: Any) -> EditServer:
    stored = fields(
        jwks_location=server.jwks_location,
        audience=server.audience or "",
        issuer=server.issuer or "",
        client_id=server.client_id or "",
    )
    return EditServer(
        organization_id="acme",
        server_id=server.pk,
        expected_version=server.version,
        fields=replace(stored, **changes),
        receipt=proof,
    )


def refused(run: Callable[[], object]) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        run()
    return refusal.value


@pytest.mark.django_db
@pytest.mark.usefixtures("acme")
class TestCommands:
    def test_m06_adding_server_for_every_token_needs_recorded_confirmation(self) -> None:
        refusal = refused(lambda: adding().run(ALICE))
        assert "every token that this server signs" in refusal.field_errors["accept_any"]
        assert refused(lambda: adding(accept_anybody=True).run(ALICE)).field_errors.keys() == {"accept_any"}
        assert not AuthorizationServer.objects.exists()
        adding(accept_any=True).run(ALICE)
        (event,) = events("server_added")
        assert event.changes["accept_any"] == [None, True]

    def test_an_ordinary_registration_has_nothing_confirmed(self) -> None:
        add()
        (event,) = events("server_added")
        assert not {"accept_any", "accept_anybody"} & event.changes.keys()

    def test_m06_editing_to_accept_every_token_needs_recorded_confirmation(self) -> None:
        server = add()
        assert refused(lambda: editing(server, **BLANK).run(ALICE)).field_errors.keys() == {"accept_any"}
        editing(server, **BLANK, accept_any=True).run(ALICE)
        server.refresh_from_db()
        editing(server, audience="https://api.example/").run(ALICE)
        there, back = events("server_edited")
        assert there.changes["accept_any"] == [None, True]
        assert back.changes["accept_any"] == [True, None]

    def test_m06_leaving_all_blank_as_it_is_takes_it_again(self) -> None:
        """A window of before, or a client of the API, must not keep it so unawares."""
        adding(accept_any=True).run(ALICE)
        server = AuthorizationServer.objects.get()
        assert refused(lambda: editing(server, description="x").run(ALICE)).field_errors.keys() == {"accept_any"}

    @pytest.mark.parametrize("location", [GOOGLE, COMMON, ORGANIZATIONS, GITHUB, GITLAB])
    def test_m06_confirmation_does_not_help_at_a_server_of_the_whole_world(self, location: str) -> None:
        run = adding(location, accept_any=True, accept_anybody=True).run
        shared = shared_server_at(location)
        assert shared is not None
        assert refused(lambda: run(ALICE)).field_errors == {"expectations": f"{shared.reason} {shared.remedy}"}
        assert not AuthorizationServer.objects.exists()

    def test_m06_freely_chosen_audience_needs_its_own_confirmation(self) -> None:
        refusal = refused(lambda: adding(GOOGLE, audience="acme", accept_any=True).run(ALICE))
        assert refusal.field_errors.keys() == {"accept_anybody"}
        assert "service accounts" in refusal.field_errors["accept_anybody"]
        adding(GOOGLE, audience="acme", accept_anybody=True).run(ALICE)
        (event,) = events("server_added")
        assert event.changes["accept_anybody"] == [None, True]

    @pytest.mark.parametrize("change", [{"issuer": ""}, {"issuer": "https://login.microsoftonline.com/common/v2.0"}])
    def test_m06_edit_cannot_remove_the_distinguishing_value(self, change: dict[str, str]) -> None:
        adding(COMMON, issuer=f"https://sts.windows.net/{DIRECTORY}/").run(ALICE)
        server = AuthorizationServer.objects.get()
        assert refused(lambda: editing(server, **change).run(ALICE)).field_errors.keys() == {"expectations"}

    def test_m06_an_edit_cannot_move_to_a_server_of_the_whole_world(self) -> None:
        server = add(client_id="acme-batch", issuer="")
        run = editing(server, receipt(location=GITLAB), jwks_location=GITLAB, audience="").run
        assert refused(lambda: run(ALICE)).field_errors.keys() == {"expectations"}
        server.refresh_from_db()
        assert server.jwks_location == LOCATION

    def test_m06_enabling_server_for_every_token_needs_recorded_confirmation(self) -> None:
        adding(accept_any=True, enabled=False).run(ALICE)
        server = AuthorizationServer.objects.get()
        refusal = refused(lambda: EnableServer(organization_id="acme", server_id=server.pk).run(ALICE))
        assert (refusal.code, refusal.status) == ("tokens_of_others", 422)
        assert "every token that this server signs" in refusal.sentence
        EnableServer(organization_id="acme", server_id=server.pk, confirmed=True).run(ALICE)
        (event,) = events("server_enabled")
        assert event.changes == {"enabled": [False, True], "accept_any": [None, True]}

    def test_m06_server_added_to_the_table_later_cannot_be_enabled(self) -> None:
        server = add(enabled=False)
        AuthorizationServer.objects.update(jwks_location=GITLAB, audience=None)
        for confirmed in (False, True):
            command = EnableServer(organization_id="acme", server_id=server.pk, confirmed=confirmed)
            assert "GitLab.com" in refused(partial(command.run, ALICE)).sentence
        (row,) = list_servers("acme", timezone.now())
        assert row.acceptance is not None
        assert (row.acceptance.tone, row.must_confirm) == ("bad", False)

    def test_m06_other_organizations_do_not_matter(self) -> None:
        registrations.organization("globex")
        alone = refused(lambda: adding(accept_any=False).run(ALICE)).field_errors
        alone_at_google = refused(lambda: adding(GOOGLE).run(ALICE)).field_errors
        # Globex takes the very same locations, in every way it can.
        adding(actor=CHARLIE, accept_any=True).run(CHARLIE)
        adding(GOOGLE, actor=CHARLIE, audience="acme", accept_anybody=True, name="Google").run(CHARLIE)
        assert refused(lambda: adding(accept_any=False).run(ALICE)).field_errors == alone
        assert refused(lambda: adding(GOOGLE).run(ALICE)).field_errors == alone_at_google
        adding(accept_any=True).run(ALICE)
        adding(GOOGLE, audience="acme", accept_anybody=True, name="Google").run(ALICE)
        assert AuthorizationServer.objects.filter(organization_id="acme").count() == 2

    def test_m06_rule_needs_no_database(self) -> None:
        with CaptureQueriesContext(connection) as captured:
            assert whose(GOOGLE, audience="x") is ANYBODY
            assert whose(LOCATION) is ANY
        assert len(captured) == 0
