"""How long the tests that look for rare faults run: `make test` briefly, `make soak` at full length.

A test that uses this has the marker `soak`, by which `make soak` finds it (tests/test_soak.py).
"""

from __future__ import annotations

import os
from typing import Final, TypeVar

FULL: Final = "SOAK" in os.environ

T = TypeVar("T")


def length(short: T, full: T) -> T:
    """A number of repetitions, or the cases to try."""
    return full if FULL else short
