"""`watchword export`, `plan` and `apply` against the management API."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kit import api_access, registrations
from kit.key_server import answers
from kit.registrations import fields
from kit.remote_portal import KEY, access_token
from watchword.cli import output
from watchword.cli.remote import plans
from watchword.cli.remote.session import connected
from watchword.client.applying import apply_steps
from watchword.client.management_api import ManagementApi
from watchword.client.plan_output import plan_json
from watchword.client.planning import plan as make_plan
from watchword.client.problems import ApiFailed, ApiRefused
from watchword.client.registration import CONFIRMATIONS, FIELDS
from watchword.client.servers_file import read_servers_file
from watchword.control.api.server_models import ServerRegistration
from watchword.control.servers.commands import DeleteServer, EditServer, EnableServer
from watchword.control.servers.models import AuthorizationServer

if TYPE_CHECKING:
    from kit.remote_portal import RemotePortal

pytestmark = pytest.mark.enable_socket

FILE = Path("servers.yaml")


def plan(portal: RemotePortal) -> list[str]:
    return portal.ok("plan", "-f", str(FILE)).stdout.splitlines()


def test_exported_servers_need_no_change(portal: RemotePortal) -> None:
    portal.add("ProdOkta", "--issuer", "https://acme.example", "--description", "no: yes\n")
    portal.add("Backup", "--confirm-any-token")
    portal.ok("servers", "enable", "ProdOkta")
    file = portal.export(FILE)
    assert file.startswith("organization: acme\nenabled_server: ProdOkta\nservers:\n")
    for command in ("plan", "apply"):
        outcome = portal.ok(command, "-f", str(FILE), "--detailed-exitcode")
        assert outcome.stdout == "Nothing to do: the registered servers are those of the file.\n"


def test_file_is_applied_once(portal: RemotePortal) -> None:
    FILE.write_text(
        f"""\
enabled_server: ProdOkta
servers:
  - name: ProdOkta
    jwks_location: {portal.keys.location}
    issuer: https://acme.example
    audience: null
    client_id: null
