"""What all browser tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True, scope="module")
def unmeasured_processes() -> Iterator[None]:
    """The portals behind these pages run without coverage: the tests beside their code measure it, at half the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COVERAGE_PROCESS_CONFIG", "")
        yield
