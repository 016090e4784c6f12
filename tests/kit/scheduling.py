"""Spreads the files of tests over the workers of pytest-xdist so that both cores always have work.

Tests of the whole product wait most of their time: for processes, for pages, for clocks. Tests of a room compute. Each
worker keeps to one of the two kinds as long as there is any, so that what waits and what computes run side by side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController  # type: ignore[import-untyped]

FROM_OUTSIDE: Final = ("browser", "deploy", "end_to_end", "faults", "gateways")
"""Folders of tests that start the whole product and look at it from outside."""

COMPUTING: Final = 1
"""How many workers begin with tests of a room."""


class SideBySide(LoadFileScheduling):  # type: ignore[misc]
    """All tests of a file run in one worker, so that its real peers start once."""

    def _assign_work_unit(self, node: WorkerController) -> None:
        number = self.nodes.index(node)
        waits = number >= COMPUTING
        preferred = (file for file in self.workqueue if is_from_outside(file) == waits)
        file = next(preferred, None)
        if file is not None:
            self.workqueue.move_to_end(file, last=False)
        super()._assign_work_unit(node)


def is_from_outside(file: str) -> bool:
    """Whether the file, as pytest names it from the project's root, is in one of those folders."""
    return any(file.startswith(f"tests/{folder}/") for folder in FROM_OUTSIDE)
