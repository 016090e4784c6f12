"""`watchword login` and `logout`: the API key is checked, stored privately, and shown nowhere."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kit import api_access, people
from watchword.cli import output
from watchword.cli.remote import login

if TYPE_CHECKING:
    from kit.command_line import CommandLine
    from kit.remote_portal import RemotePortal

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def secret(portal: RemotePortal, monkeypatch: pytest.MonkeyPatch) -> str:
    """An API key; the environment has none."""
    for name in ("WATCHWORD_API_KEY", "WATCHWORD_PORTAL_URL", "WATCHWORD_ORGANIZATION"):
        monkeypatch.delenv(name)
    return api_access.api_key(name="laptop").secret


def log_in(portal: RemotePortal, key: str, organization: str = "acme") -> tuple[int, str]:
    outcome = portal.run("login", "--url", portal.origin, "--organization", organization, stdin=f"{key}\n")
    assert outcome.stdout == ""
    assert not key or key not in outcome.stderr
    return outcome.exit_code, outcome.stderr


def test_login_lasts_until_logout(portal: RemotePortal, secret: str, tmp_path: Path) -> None:
    assert "You are not logged in" in portal.run("servers", "list").stderr
    path = tmp_path / "watchword" / "login.json"
    assert log_in(portal, secret) == (0, f"Logged in to {portal.origin} for acme; stored in {path}.\n")
    assert json.loads(path.read_text()) == {"url": portal.origin, "organization": "acme", "api_key": secret}
    assert path.stat().st_mode & 0o777 == 0o600
    assert portal.document("servers", "list") == []
    assert portal.ok("logout").stderr.startswith("Logged out.")
    assert portal.run("logout").exit_code == 1
    assert portal.run("servers", "list").exit_code == 1


def test_file_that_others_can_read_is_refused(portal: RemotePortal, secret: str, tmp_path: Path) -> None:
    log_in(portal, secret)
    (tmp_path / "watchword" / "login.json").chmod(0o644)
    outcome = portal.run("servers", "list")
    assert outcome.exit_code == 1
    assert "Other users of this machine can read or change" in outcome.stderr


@pytest.mark.parametrize(
    ("key", "sentence"),
    [("", "The API key is empty"), ("wwk_unknown", "Status 401."), ("wwk_ü", "characters that no API key has")],
)
def test_key_that_the_portal_refuses_is_not_stored(
    portal: RemotePortal, secret: str, tmp_path: Path, key: str, sentence: str
) -> None:
    status, text = log_in(portal, key)
    assert (status, sentence in text) == (1, True)
    assert not (tmp_path / "watchword").exists()


def test_other_organizations_are_out_of_reach(portal: RemotePortal, secret: str, tmp_path: Path) -> None:
    people.organization("globex")
    assert log_in(portal, secret, "globex")[1].startswith("Error: No organization globex for this key.\n")
    assert not (tmp_path / "watchword").exists()


def test_key_whose_role_reads_no_servers_is_stored(portal: RemotePortal, secret: str) -> None:
    api_access.api_role("Auditor", audit_logs="view")
    assert log_in(portal, api_access.api_key("Auditor", name="auditor").secret)[0] == 0
    outcome = portal.run("servers", "list")
    assert (outcome.exit_code, "Status 403." in outcome.stderr) == (1, True)


def test_url_is_checked_before_the_key_is_typed(
    bare_command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login, "at_terminal", lambda: pytest.fail("the key was asked for"))
    outcome = bare_command_line.run("login", "--url", "http://portal.example", "--organization", "acme")
    assert (outcome.exit_code, "must begin with https://" in outcome.stderr) == (1, True)


def test_key_at_a_terminal_is_not_echoed(portal: RemotePortal, secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "at_terminal", lambda: True)
    status, text = log_in(portal, f" {secret} ")
    assert (status, text.startswith("API key: ")) == (0, True)


def test_key_is_never_an_argument(bare_command_line: CommandLine) -> None:
    outcome = bare_command_line.run("login", "--url", "https://portal.example", "--organization", "acme", "wwk_s3cret")
    assert outcome.exit_code == 2


def test_input_that_is_not_text_is_wrong_usage(bare_command_line: CommandLine) -> None:
    outcome = bare_command_line.run("login", "--url", "https://p.example", "--organization", "acme", stdin=b"\xff\n")
    assert (outcome.exit_code, "not UTF-8" in outcome.stderr) == (2, True)


def test_process_without_a_terminal_is_recognized(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(os.devnull).open(encoding="utf-8") as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        assert not output.at_terminal()
