"""The tables of `make mutate` follow the code. That each mutant is killed takes minutes, and is not seen here."""

from __future__ import annotations

import ast
from collections import Counter

import pytest

from mutants.mutant import ROOT, Mutant, Stale
from mutants.run import Verdict, hunt
from mutants.tables import ALL

ADDRESS = "jwks/address.py"
FRAGMENT = "jwks/test_address.py::test_a_fragment"


def name_of(mutant: Mutant) -> str:
    return f"{mutant.file}: {mutant.removes}"


@pytest.mark.parametrize("mutant", ALL, ids=name_of)
def test_a_mutant_is_a_program_that_differs_from_the_code_in_one_place(mutant: Mutant) -> None:
    source = (ROOT / mutant.path).read_text(encoding="utf-8")
    mutated = mutant.applied_to(source)
    assert ast.dump(ast.parse(mutated)) != ast.dump(ast.parse(source))


@pytest.mark.parametrize("mutant", ALL, ids=name_of)
def test_its_killers_exist(mutant: Mutant) -> None:
    assert mutant.killers
    for killer in mutant.killers:
        file, _, name = killer.partition("::")
        assert f"def {name.rpartition('::')[2]}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), killer


def test_no_two_mutants_are_called_the_same() -> None:
    assert [name for name, times in Counter(map(name_of, ALL)).items() if times > 1] == []


@pytest.mark.parametrize("old", ["no such text", "return"])
def test_a_text_that_is_not_there_exactly_once_is_stale(old: str) -> None:
    with pytest.raises(Stale, match="occurs"):
        Mutant(ADDRESS, "x", old, "", ()).applied_to((ROOT / "src/watchword" / ADDRESS).read_text(encoding="utf-8"))


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
        list(
            hunt((Mutant(ADDRESS, "a test that is there", "re", "", ("jwks/test_address.py::no_such_test",)),), jobs=1)
        )
