"""Waiting for the feed to move: one query per poll for the whole process, however many verifiers wait."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from django.db import DatabaseError, connections

from watchword.control.fleet.queries import head

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword.control.fleet.queries import Head

POLL_SECONDS: Final = 0.2
DATABASE_THREADS: Final = 4

P = ParamSpec("P")
T = TypeVar("T")


class Database:
    """A few threads that keep their connections, so that no waiting verifier holds a thread or a connection.

    Django would give every request a thread and a connection of its own, for as long as the request lasts.
    """

    def __init__(self, threads: int = DATABASE_THREADS) -> None:
        self._threads = threads
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="feed")

    async def run(self, query: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: _run(query, *args, **kwargs))

    def close(self) -> None:
        """End all threads and their connections."""
        gathered = threading.Barrier(self._threads)

        def leave() -> None:
            # Each thread waits for all the others here, so that no thread can take two of these jobs.
            gathered.wait(timeout=10)
            connections.close_all()

        for job in [self._pool.submit(leave) for _ in range(self._threads)]:
            job.result()
        self._pool.shutdown()


def _run(query: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return query(*args, **kwargs)
    except DatabaseError:
        # The connection may be broken; the next query gets a new one.
        connections.close_all()
        raise


class Watch:
    """Wakes everyone who waits when the feed's head has moved, or could not be read. Belongs to one event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[asyncio.Future[None], Head] = {}
        self._poller: asyncio.Task[None] | None = None

    async def until_moved(self, seen: Head, seconds: float) -> None:
        """Return when the head is no longer `seen`, or after `seconds`.

        Raises:
            DatabaseError: the head cannot be read.
        """
        moved = asyncio.get_running_loop().create_future()
        self._waiting[moved] = seen
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll())
        try:
            await asyncio.wait_for(moved, timeout=seconds)
        except TimeoutError:
            return
        finally:
            del self._waiting[moved]

    async def _poll(self) -> None:
        while self._waiting:
            try:
                now_at = await self._database.run(head)
            except DatabaseError as failure:
                for waiter in self._waiting:
                    if not waiter.done():
                        waiter.set_exception(failure)
            else:
                for waiter, seen in self._waiting.items():
                    if seen != now_at and not waiter.done():
                        waiter.set_result(None)
            await asyncio.sleep(POLL_SECONDS)
