"""`watchword gateway`: the texts of the operator console, for automation."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

from kit.command_line import CommandLine
from watchword.gateways import gateways
from watchword.gateways.filling import Values, fill

if TYPE_CHECKING:
    from pathlib import Path

GATEWAYS = {gateway.name: gateway for gateway in gateways()}
VALUES = Values(domain="provider.test", verifiers=("10.0.0.7:18081", "10.0.0.8:18081"), api="orders.internal:9000")


@pytest.fixture
def command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """Without a database, with settings in a file."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATA_DIR", "DATABASE_URL", "CONFIG"):
        monkeypatch.delenv(f"WATCHWORD_{name}", raising=False)
    (tmp_path / "watchword.toml").write_text(
        'api_url = "https://{organization}.provider.test"\n'
        'api_upstream = "orders.internal:9000"\n'
        'gateway_verifiers = ["10.0.0.7:18081", "10.0.0.8:18081"]\n'
    )
    return CommandLine()


@pytest.mark.parametrize("name", GATEWAYS)
def test_fm_03_each_file_is_printed_with_the_settings_addresses(command_line: CommandLine, name: str) -> None:
    files = fill(GATEWAYS[name], VALUES).gateway.files
    for file in files:
        assert command_line.ok("gateway", name, PurePosixPath(file.name).name).stdout == file.text
    whole = command_line.ok("gateway", name, "--json").json()
    assert whole == {"files": [{"name": file.name, "text": file.text} for file in files]}
    if len(files) == 1:
        assert command_line.ok("gateway", name).stdout == files[0].text


@pytest.mark.parametrize("name", [name for name, gateway in GATEWAYS.items() if len(gateway.files) > 1])
def test_files_of_a_gateway_are_listed(command_line: CommandLine, name: str) -> None:
    listed = command_line.ok("gateway", name)

    assert listed.stdout.splitlines() == [
        f"{PurePosixPath(file.name).name}  (as {file.name})" for file in GATEWAYS[name].files
    ]
    assert f"`watchword gateway {name} FILE`" in listed.stderr
    assert "--directory" in listed.stderr


@pytest.mark.parametrize("name", GATEWAYS)
def test_all_files_of_a_gateway_are_written_into_a_directory(
    command_line: CommandLine, name: str, tmp_path: Path
) -> None:
    files = {PurePosixPath(file.name).name: file.text for file in fill(GATEWAYS[name], VALUES).gateway.files}
    folder = tmp_path / "new" / "folder"
    written = command_line.ok("gateway", name, "--directory", str(folder))

    assert written.stdout.splitlines() == [str(folder / short) for short in files]
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == files


def test_an_edited_file_is_never_replaced(command_line: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "watchword.lua").write_text("edited")
    outcome = command_line.run("gateway", "haproxy", "--directory", str(tmp_path))

    assert outcome.exit_code == 1
    assert f"{tmp_path} already has watchword.lua" in outcome.stderr
    assert (tmp_path / "watchword.lua").read_text() == "edited"
    assert not (tmp_path / "haproxy.cfg").exists()


@pytest.mark.parametrize("more", ["watchword.lua", "--json"])
def test_directory_excludes_a_file_name(command_line: CommandLine, tmp_path: Path, more: str) -> None:
    outcome = command_line.run("gateway", "haproxy", "--directory", str(tmp_path / "new"), more)

    assert outcome.exit_code == 2
    assert "--directory writes all files" in outcome.stderr
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("arguments", [("haproxy", "nginx.conf"), ("caddy", "nginx.conf"), ("apache",)])
def test_unknown_gateway_or_file_is_wrong_usage(command_line: CommandLine, arguments: tuple[str, ...]) -> None:
    outcome = command_line.run("gateway", *arguments)

    assert outcome.exit_code == 2
    assert outcome.stdout == ""
    assert {"haproxy": "watchword.lua", "caddy": "Caddyfile", "apache": "haproxy"}[arguments[0]] in outcome.stderr


def test_wrong_settings_are_reported(command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHWORD_API_ROUTING", "path")
    outcome = command_line.run("gateway", "caddy")

    assert outcome.exit_code == 2
    assert "api_routing is path" in outcome.stderr


def test_config_check_reports_the_settings_of_gateways(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = command_line.ok("config", "check", "--offline").stdout
    assert "gateway_verifiers = 10.0.0.7:18081, 10.0.0.8:18081" in shown
    # Not sorted: gateways ask the first one first.
    monkeypatch.setenv("WATCHWORD_GATEWAY_VERIFIERS", "10.0.0.8:1,10.0.0.7:1")
    assert "gateway_verifiers = 10.0.0.8:1, 10.0.0.7:1" in command_line.ok("config", "check", "--offline").stdout

    monkeypatch.setenv("WATCHWORD_GATEWAY_VERIFIERS", "10.0.0.8")
    outcome = command_line.run("config", "check", "--offline")
    assert outcome.exit_code == 2
    assert "gateway_verifiers: must be of the form host:port" in outcome.stderr
