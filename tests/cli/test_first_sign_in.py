"""The first start of `watchword serve`, before any person can sign in."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from watchword import cli
from watchword.cli.control_plane import open_control_plane
from watchword.cli.first_sign_in import first_sign_in, program, suggested_id
from watchword.control.identity.models import Person
from watchword.control.organizations.models import Organization, Subscription

if TYPE_CHECKING:
    from kit.command_line import CommandLine


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_the_defaults_are_used_and_printed(command_line: CommandLine) -> None:
    lines = "\n".join(first_sign_in(open_control_plane()))
    assert "Created organization Main (main)" in lines
    assert "http://127.0.0.1:8080/sign-in/" in lines
    assert Person.objects.get().email == "admin@localhost"
    assert Subscription.objects.filter(organization_id="main").exists()


def test_first_start_prompts_at_a_terminal(command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(" Globex\nGlobex & Sons\nGlobex!\n\nalice\nalice@globex.example\n"))
    monkeypatch.setattr(sys, "stdout", Terminal())
    lines = "\n".join(first_sign_in(open_control_plane()))
    assert "organization Globex & Sons (globex-sons)" in lines
    assert Person.objects.get().email == "alice@globex.example"
    assert Person.objects.get().organization_id == "globex-sons"


def test_installation_with_accounts_is_not_changed(command_line: CommandLine) -> None:
    command_line.ok("organization", "create", "acme")
    create = ("administrator", "create", "alice@acme.example", "--organization", "acme", "--password-stdin")
    command_line.ok(*create, stdin="a rather long sentence\n")
    assert first_sign_in(open_control_plane()) == []
    assert [row.pk for row in Organization.objects.all()] == ["acme"]


def test_an_installation_without_people_says_how_to_make_one(command_line: CommandLine) -> None:
    command_line.ok("organization", "create", "acme")
    lines = "\n".join(first_sign_in(open_control_plane()))
    assert "watchword operator create EMAIL " in lines
    assert "watchword administrator create EMAIL --organization ID" in lines
    assert not Person.objects.exists()


def test_first_start_names_the_command_for_the_operator_console(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [".venv/bin/watchword", "serve"])
    lines = "\n".join(first_sign_in(open_control_plane()))
    assert "    .venv/bin/watchword operator create EMAIL " in lines
    assert "    .venv/bin/watchword administrator create EMAIL --organization ID\n" in lines


def test_commands_are_named_as_the_program_was_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    installed = tmp_path / "my tools" / "watchword"
    installed.parent.mkdir()
    installed.touch(mode=0o755)
    module = str(Path(cli.__file__).with_name("__main__.py"))
    monkeypatch.setenv("PATH", "")
    for started_as, named in (
        (".venv/bin/watchword", ".venv/bin/watchword"),
        (str(installed), f"'{installed}'"),
        (module, f"{sys.executable} -m watchword.cli"),
        ("/usr/lib/python3/dist-packages/pytest/__main__.py", "watchword"),
    ):
        monkeypatch.setattr(sys, "argv", [started_as, "serve"])
        assert program() == named
    monkeypatch.setenv("PATH", str(installed.parent))
    monkeypatch.setattr(sys, "argv", [str(installed), "serve"])
    assert program() == "watchword"


def test_unused_first_link_is_replaced(command_line: CommandLine) -> None:
    first = first_sign_in(open_control_plane())
    second = first_sign_in(open_control_plane())
    assert second[0].startswith("admin@localhost has no password yet")
    assert second[1] not in first
    assert Person.objects.count() == 1
    command_line.ok("organization", "create", "acme")
    command_line.ok("administrator", "create", "alice@acme.example", "--organization", "acme")
    # With more people, a link may be on its way; making another one would end it.
    assert first_sign_in(open_control_plane()) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Acme", "acme"),
        ("Initech, Inc.", "initech-inc"),
        ("4711 Köln", "k-ln"),
        ("日本", "main"),
        ("A", "main"),
        ("x" * 31 + " y", "x" * 31),
    ],
)
def test_an_id_is_suggested_that_fits_the_rules(name: str, expected: str) -> None:
    assert suggested_id(name) == expected