"""
    )
    assert portal.run("plan", "-f", str(FILE), "--detailed-exitcode").exit_code == 2
    outcome = portal.run("apply", "-f", str(FILE), "--detailed-exitcode")
    assert outcome.exit_code == 2
    assert outcome.stdout.splitlines()[-2:] == [
        "> enabled server: none → ProdOkta",
        "Plan: 1 to add, another enabled server.",
    ]
    assert "[1/2] + add ProdOkta" in outcome.stderr
    server = AuthorizationServer.objects.get()
    assert (server.name, server.enabled, server.issuer) == ("ProdOkta", True, "https://acme.example")
    assert portal.run("apply", "-f", str(FILE), "--detailed-exitcode").exit_code == 0


Contents = dict[str, object]


def edit_in_portal(choice: random.Random) -> None:
    """One change that an administrator makes there."""
    server = choice.choice(list(AuthorizationServer.objects.order_by("created_at")))
    if not server.enabled and choice.random() < 0.2:
        EnableServer(organization_id="acme", server_id=server.pk).run(registrations.ALICE)
        return
    typed = fields(
        enabled=server.enabled,
        name=choice.choice([server.name, f"Renamed{choice.randrange(10**6)}"]),
        description=choice.choice(["", "null", "0123", 'a "quoted": text', "two\nlines"]),
        jwks_location=server.jwks_location,
        verify_certificate=server.verify_certificate,
        issuer=choice.choice(["https://acme.example", "no", "~"]),
        audience=choice.choice(["", "1e3", "https://api.example"]),
        client_id=choice.choice(["", "true", "-"]),
        accepts_bound_tokens=choice.random() < 0.5,
    )
    edit = EditServer(organization_id="acme", server_id=server.pk, expected_version=server.version, fields=typed)
    edit.run(registrations.ALICE)


def contents() -> dict[str, Contents]:
    """The servers by id, the oldest first."""
    names = (
        "name",
        "description",
        "jwks_location",
        "issuer",
        "audience",
        "client_id",
        "accepts_bound_tokens",
        "enabled",
    )
    servers = AuthorizationServer.objects.order_by("created_at")
    return {str(server.pk): {name: getattr(server, name) for name in names} for server in servers}


def wanted_changes(now: dict[str, Contents], before: dict[str, Contents]) -> dict[str, dict[str, Contents]]:
    """What a plan must show to get from one to the other, except which server is enabled."""
    return {
        server: changed
        for server in before
        if (
            changed := {
                name: {"before": now[server][name], "after": value}
                for name, value in before[server].items()
                if name != "enabled" and now[server][name] != value
            }
        )
    }


def enabled(servers: dict[str, Contents]) -> object:
    return next((server["name"] for server in servers.values() if server["enabled"]), None)


def test_hundred_edits_in_the_portal_are_planned_exactly_and_undone(portal: RemotePortal) -> None:
    portal.add("ProdOkta", "--issuer", "https://acme.example")
    portal.add("Backup", "--issuer", "https://acme.example")
    portal.ok("servers", "enable", "ProdOkta")
    portal.export(FILE)
    wanted = read_servers_file(FILE.read_bytes(), file="servers.yaml")
    choice = random.Random(15)  # noqa: S311 - the same edits in each run.
    before = contents()
    with connected() as (api, _):
        for _number in range(100):
            edit_in_portal(choice)
            now = contents()
            steps = plan_json(make_plan(api.servers(), wanted))["steps"]
            changes = {step["id"]: step["fields"] for step in steps if step["action"] == "change"}
            assert changes == wanted_changes(now, before)
            switches = [(step["before"], step["after"]) for step in steps if step["action"] == "enable"]
            moved = [one["enabled"] for one in now.values()] != [one["enabled"] for one in before.values()]
            assert switches == ([(enabled(now), enabled(before))] if moved else [])
    portal.ok("apply", "-f", str(FILE), "--yes")
    assert contents() == before


def test_deleted_server_is_registered_again(portal: RemotePortal) -> None:
    portal.add("ProdOkta", "--issuer", "https://acme.example")
    portal.ok("servers", "enable", "ProdOkta")
    portal.export(FILE)
    (server,) = AuthorizationServer.objects.all()
    DeleteServer(organization_id="acme", server_id=server.pk).run(registrations.ALICE)
    assert plan(portal)[0] == "+ add ProdOkta"
    portal.ok("apply", "-f", str(FILE))
    again = AuthorizationServer.objects.get()
    assert (again.name, again.issuer, again.enabled) == ("ProdOkta", "https://acme.example", True)
    assert plan(portal) == ["Nothing to do: the registered servers are those of the file."]


def test_file_confirms_what_an_administrator_confirmed(portal: RemotePortal) -> None:
    portal.add("ProdOkta", "--confirm-any-token")
    portal.ok("servers", "enable", "ProdOkta", "--confirm-any-token")
    assert "confirm_any_token: true" in portal.export(FILE)
    portal.ok("servers", "delete", "ProdOkta", "--yes")
    portal.ok("apply", "-f", str(FILE))
    assert AuthorizationServer.objects.get().enabled


def test_client_and_api_know_the_same_members() -> None:
    assert {*ServerRegistration.model_fields} == {*FIELDS, *CONFIRMATIONS}


def test_both_servers_are_replaced(portal: RemotePortal) -> None:
    portal.add("A", "--issuer", "https://acme.example")
    portal.add("B", "--issuer", "https://acme.example")
    portal.ok("servers", "enable", "A")
    file = portal.export(FILE)
    new = "\n".join(line for line in file.splitlines() if "  id: " not in line and "- id: " not in line)
    new = (
        new.replace("    name: A", "  - name: C")
        .replace("    name: B", "  - name: D")
        .replace("server: A", "server: D")
    )
    FILE.write_text(f"{new}\n")
    portal.ok("apply", "-f", str(FILE), "--yes")
    assert {(server.name, server.enabled) for server in AuthorizationServer.objects.all()} == {
        ("C", False),
        ("D", True),
    }


def test_loss_needs_a_confirmation(portal: RemotePortal) -> None:
    portal.add("ProdOkta", "--issuer", "https://acme.example")
    FILE.write_text("enabled_server: null\nservers: []\n")
    outcome = portal.run("apply", "-f", str(FILE))
    assert outcome.exit_code == 1
    assert "! Deletes ProdOkta with its signing keys and key history." in outcome.stderr
    assert "at a terminal, or --yes." in outcome.stderr
    assert AuthorizationServer.objects.count() == 1
    portal.ok("apply", "-f", str(FILE), "--yes")
    assert AuthorizationServer.objects.count() == 0


def test_refused_value_is_reported_at_its_line(portal: RemotePortal) -> None:
    portal.add("ProdOkta", "--issuer", "https://acme.example")
    file = portal.export(FILE)
    # Whose keys sign tokens for everybody is known to the portal alone.
    shared = "https://www.googleapis.com/oauth2/v3/certs"
    FILE.write_text(file.replace(portal.keys.location, shared))
    outcome = portal.run("apply", "-f", str(FILE))
    assert outcome.exit_code == 1
    line = next(number for number, text in enumerate(file.splitlines(), start=1) if "audience:" in text)
    assert f"  servers.yaml:{line}:5: " in outcome.stderr
    assert "Error: servers.yaml:4:5: " in outcome.stderr
    assert "Unprocessable" not in outcome.stderr
    assert "Request id: " in outcome.stderr
    assert outcome.stderr.endswith("Nothing was changed.\n")


def entry_of(name: str, location: str, more: str = "") -> str:
    return f"""\
  - name: {name}
    jwks_location: {location}
    issuer: https://{name.lower()}.example
    audience: null
    client_id: null
{more}"""


def test_failed_step_leaves_those_before_it_done(portal: RemotePortal) -> None:
    portal.add("ProdOkta", "--issuer", "https://acme.example")
    file = portal.export(FILE).replace('description: ""', "description: new")
    FILE.write_text(file + entry_of("Other", portal.keys.location))
    portal.keys.behaviour = answers(500)
    outcome = portal.run("apply", "-f", str(FILE))
    assert outcome.exit_code == 1
    assert "Step 2 of 2 failed; the steps before it are done." in outcome.stderr
    assert AuthorizationServer.objects.get().description == "new"


def two_servers(portal: RemotePortal) -> str:
    for name in ("First", "Second"):
        portal.add(name, "--issuer", "https://acme.example")
    portal.ok("servers", "enable", "First")
    return portal.export(FILE)


def names() -> list[tuple[str, bool]]:
    return list(AuthorizationServer.objects.order_by("created_at").values_list("name", "enabled"))


def test_unusable_key_source_changes_nothing(portal: RemotePortal) -> None:
    two_servers(portal)
    location = portal.keys.location
    portal.keys.behaviour = answers(500)
    FILE.write_text(f"enabled_server: A\nservers:\n{entry_of('A', location)}{entry_of('B', location)}")
    outcome = portal.run("apply", "-f", str(FILE), "--yes")
    assert outcome.exit_code == 1
    assert "servers.yaml:4:5: No keys can be fetched from jwks_location." in outcome.stderr
    assert "servers.yaml:9:5: No keys can be fetched from jwks_location." in outcome.stderr
    assert names() == [("First", True), ("Second", False)]


def test_enabled_server_is_replaced_in_its_place(portal: RemotePortal) -> None:
    file = two_servers(portal)
    second = file.partition("servers:\n")[2].partition("  - id: ")[2].partition("  - id: ")[2]
    new = entry_of("Third", portal.keys.location)
    FILE.write_text(f"enabled_server: Third\nservers:\n{new}  - id: {second}")
    lines = plan(portal)
    assert lines[0] == "~ change First"
    assert "! First (now Third) is the enabled server: tokens with the present issuer are refused from now on." in lines
    portal.ok("apply", "-f", str(FILE), "--yes")
    assert names() == [("Third", True), ("Second", False)]
    assert plan(portal) == ["Nothing to do: the registered servers are those of the file."]


def test_unknown_role_is_refused_by_plan_where_roles_can_be_read(
    portal: RemotePortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = entry_of("Other", portal.keys.location, "    required_role: Missing\n")
    FILE.write_text(f"enabled_server: null\nservers:\n{entry}")
    outcome = portal.run("plan", "-f", str(FILE))
    assert outcome.exit_code == 1
    assert 'servers.yaml:8:5: There is no API role "Missing".' in outcome.stderr
    api_access.api_role("Reader", authorization_servers="view")
    monkeypatch.setenv("WATCHWORD_API_KEY", api_access.api_key("Reader", name="reader").secret)
    assert plan(portal)[0] == "+ add Other"
    monkeypatch.setenv("WATCHWORD_API_KEY", api_access.api_key(name="second").secret)
    FILE.write_text(FILE.read_text().replace("Missing", "Reader"))
    assert plan(portal)[0] == "+ add Other"


def test_change_of_the_enabled_server_is_asked_about(portal: RemotePortal) -> None:
    two_servers(portal)
    FILE.write_text(FILE.read_text().replace("audience: null", "audience: https://api.example", 1))
    loss = "First is the enabled server: tokens without this audience are refused from now on."
    assert f"! {loss}" in plan(portal)
    assert f"! {loss}" in portal.run("apply", "-f", str(FILE)).stderr
    edited = portal.run("servers", "edit", "First", "--audience", "https://api.example")
    assert edited.exit_code == 1
    assert f"! {loss}" in edited.stderr
    assert AuthorizationServer.objects.get(name="First").audience is None
    portal.ok("servers", "edit", "Second", "--audience", "https://api.example")
    portal.ok("apply", "-f", str(FILE), "--yes")
    assert AuthorizationServer.objects.get(name="First").audience == "https://api.example"


@pytest.mark.parametrize("what", ["changed", "deleted", "added"])
def test_nothing_is_done_if_a_server_was_changed_at_the_question(
    portal: RemotePortal, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    portal.add("ProdOkta", "--issuer", "https://acme.example")
    portal.ok("servers", "enable", "ProdOkta")
    FILE.write_text("enabled_server: null\nservers: []\n")

    def meanwhile(*_: object, **__: object) -> None:
        if what == "changed":
            AuthorizationServer.objects.update(version=7)
        elif what == "deleted":
            AuthorizationServer.objects.all().delete()
        else:
            registrations.add(KEY, name="Other", enabled=False)

    monkeypatch.setattr(plans, "ask_before", meanwhile)
    outcome = portal.run("apply", "-f", str(FILE), "--yes")
    assert outcome.exit_code == 1
    name = "Other" if what == "added" else "ProdOkta"
    assert outcome.stderr == f"Error: {name} was {what} after the plan was made. Run apply again.\n"
    assert AuthorizationServer.objects.filter(enabled=True).exists() == (what != "deleted")


def test_step_whose_answer_is_lost_is_reported_as_unknown(
    portal: RemotePortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    FILE.write_text("enabled_server: null\nservers: []\n")
    portal.add("ProdOkta", "--issuer", "https://acme.example")

    def answer_is_lost(*_: object, **__: object) -> None:
        raise ApiFailed("The connection broke off.")

    monkeypatch.setattr(ManagementApi, "delete", answer_is_lost)
    outcome = portal.run("apply", "-f", str(FILE), "--yes")
    assert outcome.exit_code == 1
    assert "Error: servers.yaml:2:1: The connection broke off.\n" in outcome.stderr
    assert outcome.stderr.endswith("It is unknown whether step 1 of 1 was done: run `watchword plan`.\n")


def test_refused_registration_is_reported_at_the_line_of_its_location(portal: RemotePortal) -> None:
    portal.keys.behaviour = answers(500)
    FILE.write_text(
        f"""\
