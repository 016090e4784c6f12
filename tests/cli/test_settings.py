"""Settings by flag, environment and file, and the messages about wrong ones."""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from kit.command_line import CommandLine


def test_the_settings_are_shown_without_secrets(
    bare_command_line: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WATCHWORD_SECRET_KEY", "k" * 40)
    monkeypatch.setenv("WATCHWORD_VERIFIER_CREDENTIAL", "wwv_secret")
    outcome = bare_command_line.ok("config", "check", "--offline", "--data-dir", str(tmp_path))
    assert f"data_dir = {tmp_path}\n" in outcome.stdout
    assert "verifier.port = 8081\n" in outcome.stdout
    assert "The settings and files are right." in outcome.stdout
    assert "kkkk" not in outcome.stdout
    assert "wwv_secret" not in outcome.stdout


def test_each_wrong_setting_is_reported(bare_command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHWORD_PORTAL_PORT", "0")
    monkeypatch.setenv("WATCHWORD_PUBLIC_ORIGIN", "http://portal.example")
    monkeypatch.setenv("WATCHWORD_VERIFIER_PORT", "x")
    outcome = bare_command_line.run("config", "check", "--json", "--offline")
    problems = outcome.json()["problems"]
    assert outcome.exit_code == 2
    assert [problem.partition(":")[0] for problem in problems] == ["portal_port", "public_origin", "verifier"]


def test_a_wrong_setting_stops_any_command_with_exit_status_2(
    bare_command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHWORD_REFRESH_INTERVAL", "soon")
    for command in (["serve"], ["serve", "portal"], ["organization", "list"], ["config", "check", "--offline"]):
        outcome = bare_command_line.run(*command)
        assert outcome.exit_code == 2, command
        assert "refresh_interval: " in outcome.stderr


def test_fm_01_unknown_variable_stops_roles_and_commands(
    bare_command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHWORD_PORTAL_PROT", "8180")
    roles = [["serve"], ["serve", "portal"], ["serve", "worker"], ["serve", "verifier"]]
    for command in [*roles, ["migrate"], ["organization", "list"], ["config", "check"]]:
        outcome = bare_command_line.run(*command)
        assert outcome.exit_code == 2, command
        # Once, although both planes refuse it.
        assert outcome.stderr.count("WATCHWORD_PORTAL_PROT") == 1, command
        assert "did you mean WATCHWORD_PORTAL_PORT?" in outcome.stderr


def test_the_file_is_read_and_a_flag_names_another(bare_command_line: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "watchword.toml").write_text("portal_port = 8180\n[verifier]\nport = 8181\n")
    (tmp_path / "other.toml").write_text("portal_port = 8280\n")
    shown = bare_command_line.ok("config", "check", "--offline", "--json").json()["settings"]
    assert (shown["portal_port"], shown["verifier.port"]) == ("8180", "8181")
    shown = bare_command_line.ok("config", "check", "--offline", "--json", "--config", "other.toml").json()["settings"]
    assert (shown["portal_port"], shown["verifier.port"]) == ("8280", "8081")


def test_a_flag_wins_over_the_environment(bare_command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHWORD_DATA_DIR", "/nowhere")
    shown = bare_command_line.ok("config", "check", "--offline", "--json", "--data-dir", "here").json()["settings"]
    assert shown["data_dir"] == "here"


def test_a_password_in_an_argument_is_refused(bare_command_line: CommandLine) -> None:
    url = "postgresql://watchword:secret@127.0.0.1/watchword"
    outcome = bare_command_line.run("config", "check", "--database-url", url)
    assert outcome.exit_code == 2
    assert "everybody on this machine could read" in outcome.stderr
    assert "secret" not in outcome.stderr
    assert "WATCHWORD_DATABASE_URL" not in os.environ or os.environ["WATCHWORD_DATABASE_URL"] != url


def test_invalid_database_url_is_wrong_usage(bare_command_line: CommandLine) -> None:
    assert bare_command_line.run("config", "check", "--database-url", "postgresql://[x").exit_code == 2


def test_database_url_without_a_password_is_accepted(bare_command_line: CommandLine) -> None:
    url = "postgresql://watchword@127.0.0.1/watchword"
    shown = bare_command_line.ok("config", "check", "--offline", "--json", "--database-url", url).json()
    assert shown["problems"] == []


def test_an_unknown_command_is_wrong_usage(bare_command_line: CommandLine) -> None:
    assert bare_command_line.run("organisation").exit_code == 2
    assert bare_command_line.run("serve", "everything").exit_code == 2


def test_help_and_version_need_nothing(bare_command_line: CommandLine, tmp_path: Path) -> None:
    assert "serve " in bare_command_line.ok("--help").stdout
    assert bare_command_line.ok("--version").stdout == f"watchword, version {version('watchword')}\n"
    assert list(tmp_path.iterdir()) == []
