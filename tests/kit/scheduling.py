"""Spreads the files of tests over the workers of pytest-xdist so that both cores always have work.

Some workers begin with the tests that coverage needs, and measure until none of these is left. The others never
measure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from coverage import Coverage
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController  # type: ignore[import-untyped]

FROM_OUTSIDE: Final = (
    "browser/",
    "cli/test_feed_port.py",
    "cli/test_serve.py",
    "demo/test_demo.py",
    "deploy/",
    "end_to_end/",
    "faults/",
    "gateways/",
    "release/",
)
"""Folders and files of tests that start the whole product and look at it from outside."""

WALKS: Final = (
    "cli/remote/test_any_argument.py",
    "control/api/test_attackers.py",
    "control/api/test_generated.py",
    "control/api/test_matrix.py",
    "control/api/test_schemathesis.py",
    "control/entrance/test_any_command.py",
    "control/entrance/test_any_request.py",
    "control/organizations/test_locks_hold.py",
    "control/test_access_matrix.py",
    "control/test_csrf.py",
    "core/test_interpreters.py",
    "fuzz/",
    "properties/",
    "worker/test_fair_turns.py",
)
"""Folders and files of tests that walk through every page, operation or token with one question.

A line that only they reach has no test that is about it.
"""

UNMEASURED: Final = tuple(f"tests/{place}" for place in (*FROM_OUTSIDE, *WALKS))
"""What runs without coverage, which doubles the time of a test that computes."""

MEASURING: Final = 2
"""How many workers begin with tests that are measured."""

LEFT: Final = 2
"""With so few tests left a worker is given another file, as pytest-xdist does."""

LONGEST: Final = "tests/browser/test_axe.py"
"""Begun first, so that nothing else has ended long before it."""


class SideBySide(LoadFileScheduling):  # type: ignore[misc]
    """All tests of a file run in one worker, so that its real peers start once."""

    def _assign_work_unit(self, node: WorkerController) -> None:
        file = self._preferred(node)
        if file is not None:
            self.workqueue.move_to_end(file, last=False)
        super()._assign_work_unit(node)

    def _reschedule(self, node: WorkerController) -> None:
        needs_work = self._pending_of(self.assigned_work[node]) <= LEFT
        if self.workqueue and needs_work and not node.shutting_down and self._preferred(node) is None:
            # What is left is for the workers that measure.
            node.shutdown()
            return
        super()._reschedule(node)

    def _preferred(self, node: WorkerController) -> str | None:
        if measures(node.gateway.id):
            return next((file for file in self.workqueue if not is_unmeasured(file)), next(iter(self.workqueue), None))
        unmeasured = [file for file in self.workqueue if is_unmeasured(file)]
        return LONGEST if LONGEST in unmeasured else next(iter(unmeasured), None)


def measures(worker: str) -> bool:
    """Whether the worker of this name, such as `gw0`, begins with tests that are measured."""
    return int(worker.removeprefix("gw")) < MEASURING


def is_unmeasured(file: str) -> bool:
    """Whether the file, as pytest names it from the project's root, is run without coverage."""
    return file.startswith(UNMEASURED)


def stop_measuring() -> None:
    """Measure nothing more in this process. There is nothing to stop without `--cov`."""
    measuring = Coverage.current()
    if measuring is not None:
        measuring.stop()
