"""A pytest plugin that proves a run to be about the mutated file, and not about the one it was copied from."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

import pytest

NOT_THE_MUTANT = 98
"""The exit status of a run that would say nothing."""


def pytest_sessionstart() -> None:
    module, expected = os.environ["MUTANT_MODULE"], Path(os.environ["MUTANT_FILE"])
    try:
        found = importlib.import_module(module).__file__
    except Exception as error:  # noqa: BLE001  # With any error, the mutant is no program that a test could judge.
        pytest.exit(f"{module} cannot be imported: {error!r}", NOT_THE_MUTANT)
    if found is None or Path(found).resolve() != expected.resolve():
        pytest.exit(f"{module} comes from {found}.", NOT_THE_MUTANT)
