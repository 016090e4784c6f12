from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from watchword.settings.base import SettingsProblem, problems_with_names, variable_of
from watchword.settings.load import SETTINGS_NAMES, load_control_settings, load_verifier_settings
from watchword.settings.variables import OTHER_VARIABLES

if TYPE_CHECKING:
    from pathlib import Path

IN_KUBERNETES = {"KUBERNETES_SERVICE_HOST": "10.96.0.1"}


def problems(environment: dict[str, str] | None = None, file: str = "") -> list[str]:
    return list(problems_with_names(environment or {}, tomllib.loads(file), SETTINGS_NAMES))


def test_every_name_is_known_in_environment_and_file() -> None:
    environment = {variable_of(name): "x" for name in SETTINGS_NAMES}
    for variable in OTHER_VARIABLES:
        environment.setdefault(variable, "text")

    assert problems(environment) == []
    control = "".join(f"{name} = 1\n" for name in SETTINGS_NAMES if "." not in name)
    verifier = "".join(f"{name} = 1\n" for name in SETTINGS_NAMES if "." in name)
    assert problems(file=control + verifier) == []


@pytest.mark.parametrize(
    ("variable", "nearest"),
    [
        ("WATCHWORD_PORTAL_PROT", "WATCHWORD_PORTAL_PORT"),
        ("WATCHWORD_DATABASE_URI", "WATCHWORD_DATABASE_URL"),
        ("WATCHWORD_SECRET", "WATCHWORD_SECRET_KEY"),
        ("WATCHWORD_JWKS_ALLOWED_NETWORK", "WATCHWORD_JWKS_ALLOWED_NETWORKS"),
        ("WATCHWORD_VERIFIER_PROT", "WATCHWORD_VERIFIER_PORT"),
        # The right name in the wrong plane.
        ("WATCHWORD_NODE", "WATCHWORD_VERIFIER_NODE"),
        ("WATCHWORD_VERIFIER_DATA_DIR", "WATCHWORD_DATA_DIR"),
        # The wrong case: not every program that reads a variable ignores it.
        ("watchword_portal_port", "WATCHWORD_PORTAL_PORT"),
        ("Watchword_Verifier_Port", "WATCHWORD_VERIFIER_PORT"),
        ("WATCHWORD_PORTAL-PORT", "WATCHWORD_PORTAL_PORT"),
    ],
)
def test_mistyped_variable_is_refused_with_the_nearest_name(variable: str, nearest: str) -> None:
    assert problems({variable: "1"}) == [f"{variable}: no such setting; did you mean {nearest}?"]


@pytest.mark.parametrize("variable", ["WATCHWORD_", "WATCHWORD_QQQQ", "WATCHWORD_VERIFIER_", "WATCHWORD_TEST_ZZZ"])
def test_unknown_variable_without_a_near_name_is_refused(variable: str) -> None:
    (sentence,) = problems({variable: "1"})
    assert sentence.startswith(f"{variable}: no such setting; ")


def test_other_programs_variables_are_not_ours() -> None:
    assert problems({"PATH": "", "WATCHWORDS": "1", "MY_WATCHWORD_PORT": "1"}) == []


def test_a_variable_is_shown_without_its_value_and_without_control_characters() -> None:
    (sentence,) = problems({"WATCHWORD_\x1b[2J": "hunter2"})
    assert "\x1b" not in sentence
    assert "hunter2" not in sentence


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("portal_prot = 1", "portal_prot: no such setting; did you mean portal_port?"),
        ("node = 'a'", "node: no such setting; did you mean verifier.node?"),
        ("[verifier]\nprot = 1", "verifier.prot: no such setting; did you mean verifier.port?"),
        ("[verifier]\ndata_dir = 'a'", "verifier.data_dir: no such setting; did you mean data_dir?"),
        ("[qqqq]\nport = 1", "qqqq: no such setting; remove it or correct its name."),
        ('"\\u001b[2J" = 1', "\\x1b[2J: no such setting; remove it or correct its name."),
    ],
)
def test_unknown_name_in_the_file_is_refused_with_the_nearest_name(file: str, sentence: str) -> None:
    assert problems(file=file) == [sentence]


def test_log_format_is_one_of_two() -> None:
    assert problems({"WATCHWORD_LOG_FORMAT": "jsn"}) == ["WATCHWORD_LOG_FORMAT: must be text or json."]
    assert problems({"WATCHWORD_LOG_FORMAT": "json"}) == []


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("WATCHWORD_SERVICE_HOST", "10.96.0.7"),
        ("WATCHWORD_SERVICE_PORT", "8080"),
        ("WATCHWORD_VERIFIER_SERVICE_PORT_HTTP_AUTH", "8081"),
        ("WATCHWORD_PORT", "tcp://10.96.0.7:8080"),
        ("WATCHWORD_VERIFIER_PORT_8081_TCP", "tcp://10.96.0.8:8081"),
        ("WATCHWORD_VERIFIER_PORT_8081_TCP_ADDR", "10.96.0.8"),
    ],
)
def test_variables_that_kubernetes_sets_for_a_service_are_not_mistakes(variable: str, value: str) -> None:
    assert problems({**IN_KUBERNETES, variable: value}) == []
    assert len(problems({variable: value})) == 1


def test_kubernetes_service_that_overwrites_a_setting_is_named() -> None:
    (sentence,) = problems({**IN_KUBERNETES, "WATCHWORD_VERIFIER_PORT": "tcp://10.96.0.8:8081"})
    assert sentence.startswith("WATCHWORD_VERIFIER_PORT: Kubernetes")
    assert "enableServiceLinks" in sentence
    assert problems({**IN_KUBERNETES, "WATCHWORD_VERIFIER_PORT": "8081"}) == []


@pytest.mark.parametrize("load", [load_control_settings, load_verifier_settings])
@pytest.mark.parametrize("variable", ["WATCHWORD_PORTAL_PROT", "WATCHWORD_VERIFIER_PROT"])
def test_both_planes_refuse_an_unknown_name_of_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, load: object, variable: str
) -> None:
    assert callable(load)
    monkeypatch.chdir(tmp_path)
    load()
    monkeypatch.setenv(variable, "1")
    with pytest.raises(SettingsProblem, match=variable):
        load()
    monkeypatch.delenv(variable)
    (tmp_path / "watchword.toml").write_text("portal_prot = 1\n[verifier]\nprot = 1\n")
    with pytest.raises(SettingsProblem) as raised:
        load()
    assert [sentence.partition(":")[0] for sentence in raised.value.sentences] == ["portal_prot", "verifier.prot"]
