"""FK-01: every change goes through control/base/unit_of_work.py and decides by the rights re-read there."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import watchword

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTROL = Path(watchword.__file__).parent / "control"
ENTRANCES = {"unit_of_work", "admitted"}

ELSEWHERE = {
    "base/unit_of_work.py": "the entrance itself, and refused attempts, which change nothing",
    "audit/commands.py": "the worker's purge: triggers let the anchor move only after its event is there",
    "activity/refused_batches.py": "a refused batch that is recorded, which changes nothing else",
    "activity/commands.py": "a verifier's counts, under its credential",
    "identity/sign_in_link_commands.py": "the purge of what has run out by itself",
    "identity/session_commands.py": "a wrong password that is recorded, which changes nothing",
    "identity/sign_in_commands.py": "a failed sign-in that is recorded, which changes nothing",
    "identity/second_factor_commands.py": "a failed sign-in that is recorded, which changes nothing",
    "identity/single_sign_on/connection_check.py": "failed connections that are counted, which changes nothing",
    "identity/single_sign_on/sign_in_commands.py": "a failed sign-in that is recorded, which changes nothing",
    "audit/refused_requests.py": "a series of refused requests that is recorded, which changes nothing",
    "identity/throttle.py": "attempts of people who have not signed in, counted before they are looked at",
}
"""Files that open a transaction of their own, and why that needs no right of a person."""

WITHOUT = {"PurgeAuditEvents": "only the worker, which has no role that could be lost"}


def parsed() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(CONTROL.rglob("*.py")):
        if "migrations" not in path.parts:
            yield str(path.relative_to(CONTROL)), ast.parse(path.read_text())


def calls(tree: ast.AST) -> set[str]:
    return {
        call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
    }


@cache
def entrances() -> frozenset[str]:
    """The entrances, and the functions that open one of them for several commands of their room."""
    opening = {
        found.name
        for _, tree in parsed()
        for found in ast.walk(tree)
        if isinstance(found, ast.FunctionDef) and found.returns is not None and calls(found) & ENTRANCES
        if ast.unparse(found.returns).startswith(("AbstractContextManager", "Iterator"))
    }
    return frozenset(ENTRANCES | opening)


def commands(tree: ast.AST) -> Iterator[ast.ClassDef]:
    for found in ast.walk(tree):
        for part in found.body if isinstance(found, ast.ClassDef) else ():
            if isinstance(part, ast.FunctionDef) and part.name == "run" and "actor" in names(part.args):
                assert isinstance(found, ast.ClassDef)
                yield found


def names(arguments: ast.arguments) -> list[str]:
    return [argument.arg for argument in (*arguments.args, *arguments.kwonlyargs)]


def stale_actors(tree: ast.AST) -> Iterator[int]:
    """Lines inside of a change that use the actor as the request knew it."""
    for block in ast.walk(tree):
        if isinstance(block, ast.With) and any(calls(item.context_expr) & entrances() for item in block.items):
            for statement in block.body:
                yield from (
                    node.lineno for node in ast.walk(statement) if isinstance(node, ast.Name) and node.id == "actor"
                )


def test_fk_01_every_command_uses_unit_of_work() -> None:
    found = {command.name: bool(calls(command) & entrances()) for _, tree in parsed() for command in commands(tree)}
    assert len(found) > 25
    assert {name for name, asks in found.items() if not asks} == set(WITHOUT)


def test_fk_01_no_command_uses_the_actor_of_the_request_inside_a_change() -> None:
    assert [f"{name}:{line}" for name, tree in parsed() for line in stale_actors(tree)] == []


def test_fk_01_no_file_opens_a_durable_transaction_of_its_own_without_a_reason() -> None:
    opening = {
        name
        for name, tree in parsed()
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and any(keyword.arg == "durable" for keyword in call.keywords)
    }
    assert opening == set(ELSEWHERE)


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("with unit_of_work(actor) as work:\n    check(actor)", [2]),
        ("with unit_of_work(actor) as work:\n    check(work.actor)", []),
        ("with (\n x(),\n unit_of_work(actor) as work,\n):\n    if actor.operator:\n        pass", [5]),
    ],
)
def test_the_search_finds_a_stale_actor(source: str, lines: list[int]) -> None:
    assert list(stale_actors(ast.parse(source))) == lines
