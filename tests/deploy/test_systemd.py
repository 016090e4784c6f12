"""The systemd units: systemd accepts them and rates them as tight, and everything they name exists."""

from __future__ import annotations

import configparser
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kit.deployment import DEPLOY, understands, unknown_settings

UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
INSTALLED = "/opt/watchword/bin/watchword"
# On systemd's scale of 0 to 10, where 10 is a process without restrictions; the units have 1.2.
MOST_EXPOSED = 20
IDS = [unit.stem for unit in UNITS]


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    assert program is not None, "systemd-analyze is not installed; `make test` installs it"
    return subprocess.run(
        [program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=60
    )


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units as they would be with the product installed where this test runs."""
    for unit in UNITS:
        text = unit.read_text(encoding="utf-8")
        assert text.count(INSTALLED) == 1
        text = text.replace(INSTALLED, str(Path(sys.executable).parent / "watchword"))
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("unit", UNITS, ids=IDS)
def test_systemd_understands_every_line(installed: Path, unit: Path) -> None:
    done = analyze("verify", "--man=no", installed / unit.name)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("unit", UNITS, ids=IDS)
def test_systemd_rates_the_sandbox_as_tight(installed: Path, unit: Path) -> None:
    done = analyze("security", "--offline=yes", f"--threshold={MOST_EXPOSED}", "--no-pager", installed / unit.name)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("unit", UNITS, ids=IDS)
def test_files_and_commands_of_units_exist(unit: Path) -> None:
    text = unit.read_text(encoding="utf-8")
    assert unknown_settings(text) == set()
    program, *arguments = shlex.split(next(line for line in text.splitlines() if line.startswith("ExecStart=")))
    assert program == f"ExecStart={INSTALLED}"
    assert understands(arguments)
    parsed = configparser.RawConfigParser(strict=False, interpolation=None)
    parsed.read_string(text)
    named = parsed["Service"]["EnvironmentFile"]
    assert (DEPLOY / "systemd" / f"{Path(named).name}.example").exists()


@pytest.mark.parametrize("example", ["control.env.example", "verifier.env.example"])
def test_examples_of_settings_are_settings_without_a_secret(example: str) -> None:
    text = (DEPLOY / "systemd" / example).read_text(encoding="utf-8")
    assert unknown_settings(text) == set()
    assert "WATCHWORD_SECRET_KEY=\n" in text or "SECRET" not in text


def test_missing_files_and_commands_are_noticed() -> None:
    assert unknown_settings("WATCHWORD_VERIFIER_PROT=1 WATCHWORD_NOTHING") == {
        "WATCHWORD_VERIFIER_PROT",
        "WATCHWORD_NOTHING",
    }
    assert not understands(["serve", "nothing"])
    assert not understands(["nothing"])
    assert not understands(["migrate", "--nothing"])
