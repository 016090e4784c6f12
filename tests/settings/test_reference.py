"""docs/settings.md is held to the definitions."""

from __future__ import annotations

from pathlib import Path

from watchword.settings.base import variable_of
from watchword.settings.control import ControlSettings
from watchword.settings.load import SETTINGS_NAMES
from watchword.settings.reference import meanings, render
from watchword.settings.variables import OTHER_VARIABLES
from watchword.settings.verifier import VerifierSettings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"


def test_fg_01_page_equals_the_definitions() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), (
        "run: .venv/bin/python -m watchword.settings.reference > docs/settings.md"
    )


def test_fg_01_page_has_every_name_and_variable() -> None:
    lines = render().splitlines()

    for name in SETTINGS_NAMES:
        assert lines.count(f"### `{name}`") == 1
        assert lines.count(f"- variable: `{variable_of(name)}`") == 1
    for variable in OTHER_VARIABLES:
        assert lines.count(f"### `{variable}`") == 1


def test_every_setting_has_a_docstring() -> None:
    for plane in (ControlSettings, VerifierSettings):
        assert meanings(plane).keys() == plane.model_fields.keys()


def test_fg_01_page_states_type_bounds_and_default() -> None:
    sections = {text.partition("`")[0]: text for text in render().split("\n### `")}

    for name, facts in {
        "jwks_max_keys": ("whole number from 1 to 256", "`64`"),
        "jwks_allowed_ports": ("list of whole numbers from 1 to 65535", "`443`"),
        "jwks_allowed_networks": ("list of networks", "none"),
        "portal_admin_port": ("whole number from 1 to 65535", "not set"),
        "secret_key": ("text, kept secret", "not set"),
        "data_dir": ("path", "`data`"),
        "verifier.feed_over_plain_http": ("`true` or `false`", "`false`"),
        "verifier.api_name": ("text of 1 to 200 characters", "not set"),
    }.items():
        value, default = facts
        assert f"- value: {value}\n- default: {default}\n" in sections[name]


def test_lines_fit_the_width_of_documents() -> None:
    assert max(map(len, render().splitlines())) <= 100
