"""The verifier of `watchword serve` without a role takes settings that it lacks from the portal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from watchword.cli.local_verifier import load_local_verifier, second_verifier, verifier_environment
from watchword.cli.serve import Machine
from watchword.settings.load import load_control_settings, load_verifier_settings

if TYPE_CHECKING:
    from kit.command_line import CommandLine
    from watchword.settings.verifier import VerifierSettings

PORTAL = """
api_url = "https://{organization}.provider.test/v1/"
cloud_name = "orders"
"""


@pytest.fixture(autouse=True)
def own_file(bare_command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WATCHWORD_CONFIG", raising=False)
    Path("watchword.toml").write_text(PORTAL)


def verifier_of_serve() -> VerifierSettings:
    return load_local_verifier(load_control_settings())


def of_the_api(settings: VerifierSettings) -> tuple[str | None, str | None, str | None]:
    return settings.api_url, settings.cloud_name, settings.api_domain


def test_verifier_takes_the_api_of_the_portal() -> None:
    settings = verifier_of_serve()

    assert of_the_api(settings) == ("https://{organization}.provider.test/v1", "orders", "provider.test")
    assert settings.traefik_routing is None


def test_verifier_keeps_what_the_environment_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHWORD_VERIFIER_API_URL", "https://api.example")
    monkeypatch.setenv("WATCHWORD_VERIFIER_CLOUD_NAME", "other")
    monkeypatch.setenv("WATCHWORD_VERIFIER_API_DOMAIN", "api.example")

    assert of_the_api(verifier_of_serve()) == ("https://api.example", "other", "api.example")


def test_verifier_keeps_what_its_table_of_the_file_sets() -> None:
    Path("watchword.toml").write_text(
        f'{PORTAL}[verifier]\napi_url = "https://api.example"\ncloud_name = "other"\napi_domain = "api.example"\n'
        'feed_url = "http://127.0.0.1:1"\nstate_file = "own/snapshot.json"\ncredential = "wwv_a"\n'
    )
    settings = verifier_of_serve()

    assert of_the_api(settings) == ("https://api.example", "other", "api.example")
    assert (settings.feed_url, settings.state_file) == ("http://127.0.0.1:1", Path("own/snapshot.json"))
    assert settings.credential_file is None


def test_only_routing_by_host_has_a_domain_of_organizations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHWORD_API_ROUTING", "path")
    monkeypatch.setenv("WATCHWORD_API_URL", "https://api.example/o/{organization}")

    assert of_the_api(verifier_of_serve()) == ("https://api.example/o/{organization}", "orders", None)


def test_portal_without_an_api_leaves_the_verifier_without_one() -> None:
    Path("watchword.toml").write_text("")

    assert of_the_api(verifier_of_serve()) == (None, None, None)


def test_process_of_the_verifier_reads_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = verifier_of_serve()
    for name, value in verifier_environment(settings).items():
        monkeypatch.setenv(name, value)

    assert load_verifier_settings() == settings


def test_second_verifier_of_the_demo_differs_in_state_only(transactional_db: None) -> None:
    machine = Machine(load_control_settings(), verifier_of_serve())
    first = verifier_environment(machine.verifier)
    second = second_verifier(machine, port=1, admin_port=2).environment

    assert first.keys() <= second.keys()
    assert {name for name, value in first.items() if second[name] != value} == {
        "WATCHWORD_VERIFIER_STATE_FILE",
        "WATCHWORD_VERIFIER_CREDENTIAL_FILE",
    }
    assert Path(second["WATCHWORD_VERIFIER_STATE_FILE"]).parent != machine.verifier.state_file.parent


def test_serve_says_that_a_setting_of_the_verifier_is_wrong(bare_command_line: CommandLine) -> None:
    Path("watchword.toml").write_text('[verifier]\napi_url = "http://api.example"\n')
    outcome = bare_command_line.run("serve")

    assert outcome.exit_code == 2
    assert "Error: verifier: api_url: must be https, except on this machine itself" in outcome.stderr


@pytest.mark.parametrize(
    ("table", "warned"),
    [
        ('api_url = "https://{organization}.provider.test/v2"', "api_url is"),
        ('cloud_name = "Orders"', "cloud_name is"),
        ('api_domain = "provider.example"', "the host of api_url is"),
    ],
)
def test_config_check_warns_of_an_api_that_the_verifier_names_differently(
    bare_command_line: CommandLine, table: str, warned: str
) -> None:
    Path("watchword.toml").write_text(f"{PORTAL}[verifier]\n{table}\n")
    outcome = bare_command_line.ok("config", "check", "--offline")
    assert f"Warning: {warned}" in outcome.stderr
    (warning,) = bare_command_line.ok("config", "check", "--offline", "--json").json()["warnings"]
    assert warning.startswith(warned)


@pytest.mark.parametrize(
    "table",
    ["", 'api_url = "https://{organization}.provider.test/v1/"\ncloud_name = "orders"\napi_domain = "provider.test"'],
)
def test_config_check_does_not_warn_of_the_same_api(bare_command_line: CommandLine, table: str) -> None:
    Path("watchword.toml").write_text(f"{PORTAL}[verifier]\n{table}\n")
    assert bare_command_line.ok("config", "check", "--offline").stderr == ""


def test_config_check_compares_nothing_with_wrong_settings(bare_command_line: CommandLine) -> None:
    Path("watchword.toml").write_text(f"{PORTAL}[verifier]\nport = 0\n")
    outcome = bare_command_line.run("config", "check", "--offline", "--json")
    assert outcome.exit_code == 2
    assert outcome.json()["warnings"] == []
