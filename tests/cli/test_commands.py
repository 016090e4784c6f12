"""Each command's results, exit status and sentences."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from kit import enrolled
from kit.sample_portal import session_of
from watchword.control.audit.models import AuditEvent
from watchword.control.fleet.queries import head, verifier_of_secret
from watchword.control.identity.models import AuthenticatorApp, Person, Session
from watchword.control.identity.sign_in_commands import SignIn
from watchword.control.organizations.models import Organization, Subscription, Suspension

if TYPE_CHECKING:
    from pathlib import Path

    from kit.command_line import CommandLine

PASSWORD = "a rather long sentence"


@pytest.fixture
def acme(command_line: CommandLine) -> CommandLine:
    command_line.ok("organization", "create", "acme", "--name", "Acme", "--subscription-days", "30")
    return command_line


# ---------------------------------------------------------------- organization


def test_an_organization_is_created_with_a_subscription(command_line: CommandLine) -> None:
    outcome = command_line.ok("organization", "create", "acme", "--name", "Acme", "--subscription-days", "30")
    assert outcome.stdout == "Created organization acme (Acme); API subscription: active.\n"
    subscription = Subscription.objects.get(organization_id="acme")
    assert (subscription.expires_at - subscription.starts_at).days == 30
    assert AuditEvent.objects.filter(interface="command_line", action="organization_created").count() == 1


def test_without_a_subscription_an_organization_is_inactive(command_line: CommandLine) -> None:
    row = command_line.ok("organization", "create", "globex", "--json").json()
    assert row == {
        "id": "globex",
        "name": "globex",
        "standing": "inactive",
        "starts_at": None,
        "expires_at": None,
        "enabled_server": None,
    }


def test_organization_id_cannot_be_used_twice(acme: CommandLine) -> None:
    outcome = acme.run("organization", "create", "acme")
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert outcome.stderr == "Error: The name “acme” is already taken.\n"


def test_invalid_id_is_refused_with_its_field(command_line: CommandLine) -> None:
    outcome = command_line.run("organization", "create", "Acme!")
    assert outcome.exit_code == 1
    assert "organization_id: The ID has 2 to 32 characters" in outcome.stderr
    assert not Organization.objects.exists()


@pytest.mark.parametrize("reserved", ["api", "wpad", "xn--acme"])
def test_reserved_id_is_refused_for_new_organizations_only(command_line: CommandLine, reserved: str) -> None:
    outcome = command_line.run("organization", "create", reserved)
    assert outcome.exit_code == 1
    assert "organization_id: The ID " in outcome.stderr
    assert not Organization.objects.exists()

    Organization.objects.create(id=reserved, name="Acme", created_at=datetime.now(UTC))
    assert "active" in command_line.ok("organization", "subscribe", reserved, "--expires-at", "2090-01-31").stdout


def test_a_subscription_is_renewed(acme: CommandLine) -> None:
    outcome = acme.ok("organization", "subscribe", "acme", "--expires-at", "2090-01-31")
    assert outcome.stdout.endswith("active, until 2090-01-31T00:00:00Z.\n")
    row = acme.ok(
        *("organization", "subscribe", "acme", "--starts-at", "2089-01-01T00:00:00+01:00"),
        *("--expires-at", "2090-01-31", "--api-call-threshold", "1000", "--json"),
    ).json()
    assert (row["standing"], row["starts_at"]) == ("inactive", "2088-12-31T23:00:00Z")
    assert Subscription.objects.get().api_call_threshold == 1000


def test_invalid_date_is_wrong_usage(acme: CommandLine) -> None:
    outcome = acme.run("organization", "subscribe", "acme", "--expires-at", "soon")
    assert outcome.exit_code == 2
    assert "'soon' is not a date such as 2027-01-31" in outcome.stderr


def test_organizations_are_listed(acme: CommandLine) -> None:
    assert [row["id"] for row in acme.ok("organization", "list", "--json").json()] == ["acme"]
    table = acme.ok("organization", "list").stdout
    assert re.search(r"^acme +Acme +active +\d{4}-", table, re.MULTILINE)
    assert "\x1b" not in table


def test_empty_list_names_the_command_that_creates(command_line: CommandLine) -> None:
    assert "`watchword organization create ID`" in command_line.ok("organization", "list").stdout
    assert command_line.ok("organization", "list", "--json").json() == []


def test_renewal_extends_from_the_end_or_until_a_date(acme: CommandLine) -> None:
    before = Subscription.objects.get(pk="acme")

    acme.ok("organization", "renew", "acme", "--days", "365")
    assert Subscription.objects.get(pk="acme").expires_at == before.expires_at + timedelta(days=365)

    outcome = acme.ok("organization", "renew", "acme", "--expires-at", "2999-01-01")
    assert outcome.stdout == "Organization acme; API subscription: active, until 2999-01-01T00:00:00Z.\n"
    assert Subscription.objects.get(pk="acme").starts_at == before.starts_at


def test_renewal_of_an_expired_subscription_starts_now(acme: CommandLine) -> None:
    Subscription.objects.update(starts_at=datetime(2026, 1, 1, tzinfo=UTC), expires_at=datetime(2026, 2, 1, tzinfo=UTC))

    row = acme.ok("organization", "renew", "acme", "--days", "10", "--json").json()

    assert row["standing"] == "active"
    assert abs(Subscription.objects.get().expires_at - datetime.now(UTC) - timedelta(days=10)) < timedelta(minutes=5)


def test_renewal_without_a_subscription_is_refused(command_line: CommandLine) -> None:
    command_line.ok("organization", "create", "globex")

    outcome = command_line.run("organization", "renew", "globex", "--days", "1")

    assert outcome.exit_code == 1
    assert outcome.stderr == "Error: There is no API subscription to renew or change. Set one first.\n"


@pytest.mark.parametrize("options", [(), ("--days", "1", "--expires-at", "2999-01-01")])
def test_renewal_takes_a_date_or_days_but_not_both(acme: CommandLine, options: tuple[str, ...]) -> None:
    outcome = acme.run("organization", "renew", "acme", *options)

    assert outcome.exit_code == 2
    assert "Say either --expires-at or --days." in outcome.stderr


def test_an_organization_is_suspended_and_reinstated(acme: CommandLine) -> None:
    outcome = acme.ok(
        "organization", "suspend", "acme", "--reason", "other", "--public-text", "No invoice was paid.",
        "--private-note", "Third reminder.",
    )  # fmt: skip
    suspension = Suspension.objects.get()
    assert "other reason. No invoice was paid. Tokens are rejected" in outcome.stdout
    assert suspension.reference in outcome.stdout
    assert suspension.private_note == "Third reminder."
    assert "Third reminder." not in outcome.stdout

    outcome = acme.ok("organization", "reinstate", "acme")
    assert outcome.stdout == f"Organization acme is reinstated (reference {suspension.reference}); now active.\n"


@pytest.mark.parametrize(
    ("reason", "stored"), [("threshold", "api_call_threshold_exceeded"), ("terms", "terms_violated")]
)
def test_suspend_and_reinstate_print_json(acme: CommandLine, reason: str, stored: str) -> None:
    made = acme.ok("organization", "suspend", "acme", "--reason", reason, "--json").json()
    assert Suspension.objects.get(reference=made["reference"]).reason == stored
    assert made["reference"] in made["banner"]

    assert acme.ok("organization", "reinstate", "acme", "--json").json()["standing"] == "active"


def test_other_reason_needs_a_text_and_second_reinstatement_is_refused(acme: CommandLine) -> None:
    outcome = acme.run("organization", "suspend", "acme", "--reason", "other")
    assert outcome.exit_code == 1
    assert "public_text: State the other reason." in outcome.stderr

    outcome = acme.run("organization", "reinstate", "acme")
    assert (outcome.exit_code, outcome.stderr) == (1, "Error: The organization is not suspended.\n")


# ---------------------------------------------------------------- administrator and operator


def test_an_administrator_gets_a_one_time_link(acme: CommandLine) -> None:
    outcome = acme.ok("administrator", "create", "Alice@acme.example", "--organization", "acme")
    assert re.fullmatch(r"http://127\.0\.0\.1:8080/sign-in/[\w-]{43}\n", outcome.stdout)
    assert "alice@acme.example" in outcome.stderr
    assert not Person.objects.get().has_usable_password()


def test_existing_administrator_gets_a_new_link(acme: CommandLine) -> None:
    create = ("administrator", "create", "alice@acme.example", "--organization", "acme", "--json")
    first, second = acme.ok(*create).json(), acme.ok(*create).json()
    assert first["link"] != second["link"]
    assert Person.objects.count() == 1


def test_address_of_another_organization_is_refused(acme: CommandLine) -> None:
    acme.ok("organization", "create", "globex")
    acme.ok("administrator", "create", "alice@acme.example", "--organization", "acme")
    outcome = acme.run("administrator", "create", "alice@acme.example", "--organization", "globex")
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert "already taken" in outcome.stderr
    assert acme.run("operator", "create", "alice@acme.example").exit_code == 1


def test_an_unknown_organization_has_no_administrators(command_line: CommandLine) -> None:
    assert command_line.run("administrator", "create", "alice@acme.example", "--organization", "acme").exit_code == 1


def test_an_unknown_role_is_explained(acme: CommandLine) -> None:
    outcome = acme.run("administrator", "create", "alice@acme.example", "--organization", "acme", "--role", "Auditor")
    assert outcome.exit_code == 1
    assert "There is no role “Auditor”." in outcome.stderr


def test_password_is_read_from_standard_input(acme: CommandLine) -> None:
    create = ("administrator", "create", "alice@acme.example", "--organization", "acme", "--password-stdin")
    outcome = acme.ok(*create, stdin=f"{PASSWORD}\n")
    assert outcome.stdout == "Created alice@acme.example, who signs in with the password given.\n"
    assert SignIn(email="alice@acme.example", password=PASSWORD).run(now=datetime.now(tz=UTC)) is not None


def test_a_weak_password_is_refused_with_its_reason(command_line: CommandLine) -> None:
    outcome = command_line.run("operator", "create", "bob@watchword.example", "--password-stdin", stdin="secret\n")
    assert outcome.exit_code == 1
    assert "password: A password has at least 12 characters." in outcome.stderr


def test_an_operator_belongs_to_no_organization(command_line: CommandLine) -> None:
    made = command_line.ok("operator", "create", "bob@watchword.example", "--json").json()
    assert made["organization"] is None
    assert Person.objects.get().kind == "operator"


def test_operators_are_listed_signed_out_deactivated_and_reactivated(command_line: CommandLine) -> None:
    assert "`watchword operator create EMAIL`" in command_line.ok("operator", "list").stdout
    for name in ("alice", "bob"):
        create = ("operator", "create", f"{name}@watchword.example", "--password-stdin")
        command_line.ok(*create, stdin=f"{PASSWORD}\n")
    session_of(Person.objects.get(email="bob@watchword.example"))

    assert command_line.ok("operator", "sign-out", "Bob@watchword.example", "--json").json()["signed_out"] is True
    assert not Session.objects.exists()
    assert "Signed bob@" in command_line.ok("operator", "sign-out", "bob@watchword.example").stdout
    assert "Deactivated bob@" in command_line.ok("operator", "deactivate", "bob@watchword.example").stdout
    rows = command_line.ok("operator", "list", "--json").json()
    assert [(row["email"], row["status"]) for row in rows] == [
        ("alice@watchword.example", "active"),
        ("bob@watchword.example", "deactivated"),
    ]
    table = command_line.ok("operator", "list").stdout
    assert re.search(r"^bob@watchword\.example .* deactivated", table, re.MULTILINE)

    last = command_line.run("operator", "deactivate", "alice@watchword.example")
    assert (last.exit_code, "This is the last active operator" in last.stderr) == (1, True)
    assert command_line.ok("operator", "reactivate", "bob@watchword.example", "--json").json()["active"] is True
    assert command_line.ok("operator", "deactivate", "alice@watchword.example", "--json").json()["active"] is False
    assert "Reactivated alice@" in command_line.ok("operator", "reactivate", "alice@watchword.example").stdout


def test_lost_factors_of_the_last_operator_are_reset(command_line: CommandLine) -> None:
    command_line.ok("operator", "create", "alice@watchword.example", "--password-stdin", stdin=f"{PASSWORD}\n")
    alice = Person.objects.get()
    enrolled.passkey(alice)
    enrolled.recovery_codes(alice)
    session_of(alice)
    reset = ("operator", "reset-factors", "Alice@watchword.example")

    unconfirmed = command_line.run(*reset)
    assert (unconfirmed.exit_code, alice.passkeys.count()) == (1, 1)
    assert "! All passkeys, the authenticator app and the recovery codes of alice@watchword.example are removed" in (
        unconfirmed.stderr
    )
    done = command_line.ok(*reset, "--yes")

    assert "must set up a second factor before anything else opens" in done.stdout
    assert not alice.passkeys.exists()
    assert not alice.recovery_codes.exists()
    assert not Session.objects.exists()
    assert Person.objects.get().is_active
    event = AuditEvent.objects.latest("sequence")
    assert (event.action, event.actor, event.target) == ("factors_reset", "command line", alice.email)
    assert event.changes == {"passkeys": [1, 0], "authenticator_app": [False, False], "recovery_codes": [10, 0]}
    assert command_line.ok(*reset, "--yes", "--json").json() == {
        "email": "alice@watchword.example", "factors": [], "second_factor_required": True,
    }  # fmt: skip


def test_lost_factors_of_an_administrator_are_reset_in_that_organization(acme: CommandLine) -> None:
    acme.ok("administrator", "create", "alice@acme.example", "--organization", "acme")
    alice = Person.objects.get()
    enrolled.authenticator_app(alice)
    reset = ("reset-factors", "acme", "alice@acme.example", "--yes")

    assert acme.run("administrator", "reset-factors", "globex", "alice@acme.example", "--yes").exit_code == 1
    assert acme.run("operator", "reset-factors", "alice@acme.example", "--yes").exit_code == 1
    assert AuthenticatorApp.objects.exists()
    assert "can set up another one" in acme.ok("administrator", *reset).stdout
    assert not AuthenticatorApp.objects.exists()
    assert AuditEvent.objects.latest("sequence").organization == "acme"


def test_operator_and_administrator_commands_find_only_their_own_people(acme: CommandLine) -> None:
    acme.ok("administrator", "create", "alice@acme.example", "--organization", "acme")
    acme.ok("operator", "create", "bob@watchword.example")
    for group, other in (("operator", "alice@acme.example"), ("administrator", "bob@watchword.example")):
        assert acme.run(group, "deactivate", other).exit_code == 1
    assert Person.objects.filter(is_active=True).count() == 2


def test_administrators_are_listed_with_role_and_status(acme: CommandLine) -> None:
    assert "`watchword administrator create" in acme.ok("administrator", "list", "--organization", "acme").stdout
    acme.ok("administrator", "create", "alice@acme.example", "--organization", "acme")
    rows = acme.ok("administrator", "list", "--organization", "acme", "--json").json()
    assert rows == [
        {
            "email": "alice@acme.example",
            "name": "",
            "role": "Administrator",
            "status": "invited",
            "factors": [],
            "last_sign_in": None,
        }
    ]
    create = ("administrator", "create", "alice@acme.example", "--organization", "acme", "--password-stdin")
    acme.ok(*create, stdin=f"{PASSWORD}\n")
    SignIn(email="alice@acme.example", password=PASSWORD).run(now=datetime(2026, 11, 24, tzinfo=UTC))
    table = acme.ok("administrator", "list", "--organization", "acme").stdout
    assert re.search(r"^alice@acme\.example .* active +not set up yet +2026-11-24T00:00:00Z", table, re.MULTILINE)
    enrolled.passkey(Person.objects.get())
    assert "passkey" in acme.ok("administrator", "list", "--organization", "acme").stdout
    assert acme.ok("administrator", "list", "--organization", "acme", "--json").json()[0]["factors"] == ["passkey"]


def test_an_administrator_is_deactivated_and_reactivated(acme: CommandLine) -> None:
    acme.ok("administrator", "create", "alice@acme.example", "--organization", "acme")
    assert acme.ok("administrator", "deactivate", "Alice@acme.example").stdout.startswith("Deactivated Alice@")
    assert not Person.objects.get().is_active
    assert acme.ok("administrator", "reactivate", "alice@acme.example", "--json").json()["active"] is True
    assert acme.ok("administrator", "deactivate", "alice@acme.example", "--json").json()["active"] is False
    assert acme.ok("administrator", "reactivate", "alice@acme.example").stdout.startswith("Reactivated")
    assert Person.objects.get().is_active
    assert acme.run("administrator", "deactivate", "nobody@acme.example").exit_code == 1


def test_p_09_the_command_line_recovers_an_organization(acme: CommandLine) -> None:
    create = ("administrator", "create", "alice@acme.example", "--organization", "acme", "--password-stdin")
    acme.ok(*create, stdin=f"{PASSWORD}\n")
    outcome = acme.run("administrator", "deactivate", "alice@acme.example")
    assert outcome.exit_code == 1
    assert "Give another administrator a role with every permission first" in outcome.stderr
    acme.ok("administrator", "create", "bob@acme.example", "--organization", "acme", "--password-stdin",
            stdin=f"{PASSWORD}\n")  # fmt: skip
    acme.ok("administrator", "deactivate", "alice@acme.example")
    event = AuditEvent.objects.latest("sequence")
    assert (event.organization, event.actor, event.action) == ("acme", "command line", "administrator_deactivated")


# ---------------------------------------------------------------- verifier


def test_a_verifiers_secret_is_shown_once(command_line: CommandLine) -> None:
    outcome = command_line.ok("verifier", "create", "edge-1")
    found = verifier_of_secret(outcome.stdout.strip())
    assert found is not None
    assert found.name == "edge-1"
    assert "cannot be shown again" in outcome.stderr
    assert outcome.stdout.strip() not in command_line.ok("verifier", "list", "--json").stdout


def test_verifiers_secret_is_written_to_a_private_file(command_line: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "verifier" / "credential"
    outcome = command_line.ok("verifier", "create", "edge-1", "--credential-file", str(path))
    assert verifier_of_secret(path.read_text().strip()) is not None
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text().strip() not in outcome.stdout
    as_json = command_line.ok("verifier", "create", "edge-2", "--credential-file", str(path), "--json").json()
    assert as_json == {"name": "edge-2", "credential_file": str(path)}


def test_revoked_verifier_has_no_valid_credential(command_line: CommandLine) -> None:
    secret = command_line.ok("verifier", "create", "edge-1", "--json").json()["credential"]
    assert command_line.ok("verifier", "revoke", "edge-1").stdout.startswith("Verifier edge-1 is revoked")
    assert verifier_of_secret(secret) is None
    assert command_line.ok("verifier", "list", "--json").json()[0]["revoked_at"].endswith("Z")
    assert command_line.run("verifier", "create", "edge-1").exit_code == 1


def test_verifier_gets_a_new_credential_while_the_previous_one_works(command_line: CommandLine, tmp_path: Path) -> None:
    old = command_line.ok("verifier", "create", "edge-1").stdout.strip()
    path = tmp_path / "credential"

    outcome = command_line.ok("verifier", "rotate", "edge-1", "--overlap", "2", "--credential-file", str(path))

    assert outcome.stdout == f"Verifier edge-1: its secret is in {path}.\n"
    assert "Restart the verifier if systemd" in outcome.stderr
    assert "The previous credential stays valid for 2 hours." in outcome.stderr
    new = path.read_text().strip()
    assert all(verifier_of_secret(secret) is not None for secret in (old, new))
    (row,) = command_line.ok("verifier", "list", "--json").json()
    created, until = (datetime.fromisoformat(row[name]) for name in ("credential_created_at", "previous_until"))
    assert until - created == timedelta(hours=2)
    unused = command_line.run("verifier", "revoke", "edge-1", "--previous")
    assert unused.exit_code == 1
    assert "No request has come with the new credential of verifier edge-1 yet" in unused.stderr
    assert verifier_of_secret(old) is not None
    assert verifier_of_secret(new) is not None
    outcome = command_line.ok("verifier", "revoke", "edge-1", "--previous", "--yes")
    assert outcome.stdout == "The previous credential of verifier edge-1 is revoked.\n"
    assert [verifier_of_secret(secret) is not None for secret in (old, new)] == [False, True]
    again = command_line.run("verifier", "revoke", "edge-1", "--previous")
    assert again.exit_code == 1
    assert "There is no verifier edge-1 with a previous credential" in again.stderr
    assert "There is no verifier edge-2" in command_line.run("verifier", "rotate", "edge-2").stderr
    assert command_line.run("verifier", "rotate", "edge-1", "--overlap", "169").exit_code == 2


def test_after_a_restored_backup_verifiers_start_over(command_line: CommandLine) -> None:
    before = head().epoch
    assert command_line.ok("verifier", "start-over").stdout.startswith("A new epoch has begun")
    between = head().epoch
    assert command_line.ok("verifier", "start-over", "--json").json() == {"epoch": head().epoch}
    assert len({before, between, head().epoch}) == 3


def test_unknown_verifier_cannot_be_revoked(command_line: CommandLine) -> None:
    outcome = command_line.run("verifier", "revoke", "edge-1")
    assert outcome.exit_code == 1
    assert "There is no verifier edge-1" in outcome.stderr
    command_line.ok("verifier", "create", "edge-1")
    assert command_line.ok("verifier", "revoke", "edge-1", "--json").json() == {"name": "edge-1", "revoked": True}


def test_verifiers_are_listed(command_line: CommandLine) -> None:
    assert "`watchword verifier create NAME`" in command_line.ok("verifier", "list").stdout
    command_line.ok("verifier", "create", "edge-1")
    assert "edge-1" in command_line.ok("verifier", "list").stdout


# ---------------------------------------------------------------- audit and migrate


def test_intact_audit_chain_is_verified(acme: CommandLine) -> None:
    printed = acme.ok("audit", "verify").stdout
    found = re.fullmatch(r"The chain of \d+ events is whole\.\nIts head is (\d+:[0-9a-f]{64})\n", printed)
    assert found is not None
    document = acme.ok("audit", "verify", "--json").json()
    count = AuditEvent.objects.count()
    assert document == {"whole": True, "events": count, "purged": 0, "head": found[1], "fault": None}


def test_stored_head_of_the_audit_chain_is_compared(acme: CommandLine) -> None:
    head = acme.ok("audit", "verify", "--json").json()["head"]
    acme.ok("organization", "create", "globex")
    acme.ok("audit", "verify", "--expect", head)
    sequence = head.partition(":")[0]
    other = acme.run("audit", "verify", "--expect", f"{sequence}:{'f' * 64}")
    assert other.exit_code == 1
    assert f"Event {sequence} has another hash than before" in other.stderr
    beyond = acme.run("audit", "verify", "--expect", f"999:{'f' * 64}", "--json")
    assert (beyond.exit_code, beyond.json()["whole"]) == (1, False)
    assert "the expected event is 999" in beyond.json()["fault"]


def test_invalid_expected_head_is_wrong_usage(acme: CommandLine) -> None:
    wrong = acme.run("audit", "verify", "--expect", "12")
    assert wrong.exit_code == 2
    assert "must be SEQUENCE:HASH" in wrong.stderr


def test_empty_audit_chain_is_verified(command_line: CommandLine) -> None:
    assert command_line.ok("audit", "verify", "--json").json()["events"] == 0


def test_a_database_of_this_version_needs_no_migration(command_line: CommandLine) -> None:
    assert command_line.ok("migrate").stdout == "Nothing to apply; the database has all migrations of this version.\n"
    assert command_line.ok("migrate", "--check", "--json").json() == {"pending": []}


def test_fn_02_subscription_cannot_end_after_the_calendar(acme: CommandLine) -> None:
    acme.ok("organization", "renew", "acme", "--expires-at", "9999-12-31")
    outcome = acme.run("organization", "renew", "acme", "--days", "30")
    assert outcome.exit_code == 1
    assert outcome.stderr == "Error: The API subscription already ends at the end of the calendar.\n"


def test_fn_02_date_beyond_the_calendar_is_wrong_usage(acme: CommandLine) -> None:
    for date in ("0001-01-01T00:00+14:00", "9999-12-31T23:59:59-14:00"):
        assert acme.run("organization", "subscribe", "acme", "--expires-at", date).exit_code == 2


def test_fm_03_printed_link_names_the_port_of_the_portal(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "watchword.toml").write_text("portal_port = 8180\n")
    monkeypatch.delenv("WATCHWORD_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    outcome = command_line.ok("operator", "create", "alice@x.example", "--json")
    assert outcome.json()["link"].startswith("http://127.0.0.1:8180/")