enabled_server: null
servers:
  - name: ProdOkta
    jwks_location: {portal.keys.location}
    issuer: x
    audience: null
    client_id: null
"""
    )
    outcome = portal.run("apply", "-f", str(FILE))
    assert "Error: servers.yaml:3:5: " in outcome.stderr
    assert "  servers.yaml:4:5: " in outcome.stderr


def test_file_for_another_organization_is_refused(portal: RemotePortal) -> None:
    FILE.write_text("organization: globex\nenabled_server: null\nservers: []\n")
    outcome = portal.run("plan", "-f", str(FILE))
    assert outcome.exit_code == 1
    assert "servers.yaml:1:1: This file is for globex, but the login is for acme." in outcome.stderr


@pytest.mark.parametrize("detailed", [[], ["--detailed-exitcode"]])
def test_unusable_file_is_an_error_with_status_1(portal: RemotePortal, detailed: list[str]) -> None:
    FILE.write_text("enabled_server: null\nservers: []\nservers: []\n")
    outcome = portal.run("plan", "-f", str(FILE), *detailed)
    assert (outcome.exit_code, outcome.stderr) == (
        1, "Error: servers.yaml:3:1: “servers” stands here a second time, after line 2.\n"
    )  # fmt: skip
    assert portal.run("plan", "-f", "missing.yaml", *detailed).exit_code == 1


def test_file_can_come_from_standard_input(portal: RemotePortal) -> None:
    outcome = portal.ok("plan", "-f", "-", stdin="enabled_server: null\nservers: []\n")
    assert outcome.stdout.startswith("Nothing to do")
    assert "<stdin>:1:1: " in portal.run("plan", "-f", "-", stdin="[]").stderr


def test_role_that_may_only_read_can_plan_but_not_export_hidden_values(
    portal: RemotePortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal.ok(
        "servers",
        "add",
        "ProdOkta",
        "--jwks-location",
        f"{portal.keys.location}?key=s3cret",
        "--issuer",
        "https://a.example",
    )
    portal.export(FILE)
    api_access.api_role("Reader", authorization_servers="view")
    monkeypatch.setenv("WATCHWORD_API_KEY", api_access.api_key("Reader", name="reader").secret)
    assert plan(portal) == ["Nothing to do: the registered servers are those of the file."]
    assert "hides parts of a JWKS location" in portal.run("export").stderr
    FILE.write_text(FILE.read_text().replace("https://a.example", "https://b.example"))
    assert "403" in portal.run("apply", "-f", str(FILE)).stderr


def test_change_that_was_made_after_the_plan_is_not_overwritten(portal: RemotePortal) -> None:
    portal.add("ProdOkta", "--issuer", "https://acme.example")
    file = portal.export(FILE).replace('"https://acme.example"', "https://other.example")
    with connected() as (api, _):
        planned = make_plan(api.servers(), read_servers_file(file.encode(), file="f"))
        portal.ok("servers", "edit", "ProdOkta", "--description", "changed meanwhile")
        with pytest.raises(ApiRefused) as refused:
            list(apply_steps(planned, api))
    assert (refused.value.status, refused.value.reason) == (412, "version_stale")
    server = AuthorizationServer.objects.get()
    assert (server.issuer, server.description) == ("https://acme.example", "changed meanwhile")


def test_enabled_server_that_was_edited_after_the_plan_stays_enabled(portal: RemotePortal) -> None:
    portal.add("ProdOkta", "--issuer", "https://acme.example")
    portal.ok("servers", "enable", "ProdOkta")
    with connected() as (api, _):
        planned = make_plan(api.servers(), read_servers_file(b"enabled_server: null\nservers: []\n", file="f"))
        portal.ok("servers", "edit", "ProdOkta", "--description", "changed meanwhile")
        with pytest.raises(ApiRefused) as refused:
            list(apply_steps(planned, api))
    assert (refused.value.status, refused.value.reason) == (412, "version_stale")
    assert AuthorizationServer.objects.get().enabled


def test_change_between_two_steps_is_reported_without_saying_that_nothing_was_changed(
    portal: RemotePortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal.add("ProdOkta", "--issuer", "https://acme.example")
    FILE.write_text("enabled_server: null\nservers: []\n")
    monkeypatch.setattr(plans, "check_unchanged", lambda *_: AuthorizationServer.objects.update(version=7))
    outcome = portal.run("apply", "-f", str(FILE), "--yes")
    assert "A server was changed after the plan was made. Run apply again.\n" in outcome.stderr
    assert "If-Match" not in outcome.stderr


def test_server_that_was_enabled_after_the_plan_stays_enabled(
    portal: RemotePortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal.add("First", "--issuer", "https://acme.example")
    portal.add("Second", "--issuer", "https://acme.example")
    FILE.write_text(portal.export(FILE).replace("enabled_server: null", "enabled_server: First"))

    def meanwhile(*_: object, **__: object) -> None:
        EnableServer(organization_id="acme", server_id=AuthorizationServer.objects.get(name="Second").pk).run(
            registrations.ALICE
        )

    # After the plan was shown.
    monkeypatch.setattr(plans, "ask_before", meanwhile)
    outcome = portal.run("apply", "-f", str(FILE))
    assert outcome.exit_code == 1
    assert outcome.stderr == "Error: Second was changed after the plan was made. Run apply again.\n"
    assert AuthorizationServer.objects.get(enabled=True).name == "Second"


def replacement(portal: RemotePortal) -> None:
    portal.add("Old", "--issuer", "https://acme.example", "--audience", "https://api.example/")
    portal.ok("servers", "enable", "Old")
    file = portal.export(FILE)
    without_id = "\n".join(line for line in file.splitlines() if not line.startswith("  - id: "))
    new = without_id.replace("    name: Old", "  - name: New").replace("server: Old", "server: New")
    FILE.write_text(new.replace('"https://acme.example"', "https://new.example") + "\n")


def test_caller_is_warned_before_it_locks_itself_out(portal: RemotePortal, monkeypatch: pytest.MonkeyPatch) -> None:
    replacement(portal)
    monkeypatch.setenv("WATCHWORD_API_KEY", access_token())
    refused = portal.run("apply", "-f", str(FILE))
    assert refused.exit_code == 1
    assert "Nothing was changed. Your own access token is one of the enabled server" in refused.stderr
    assert portal.run("apply", "-f", str(FILE), "--yes").exit_code == 1
    assert AuthorizationServer.objects.get().name == "Old"
    locked_out = portal.run("apply", "-f", str(FILE), "--yes", "--lose-own-access")
    assert locked_out.exit_code == 1
    assert "Step 3 of 3 failed; the steps before it are done." in locked_out.stderr
    assert access_token()[:20] not in locked_out.stderr + locked_out.stdout
    assert AuthorizationServer.objects.get(enabled=True).name == "New"


def test_api_key_does_the_same_without_a_warning(portal: RemotePortal) -> None:
    replacement(portal)
    outcome = portal.ok("apply", "-f", str(FILE), "--yes")
    assert "Your own access token" not in outcome.stderr
    assert [server.name for server in AuthorizationServer.objects.all()] == ["New"]


@pytest.mark.parametrize(("answer", "left"), [("y\n", 0), ("n\n", 1), ("", 1)])
def test_person_at_a_terminal_is_asked(
    portal: RemotePortal, monkeypatch: pytest.MonkeyPatch, answer: str, left: int
) -> None:
    monkeypatch.setattr(output, "at_terminal", lambda: True)
    portal.add("ProdOkta", "--issuer", "https://acme.example")
    FILE.write_text("enabled_server: null\nservers: []\n")
    outcome = portal.run("apply", "-f", str(FILE), stdin=answer)
    assert "Go on? [y/N]: " in outcome.stderr
    assert (AuthorizationServer.objects.count(), outcome.exit_code) == (left, left)
    assert ("Aborted" in outcome.stderr, "Nothing was changed." in outcome.stderr) == (False, left == 1)
