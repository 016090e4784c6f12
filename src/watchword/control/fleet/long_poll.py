"""Waiting for a change of the feed: one query at a time for all waiting verifiers of the process."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from django.db import DatabaseError, connections

from watchword.control.fleet.queries import head

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from watchword.control.fleet.queries import Head

POLL_SECONDS: Final = 0.1
SLOW_POLL_SECONDS: Final = 2.0
"""While the database notifies; short enough for the promised 5 s if a notification is lost."""

BURST_SECONDS: Final = 0.05
DATABASE_THREADS: Final = 4

P = ParamSpec("P")
T = TypeVar("T")


class Database:
    """A few threads with their own connections, so that no waiting verifier holds a thread or a connection.

    Django would give every request a thread and a connection for as long as it waits.
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
            # Each thread waits here for all others, so that no thread takes two of these jobs.
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


class HeadWatcher:
    """Wakes all waiting requests when the feed's head has changed or cannot be read. Belongs to one event loop.

    Attributes:
        wake_ups: counts wake-ups; requests of one wake-up need the same results.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[asyncio.Future[bool], Head] = {}
        self._follower: asyncio.Task[None] | None = None
        self._known: Head | None = None
        self._look = asyncio.Event()
        self._is_notified = False
        self._is_released = False
        self.wake_ups = 0

    def notified(self) -> None:
        """The database has notified of a change."""
        # Trusted only after the first notification: some connection poolers drop them.
        self._is_notified = True
        self._look.set()

    def notifications_lost(self) -> None:
        """The connection for notifications is lost."""
        self._is_notified = False

    def release(self) -> None:
        """End all waits, and future ones, without a change: the process is about to stop."""
        self._is_released = True
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(False)

    def is_at(self, seen: Head) -> bool:
        """Whether the last known head is `seen` and a change would be notified at once."""
        return self._is_notified and self._is_following() and seen == self._known

    async def wait_for_change(self, seen: Head, seconds: float) -> bool:
        """Wait until the head differs from `seen`, for at most `seconds`, or until released; True if it changed.

        Raises:
            DatabaseError: the head cannot be read.
        """
        if self._is_released:
            return False
        moved = asyncio.get_running_loop().create_future()
        self._waiting[moved] = seen
        if not self._is_following():
            self._known = None
            self._follower = asyncio.create_task(self._follow())
        elif seen != self._known:
            self._look.set()
        try:
            return await asyncio.wait_for(moved, timeout=seconds)
        except TimeoutError:
            return False
        finally:
            del self._waiting[moved]

    def _is_following(self) -> bool:
        return self._follower is not None and not self._follower.done()

    async def _follow(self) -> None:
        while self._waiting:
            requested = self._look.is_set()
            # Cleared before reading the head: a request that arrives during the read needs another one.
            self._look.clear()
            try:
                now_at = await self._database.run(head)
            except DatabaseError as failure:
                self._known = None
                for waiter in self._waiting:
                    if not waiter.done():
                        waiter.set_exception(failure)
            else:
                self._reached(now_at, requested=requested)
            await self._rest()

    def _reached(self, now_at: Head, *, requested: bool) -> None:
        if self._known not in {None, now_at} and not requested:
            # Polling found a change without a notification: poll quickly until the next notification.
            self._is_notified = False
        self._known = now_at
        woken = [waiter for waiter, seen in self._waiting.items() if seen != now_at and not waiter.done()]
        self.wake_ups += bool(woken)
        for waiter in woken:
            waiter.set_result(True)

    async def _rest(self) -> None:
        # Changes of one burst are read and sent as one page.
        await asyncio.sleep(BURST_SECONDS)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._look.wait(), SLOW_POLL_SECONDS if self._is_notified else POLL_SECONDS)


class SingleFlight:
    """Runs a query once for all requests that need it after the same wake-up. Belongs to one event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._wake_up = -1
        self._results: dict[Hashable, asyncio.Future[Any]] = {}

    async def run(self, wake_up: int, query: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return the query's result, which all calls with the same query, arguments and wake-up share.

        The query starts after the wake-up, so its result is never older than the change.
        """
        if wake_up != self._wake_up:
            self._wake_up, self._results = wake_up, {}
        key = (query, args, tuple(kwargs.items()))
        if key not in self._results:
            self._results[key] = asyncio.ensure_future(self._database.run(query, *args, **kwargs))
        # Shielded: a verifier that disconnects must not cancel the query for the others.
        result: T = await asyncio.shield(self._results[key])
        return result
