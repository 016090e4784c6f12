"""`make test` runs the kernel's tests twice: as it is written, and compiled as an operator's build may have it."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import pytest

from fuzz.answers import answers_of_another, asked_here
from kit import compiled
from watchword.core import claims, signature, verify
from watchword.core.decision import Reason

MANY = 200


@pytest.mark.parametrize("module", [claims, signature, verify], ids=lambda module: module.__name__)
def test_the_kernel_under_test_is_the_one_that_was_asked_for(module: object) -> None:
    path = Path(str(vars(module)["__file__"]))
    assert (path.suffix != ".py") == compiled.is_asked_for()


def test_the_kernel_as_it_is_written_answers_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a kernel that is not compiled either: what it answers depends on no order in which hashes put things."""
    questions, answers = asked_here(4_000, seed=1, monkeypatch=monkeypatch)
    as_written = {**os.environ, "PYTHONPATH": str(compiled.ROOT / "tests"), "PYTHONHASHSEED": "1"}
    file, others = answers_of_another(questions, as_written)
    assert file.endswith(".py")
    assert others == answers
    told = Counter(str(answer[0]) for answer in answers)
    assert told["allowed"] > MANY
    assert len(told) > len(Reason) / 2


def test_the_version_tells_which_it_is() -> None:
    command = (sys.executable, "-c", "from watchword.cli.root import main; main()", "--version")
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout
    assert said.endswith(", kernel compiled\n" if compiled.is_asked_for() else ", kernel interpreted\n")


def test_a_build_compiles_with_what_was_tested() -> None:
    project = tomllib.loads((compiled.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    hook = project["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]
    assert not hook["enable-by-default"]
    assert f"mypy[mypyc]=={version('mypy')}" in hook["dependencies"]
