"""The tables of `make mutate` follow the code. That each mutant is killed takes minutes, and is not seen here."""

from __future__ import annotations

import ast
from collections import Counter
from functools import cache

import pytest

from mutants.mutant import ROOT, Mutant, Stale
from mutants.run import Verdict, hunt
from mutants.tables import ALL

ADDRESS = "outbound/address.py"
FRAGMENT = "outbound/test_address.py::test_fragment_is_refused"
ABSENT = "outbound/test_address.py::no_such_test"


def name_of(mutant: Mutant) -> str:
    return f"{mutant.file}: {mutant.removes}"


@cache
def source_of(file: str) -> str:
    return (ROOT / "src/watchword" / file).read_text(encoding="utf-8")


@cache
def meaning_of(file: str) -> str:
    """The program without its layout and comments."""
    return ast.dump(ast.parse(source_of(file)))


@cache
def names_in(file: str) -> frozenset[str]:
    nodes = ast.walk(ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8")))
    return frozenset(node.name for node in nodes if isinstance(node, ast.FunctionDef))


def test_every_mutant_is_found_in_the_code() -> None:
    """A change of the code that a mutant is about must change the mutant too."""
    stale = [name_of(mutant) for mutant in ALL if source_of(mutant.file).count(mutant.old) != 1]
    assert stale == []


def test_every_mutant_is_another_program() -> None:
    idle = [
        name_of(mutant)
        for mutant in ALL
        if ast.dump(ast.parse(mutant.applied_to(source_of(mutant.file)))) == meaning_of(mutant.file)
    ]
    assert idle == []


def test_every_killer_exists() -> None:
    killers = {killer for mutant in ALL for killer in mutant.killers}
    parts = [killer.partition("::") for killer in killers]
    # A test in a class is named after both.
    assert [name for file, _, name in parts if name.rpartition("::")[2] not in names_in(file)] == []
    assert [name_of(mutant) for mutant in ALL if not mutant.killers] == []


def test_no_two_mutants_are_called_the_same() -> None:
    assert [name for name, times in Counter(map(name_of, ALL)).items() if times > 1] == []


@pytest.mark.parametrize("old", ["no such text", "return"])
def test_a_text_that_is_not_there_exactly_once_is_stale(old: str) -> None:
    with pytest.raises(Stale, match="occurs"):
        Mutant(ADDRESS, "x", old, "", ()).applied_to(source_of(ADDRESS))


def test_the_hunt_tells_killed_from_survived_stale_and_broken() -> None:
    found = hunt(
        [
            Mutant(ADDRESS, "a fragment's refusal", "if hash_sign:", "if False:", (FRAGMENT,)),
            Mutant(ADDRESS, "an exact limit", "_LENGTH: Final = 2048", "_LENGTH: Final = 2049", (FRAGMENT,)),
            Mutant(ADDRESS, "a text that is there", "no such text", "", (FRAGMENT,)),
            Mutant(ADDRESS, "an import that can be made", "import re\n", "import no_such_module\n", (FRAGMENT,)),
        ],
        jobs=1,
    )
    assert [fate.verdict for fate in found] == [Verdict.KILLED, Verdict.SURVIVED, Verdict.STALE, Verdict.BROKEN]


def test_killers_that_fail_without_a_mutant_prove_nothing() -> None:
    with pytest.raises(RuntimeError):
        list(hunt((Mutant(ADDRESS, "a test that is there", "re", "", (ABSENT,)),), jobs=1))
