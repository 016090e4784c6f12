"""Name, logo and menu of the provider: what a page shows without looking at it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from watchword.settings.base import SettingsProblem
from watchword.settings.load import load_control_settings

if TYPE_CHECKING:
    from pathlib import Path

SPECIFICATION = {
    "menu_administration": "Administration",
    "menu_api_configuration": "API Configuration",
    "menu_legacy_api": "Legacy API",
    "menu_api": "Internet & SaaS API",
    "menu_authorization_servers": "OAuth 2.0 Authorization Servers",
}

DECEIVING = {
    "empty": "",
    "blank": " ",
    "blank around it": "Globex ",
    "another blank around it": "\u2003Globex",
    "two lines": "Globex\nSet-Cookie: a=b",
    "a control character": "Globex\x1b[2J",
    "a change of direction": "Globex \u202etekrow",
    "an isolate": "\u2066Globex\u2069",
    "invisible": "Glo\u200bbex",
    "private use": "\uf8ff",
}


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory of its own, and none of the settings of these tests."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATA_DIR", "DATABASE_URL", "CONFIG"):
        monkeypatch.delenv(f"WATCHWORD_{name}", raising=False)


def test_menu_has_the_labels_of_the_specification() -> None:
    settings = load_control_settings()
    assert {name: getattr(settings, name) for name in SPECIFICATION} == SPECIFICATION
    assert settings.product_name == "Watchword"
    assert settings.logo_file is None


@pytest.mark.parametrize("setting", ["product_name", *SPECIFICATION])
@pytest.mark.parametrize("kind", DECEIVING)
def test_deceiving_text_is_refused(setting: str, kind: str) -> None:
    with pytest.raises(SettingsProblem, match=f"^{setting}: "):
        load_control_settings(**{setting: DECEIVING[kind]})


@pytest.mark.parametrize(("setting", "most"), [("product_name", 40), *((name, 60) for name in SPECIFICATION)])
def test_long_text_is_refused(setting: str, most: int) -> None:
    assert getattr(load_control_settings(**{setting: "x" * most}), setting) == "x" * most
    with pytest.raises(SettingsProblem, match=f"^{setting}: "):
        load_control_settings(**{setting: "x" * (most + 1)})


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "Globex & Söhne", "שלום", "株式会社"])
def test_any_script_and_sign_is_taken(text: str) -> None:
    assert load_control_settings(product_name=text).product_name == text


def test_start_refuses_a_logo_that_is_no_plain_picture(tmp_path: Path) -> None:
    path = tmp_path / "logo.svg"
    path.write_text('<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>')
    with pytest.raises(SettingsProblem) as refused:
        load_control_settings(logo_file=path)
    assert str(refused.value).startswith("logo_file: has <script> in line 1; use an SVG of shapes")
    path.write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    logo = load_control_settings(logo_file=path).logo_file
    assert logo is not None
    assert (str(logo), logo.content) == (str(path), path.read_bytes())
    # A later change of the file changes nothing that is served.
    path.write_text("<script>")
    assert logo.content != path.read_bytes()
