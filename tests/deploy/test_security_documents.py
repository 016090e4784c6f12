"""The documents about security are complete, and the evidence that they name exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from watchword.control.identity.password_rules import context_words

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("SECURITY.md", "docs/security.md", "docs/asvs.md")

# How many requirements of levels 1 and 2 each section of ASVS 5.0.0 has, and which of its numbers are of level 3.
SECTIONS = {
    "1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2,
    "2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1,
    "3.2": 2, "3.3": 4, "3.4": 6, "3.5": 5, "3.7": 2,
    "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4,
    "5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3,
    "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4,
    "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2,
    "8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1,
    "9.1": 3, "9.2": 4,
    "10.1": 2, "10.2": 2, "10.3": 4, "10.4": 11, "10.5": 5, "10.6": 2, "10.7": 3,
    "11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4, "11.5": 1, "11.6": 1,
    "12.1": 3, "12.2": 2, "12.3": 4,
    "13.1": 1, "13.2": 5, "13.3": 2, "13.4": 5,
    "14.1": 2, "14.2": 4, "14.3": 3,
    "15.1": 3, "15.2": 3, "15.3": 7,
    "16.1": 1, "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 3,
    "17.1": 1, "17.2": 4, "17.3": 2,
}  # fmt: skip

_ROW = re.compile(r"^\| V(\d+\.\d+)\.(\d+) \| (.+?) \| (.+) \|$", re.MULTILINE)
_PATH = re.compile(r"`((?:tests|src|docs|deploy)/[^`*]+)`")
_LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_files_named_by_documents_exist(name: str) -> None:
    document = ROOT / name
    text = document.read_text(encoding="utf-8")
    missing = [path for path in _PATH.findall(text) if not (ROOT / path).exists()]
    missing += [link for link in _LINK.findall(text) if not (document.parent / link).exists()]
    assert missing == []


def test_every_requirement_of_level_2_has_one_verdict() -> None:
    rows = _ROW.findall((ROOT / "docs/asvs.md").read_text(encoding="utf-8"))
    numbers = [(section, number) for section, number, _, _ in rows]
    assert len(set(numbers)) == len(numbers)
    assert {section: [each for each, _ in numbers].count(section) for section, _ in numbers} == SECTIONS
    assert {verdict for _, _, verdict, _ in rows} <= {"met", "n/a", "operator"}


def test_documented_password_words_match_the_code() -> None:
    text = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    rules = text.split("## Rules against guessing")[1].split("## Limits")[0]
    assert context_words(()) <= set(re.findall(r"`([a-z]+)`", rules))
