"""docs/attacks.md: each id that is cited anywhere has a row, and the tests of each row exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[1]
CATALOGUE: Final = ROOT / "docs/attacks.md"
PLACES: Final = ("src", "tests", "docs", "deploy")
ENDINGS: Final = frozenset(
    (".py", ".md", ".toml", ".yaml", ".conf", ".cfg", ".service", ".html", ".txt", ".js", ".css")
)
INSTALLED: Final = frozenset(("node_modules", "__pycache__"))
UNTESTED: Final = frozenset(("C-08",))
"""Rows about something that does not exist, so that there is nothing to test."""

_LETTERS = "A|T|C|M|J|O|W|G|P|F[A-P]"
_ROW = re.compile(r"^\| (\S+) \| .+ \| .+ \| (.+) \|$", re.MULTILINE)
_CITED = re.compile(rf"\b({_LETTERS})-(\d\d)\b(?: to (?:\1-)?(\d\d)\b)?")
_IN_A_NAME = re.compile(rf"\b(?:def test|class Test|async def test)_?((?i:{_LETTERS}))_?(\d\d)_")


def rows(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each row's id and tests."""
    for name, tests in _ROW.findall(text):
        if _CITED.fullmatch(name):
            yield name, re.findall(r"`([^`]+)`", tests)


def citations(text: str) -> set[str]:
    """The ids that a text cites, those within a range and in the names of tests as well."""
    names = {f"{letters.upper()}-{number}" for letters, number in _IN_A_NAME.findall(text)}
    for letters, first, last in _CITED.findall(text):
        names |= {f"{letters}-{number:02}" for number in range(int(first), int(last or first) + 1)}
    return names


def texts() -> Iterator[tuple[Path, str]]:
    for path in (ROOT / "pyproject.toml", *ROOT.glob("*.md")):
        yield path, path.read_text(encoding="utf-8")
    for path in (path for place in PLACES for path in (ROOT / place).rglob("*")):
        # This file's own examples cite ids that do not exist.
        if path.suffix in ENDINGS and not INSTALLED.intersection(path.parts) and path != Path(__file__):
            yield path, path.read_text(encoding="utf-8")


def test_each_cited_id_has_a_row() -> None:
    known = {name for name, _ in rows(CATALOGUE.read_text(encoding="utf-8"))}
    unknown = {str(path.relative_to(ROOT)): left for path, text in texts() if (left := citations(text) - known)}
    assert unknown == {}, "cited, but without a row in docs/attacks.md"


def test_no_catalogue_outside_of_the_repository_is_cited() -> None:
    citing = [str(path.relative_to(ROOT)) for path, text in texts() if re.search(r"\bCASES\b|case list", text)]
    assert citing == []


def test_the_tests_of_each_row_exist() -> None:
    missing = [
        f"{name}: {test}"
        for name, tests in rows(CATALOGUE.read_text(encoding="utf-8"))
        for test in tests
        if not (ROOT / "tests" / test).is_file()
    ]
    assert missing == [], "docs/attacks.md names tests that are not there"


def test_each_row_has_tests_and_stands_once() -> None:
    catalogue = list(rows(CATALOGUE.read_text(encoding="utf-8")))
    assert {name for name, tests in catalogue if not tests} == UNTESTED
    assert len({name for name, _ in catalogue}) == len(catalogue)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("# Never trusted (A-98).", {"A-98"}),
        ("A-96 to A-98, FK-99", {"A-96", "A-97", "A-98", "FK-99"}),
        ("T-97 to 99", {"T-97", "T-98", "T-99"}),
        ("def test_a98_key_is_ignored() -> None:", {"A-98"}),
        ("async def test_fk_98_limit() -> None:", {"FK-98"}),
        ("class TestJ_98_Spellings:", {"J-98"}),
        ("2026-11-29, SHA-256, HS-256, P-256, XA-98", set()),
        ("M10 5h4 def test_at_most_10_keys() -> None:", set()),
    ],
)
def test_citations_are_found(text: str, names: set[str]) -> None:
    assert citations(text) == names


def test_a_row_is_read_with_its_tests() -> None:
    text = "| ID | Attack | Answer | Tests |\n| A-98 | A `kid`. | Refused. | `test_a.py`, `b/test_c.py` |"
    assert list(rows(text)) == [("A-98", ["test_a.py", "b/test_c.py"])]
