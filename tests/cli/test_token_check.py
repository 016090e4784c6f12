"""`watchword token check` on tokens of Acme's authorization server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from django.conf import settings

from kit import acme, forge
from kit.api_access import api_role
from kit.registrations import add, organization
from watchword.cli.token import describe, result
from watchword.core.decision import Deny, Reason
from watchword.core.trust import SubscriptionPeriod
from watchword.core.verify import STEPS
from watchword.feed import Snapshot
from watchword.settings.load import load_control_settings
from watchword.verifier.disk.copy import DiskCopy

if TYPE_CHECKING:
    from pathlib import Path

    from kit.command_line import CommandLine


def test_thirteen_steps_are_shown_for_a_denied_token(command_line: CommandLine) -> None:
    command_line.ok("organization", "create", "acme", "--subscription-days", "1")
    token = forge.token(forge.rsa_key("first"), "RS256")
    outcome = command_line.run("token", "check", "--organization", "acme", stdin=f"{token}\n")
    assert outcome.exit_code == 1
    lines = outcome.stdout.splitlines()
    assert [line[0] for line in lines[:13]] == ["✓"] * 4 + ["✗"] + ["·"] * 8
    assert "(no_enabled_server)" in outcome.stdout
    assert "The client sees the reason no_matching_key." in outcome.stdout
    assert token[:8] not in outcome.stdout + outcome.stderr


def test_the_token_may_come_from_a_file(command_line: CommandLine, tmp_path: Path) -> None:
    command_line.ok("organization", "create", "acme")
    (tmp_path / "token").write_text("Bearer e30.e30.x")
    document = command_line.run("token", "check", "--organization", "acme", "token", "--json").json()
    assert (document["decision"], document["reason"], document["status"]) == ("deny", "token_malformed", 401)


def test_an_unknown_organization_is_a_failure(command_line: CommandLine) -> None:
    outcome = command_line.run("token", "check", "--organization", "acme", stdin="e30.e30.x")
    assert outcome.exit_code == 1
    assert "There is no organization 'acme'" in outcome.stderr


@pytest.mark.parametrize("stdin", ["", "\n", "Bearer \n"])
def test_missing_token_is_wrong_usage(bare_command_line: CommandLine, stdin: str) -> None:
    outcome = bare_command_line.run("token", "check", "--organization", "acme", stdin=stdin)
    assert outcome.exit_code == 2
    assert "There is no token to check" in outcome.stderr


def test_a_token_is_never_an_argument(bare_command_line: CommandLine) -> None:
    outcome = bare_command_line.run("token", "check", "--organization", "acme", "e30.e30.x")
    assert outcome.exit_code == 2


def test_internal_error_leaves_all_steps_unknown() -> None:
    document = describe(Deny(Reason.UNDECIDABLE))
    assert {step["result"] for step in document["steps"]} == {"not_reached"}


@pytest.mark.parametrize("number", range(1, len(STEPS) + 1))
def test_steps_before_the_failed_one_have_passed(number: int) -> None:
    results = [result(step, number) for step in range(1, len(STEPS) + 1)]
    assert results == ["passed"] * (number - 1) + ["failed"] + ["not_reached"] * (len(STEPS) - number)


def test_a_good_token_is_allowed_with_its_claims(command_line: CommandLine) -> None:
    organization()
    key = forge.rsa_key("first")
    add(key)
    document = command_line.ok("token", "check", "--organization", "acme", "--json", stdin=good_token(key)).json()
    assert (document["decision"], document["server"]) == ("allow", "ProdOkta")
    assert {step["result"] for step in document["steps"]} == {"passed"}
    assert document["claims"]["audience"] == ["https://api.example/"]
    shown = command_line.ok("token", "check", "--organization", "acme", stdin=good_token(key)).stdout
    assert "Allowed for acme by server ProdOkta." in shown
    assert shown.count("✓") == len(STEPS)


def test_a_verifiers_disk_copy_decides_without_a_database(bare_command_line: CommandLine, tmp_path: Path) -> None:
    path, now, key = tmp_path / "snapshot.json", time.time(), forge.rsa_key("first")
    subscription = SubscriptionPeriod(int(now) - 10, int(now) + 1000)
    known = acme.trust(server=acme.server(key, keys_good_until=int(now) + 1000), subscription=subscription)
    DiskCopy(path).store(Snapshot("0" * 16, 1, {"acme": known}), heard_at=now)
    check = ("token", "check", "--snapshot", str(path), "--json")
    allowed = bare_command_line.ok(*check, "--organization", "acme", stdin=good_token(key))
    assert allowed.json()["decision"] == "allow"
    denied = bare_command_line.run(*check, "--organization", "globex", stdin=good_token(key))
    assert (denied.exit_code, denied.json()["reason"]) == (1, "organization_unknown")
    assert denied.json()["public_reason"] == "no_matching_key"


def test_a_damaged_copy_is_not_used(bare_command_line: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"
    path.write_text("{}")
    outcome = bare_command_line.run("token", "check", "--snapshot", str(path), "--organization", "acme", stdin="e30")
    assert outcome.exit_code == 1
    assert "is damaged" in outcome.stderr


def good_token(key: forge.Key) -> str:
    now = int(time.time())
    return forge.token(key, "RS256", iat=now, exp=now + 300)


def test_fl_05_missing_role_is_shown_with_its_scope(command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    key = forge.rsa_key("first")
    now = int(time.time())
    monkeypatch.setattr(settings, "WATCHWORD", load_control_settings(cloud_name="orders"))
    organization()
    api_role("Reader")
    add(key, required_role="Reader")
    check = ("token", "check", "--organization", "acme")
    refused = command_line.run(*check, stdin=good_token(key))
    assert refused.exit_code == 1
    assert refused.stdout.splitlines()[12].startswith("✗ 13")
    assert "(insufficient_scope)" in refused.stdout
    assert "The token must carry the scope orders::acme::Reader." in refused.stdout
    carrying = forge.token(key, "RS256", iat=now, exp=now + 300, scope="orders::acme::Reader")
    assert command_line.ok(*check, "--json", stdin=carrying).json()["role"] == "Reader"
    # A verifier's own setting counts first.
    monkeypatch.setenv("WATCHWORD_VERIFIER_CLOUD_NAME", "other")
    document = command_line.run(*check, "--json", stdin=carrying).json()
    assert document["missing_scope"] == "other::acme::Reader"


def test_fg_01_leeway_is_the_verifiers_setting(command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    organization()
    key = forge.rsa_key("first")
    add(key)
    now = int(time.time())
    expired = forge.token(key, "RS256", iat=now - 300, exp=now - 30)
    command_line.ok("token", "check", "--organization", "acme", stdin=expired)
    monkeypatch.setenv("WATCHWORD_VERIFIER_LEEWAY", "0")
    document = command_line.run("token", "check", "--organization", "acme", "--json", stdin=expired).json()
    assert document["reason"] == "token_expired"
