"""`make soak` runs every test that has a full length."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
WITH_A_LENGTH = [
    path for path in TESTS.rglob("test_*.py") if "kit.soak import" in path.read_text() and path.name != "test_soak.py"
]


@pytest.mark.parametrize("path", WITH_A_LENGTH, ids=lambda path: path.stem)
def test_test_with_a_full_length_has_the_marker(path: Path) -> None:
    assert "pytest.mark.soak" in path.read_text()
