"""The documents lead somewhere, are found from their index, and fit on a screen."""

from __future__ import annotations

import re
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Final

import pytest

from bench import report

ROOT: Final = Path(__file__).resolve().parents[1]
WIDTH: Final = 100
UNBREAKABLE: Final = 60
"""A word of so many characters is a URL; its line may be longer."""


PLACES: Final = ("docs", "deploy", "src", "tests")
DOCUMENTS: Final = sorted(
    path.relative_to(ROOT).as_posix()
    for path in chain(ROOT.glob("*.md"), *((ROOT / place).rglob("*.md") for place in PLACES))
    if "node_modules" not in path.parts
)


def prose(name: str) -> list[tuple[int, str]]:
    """The numbered lines outside of blocks of code."""
    lines, in_code = [], False
    for number, line in enumerate((ROOT / name).read_text().splitlines(), 1):
        if line.lstrip().startswith("```"):
            in_code = not in_code
        elif not in_code:
            lines.append((number, line))
    return lines


@cache
def anchors(name: str) -> frozenset[str]:
    """Of the headings, as GitHub makes them."""
    found: list[str] = []
    for _, line in prose(name):
        if heading := re.match(r"#+ (.+)$", line):
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1])
            anchor = re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-")
            found.append(f"{anchor}-{found.count(anchor)}" if anchor in found else anchor)
    return frozenset(found)


def links(name: str) -> list[str]:
    """Where the links and pictures lead that are not URLs."""
    text = "\n".join(line for _, line in prose(name))
    text = re.sub(r"`[^`\n]*`", "", text)
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"^\[[^\]]+\]: (\S+)$", text, re.MULTILINE)
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def test_there_are_documents() -> None:
    assert {"README.md", "docs/README.md", "docs/authorization-servers/okta.md"} <= set(DOCUMENTS)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_to_files_and_headings(name: str) -> None:
    for target in links(name):
        path, _, anchor = target.partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file.resolve().relative_to(ROOT).as_posix()), target


def test_the_index_leads_to_every_document() -> None:
    of_the_index = {(ROOT / "docs" / link.partition("#")[0]).resolve() for link in links("docs/README.md")}
    # The decision records have a folder and a page of their own.
    records = set((ROOT / "docs/decisions").glob("0*.md"))
    documents = set((ROOT / "docs").rglob("*.md")) - records - {ROOT / "docs/README.md"}
    assert documents <= of_the_index


@pytest.mark.parametrize("name", DOCUMENTS)
def test_lines_fit_on_a_screen(name: str) -> None:
    long = [
        f"{name}:{number}"
        for number, line in prose(name)
        if len(line) > WIDTH
        and not line.lstrip().startswith("|")
        and all(len(word) < UNBREAKABLE for word in line.split())
    ]
    assert long == []


def test_the_page_of_benchmarks_says_what_the_next_run_will_say() -> None:
    page = (ROOT / "docs/benchmarks.md").read_text()
    assert page.startswith(report.INTRODUCTION)
    assert page.endswith(report.READING)


def test_the_readme_names_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert named[:2] == ["demo", "test"]
    assert set(named) <= targets


def test_the_readme_quotes_figures_that_were_measured() -> None:
    readme = (ROOT / "README.md").read_text()
    scaling = (ROOT / "docs/scaling.md").read_text()
    benchmarks = (ROOT / "docs/benchmarks.md").read_text()
    costs = readme.partition("## What it costs")[2].partition("\n## ")[0]

    marked = re.findall(r"(\d\.\d\d) \*", costs)
    assert marked
    assert all(re.search(rf"^- envoy ext_authz → .*= \*\*{figure}\*\*", benchmarks, re.MULTILINE) for figure in marked)
    quoted = chain.from_iterable(
        re.findall(r"\d[\d.]* (?:MB|s)\b", row)
        for row in costs.splitlines()
        if row.startswith(("| memory", "| longest"))
    )
    assert all(figure in scaling for figure in quoted)
