"""Commands against a portal that this process serves over HTTP, on the test's database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from kit import api_access, people
from kit.metadata_portal import allow
from kit.remote_portal import RemotePortal, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_django import Settings

    from kit.command_line import CommandLine
    from kit.key_server import KeyServer

__all__ = ["allow"]


@pytest.fixture
def portal(  # noqa: PLR0917 - pytest passes fixtures by name.
    bare_command_line: CommandLine,
    db: None,
    allow: Callable[[KeyServer], None],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[RemotePortal]:
    """Acme and a key server in reach; the environment has an API key with all rights."""
    # The portal's log lines would stand among the output of the commands, as both are in this process.
    with capture_logs(), serving(bare_command_line, allow, settings) as running:
        people.organization("acme")
        api_access.api_role()
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        monkeypatch.setenv("WATCHWORD_PORTAL_URL", running.origin)
        monkeypatch.setenv("WATCHWORD_API_KEY", api_access.api_key().secret)
        monkeypatch.setenv("WATCHWORD_ORGANIZATION", "acme")
        yield running
