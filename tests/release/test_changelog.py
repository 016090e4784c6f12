"""The newest section of the changelog is of the version in pyproject.toml, or of changes since."""

from __future__ import annotations

import re

import pytest

from kit.distribution import ROOT, version_of

DATED = re.compile(r"\[?(?P<version>\d+\.\d+\.\d+)\]? - (?P<date>\d{4}-\d\d-\d\d)")


def is_told(version: str, changelog: str) -> bool:
    """Say whether the newest section is that of `version`, with its date, or of changes after it."""
    headings = re.findall(r"^## (.+)$", changelog, re.MULTILINE)
    if not headings:
        return False
    dated = DATED.fullmatch(headings[0])
    return headings[0] == "Unreleased" or (dated is not None and dated["version"] == version)


def test_newest_section_is_of_this_version_or_unreleased() -> None:
    assert is_told(version_of(ROOT), (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("changelog", "expected"),
    [
        ("# Changelog\n\n## Unreleased\n", True),
        ("# Changelog\n\n## Unreleased\n\n## 0.2.0 - 2026-11-29\n", True),
        ("# Changelog\n\n## [0.3.0] - 2026-11-29\n\n## 0.2.0 - 2026-11-01\n", True),
        ("# Changelog\n\n## 0.2.0 - 2026-11-29\n", False),
        ("# Changelog\n\n## 0.3.0\n", False),
        ("# Changelog\n\n## 0.2.0 - 2026-11-29\n\n## Unreleased\n", False),
        ("# Changelog\n", False),
    ],
)
def test_changelog_of_another_version_is_noticed(changelog: str, *, expected: bool) -> None:
    assert is_told("0.3.0", changelog) is expected
