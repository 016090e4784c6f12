"""Commands at the same time, each in a thread with a connection of its own."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from django.db import connections

from watchword.control.base.refusals import AccessLost, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable


def at_once(*runs: Callable[[], object]) -> list[str]:
    """Run all together; returns, sorted, `done` or the code of the refusal for each."""
    start = threading.Barrier(len(runs))

    def one(run: Callable[[], object]) -> str:
        start.wait(timeout=30)
        try:
            run()
        except Refusal as refusal:
            return refusal.code
        except AccessLost as lost:
            return lost.refusal.code
        else:
            return "done"
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(runs)) as pool:
        return sorted(pool.map(one, runs))
