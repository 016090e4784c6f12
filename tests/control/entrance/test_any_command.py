"""FN-02: every command answers every argument with a sentence: never a traceback, never "please report it".

The commands and their parameters come from the command tree itself, so a new one is covered as it appears.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import click
import pytest

from kit import people
from kit.odd_arguments import DATES, TEXTS, arguments, faults, leaves
from watchword.cli.root import COMMANDS, watchword
from watchword.control.base.actor import command_line
from watchword.control.fleet.verifier_commands import CreateVerifier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.django_db(transaction=True)

LEFT_OUT: Final = {"serve", "demo", "config"}
"""They start processes; `config` opens no database, and tests/cli has its tests."""

SOUND: Final = {
    "organization_id": "acme", "email": "alice@acme.example", "name": "New", "expires_at": "2999-01-01",
    "reason": "other", "public_text": "Because.", "organization": "acme", "expect": None,
}  # fmt: skip


def all_commands() -> dict[str, tuple[tuple[str, ...], click.Command]]:
    context = click.Context(watchword)
    found: dict[str, tuple[tuple[str, ...], click.Command]] = {}
    for name in COMMANDS:
        command = watchword.get_command(context, name)
        assert command is not None
        if name not in LEFT_OUT:
            found |= {" ".join(path): (path, leaf) for path, leaf in leaves(command, (name,))}
    return found


ALL: Final = all_commands()


@pytest.fixture(autouse=True)
def _acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = dict(os.environ)
    monkeypatch.chdir(tmp_path)
    people.organization("acme")
    people.administrator("alice", "acme")
    people.operator()
    CreateVerifier(name="edge-1").run(command_line())
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.parametrize("name", ALL)
def test_fn_02_any_argument_gets_a_sentence(name: str) -> None:
    path, command = ALL[name]
    found = []
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.is_flag:
            continue
        if parameter.name in {"config", "data_dir", "database_url"}:
            continue
        values = DATES if "date" in parameter.type.name else TEXTS
        for value in values:
            found += faults(path, arguments(command, parameter, value, SOUND))
    assert found == []


STDIN: Final = (b"", b"\0\n", b"\xff\xfe\n", b"\xed\xa0\x80\n", b"\n", "\U0010ffff".encode() * 40, b"x" * 100_000)


WITH_PASSWORD: Final = sorted(
    name for name, (_, leaf) in ALL.items() if "password_stdin" in {p.name for p in leaf.params}
)


@pytest.mark.parametrize("name", WITH_PASSWORD)
def test_fn_02_any_password_gets_a_sentence(name: str) -> None:
    path, command = ALL[name]
    found = []
    email = next(parameter for parameter in command.params if parameter.name == "email")
    for number, stdin in enumerate(STDIN):
        found += faults(path, ["--password-stdin", *arguments(command, email, f"p{number}@acme.example", SOUND)], stdin)
    assert found == []


def test_fn_02_any_token_gets_a_sentence() -> None:
    path, command = ALL["token check"]
    found = []
    for stdin in (*STDIN, b"Bearer \xff", b"a.b.c", b"Bearer"):
        found += faults(path, arguments(command, None, "", SOUND), stdin)
    assert found == []
