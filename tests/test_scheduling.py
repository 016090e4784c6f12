"""What runs without coverage is there: a file that was moved would be measured, and take twice its time."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.scheduling import LONGEST, UNMEASURED, is_unmeasured

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("place", [*UNMEASURED, LONGEST])
def test_unmeasured_place_exists(place: str) -> None:
    assert (ROOT / place).is_dir() if place.endswith("/") else (ROOT / place).is_file()
    assert is_unmeasured(place)
