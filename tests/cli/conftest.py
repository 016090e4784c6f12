"""Commands run inside the test's process, on its database."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from kit.command_line import CommandLine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def bare_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CommandLine]:
    """Commands that need no database, in an empty working directory."""
    before = dict(os.environ)
    monkeypatch.chdir(tmp_path)
    yield CommandLine()
    # Flags become environment variables, which must not reach the next test.
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def command_line(bare_command_line: CommandLine, transactional_db: None) -> CommandLine:
    return bare_command_line
