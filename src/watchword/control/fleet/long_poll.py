"""Waiting for the feed to move: one query per look for the whole process, however many verifiers wait."""

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
"""While the database tells of changes; within the 5 s that the change may take, should it fail to."""

BURST_SECONDS: Final = 0.05
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
    """Wakes everyone who waits when the feed's head has moved, or could not be read. Belongs to one event loop.

    Attributes:
        wave: counts how often somebody was woken; who was woken in one wave needs the same answers.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[asyncio.Future[bool], Head] = {}
        self._follower: asyncio.Task[None] | None = None
        self._known: Head | None = None
        self._look = asyncio.Event()
        self._is_told = False
        self._is_over = False
        self.wave = 0

    def told(self) -> None:
        """The database says that the head has moved."""
        # It is relied on once it has told something: through some poolers a database is listened to in vain.
        self._is_told = True
        self._look.set()

    def not_told(self) -> None:
        """The database will not say so for a while."""
        self._is_told = False

    def let_go(self) -> None:
        """The process is about to stop: who waits is told that nothing has moved, and so is who comes from now on."""
        self._is_over = True
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(False)

    def stands_at(self, seen: Head) -> bool:
        """Whether the head is `seen` as far as is known, and it would be heard at once if that were no longer so."""
        return self._is_told and self._is_following() and seen == self._known

    async def until_moved(self, seen: Head, seconds: float) -> bool:
        """Return when the head is no longer `seen`, after `seconds`, or when let go; says whether it has moved.

        Raises:
            DatabaseError: the head cannot be read.
        """
        if self._is_over:
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
            asked = self._look.is_set()
            # Cleared before the head is read: who comes while it is being read wants it read again.
            self._look.clear()
            try:
                now_at = await self._database.run(head)
            except DatabaseError as failure:
                self._known = None
                for waiter in self._waiting:
                    if not waiter.done():
                        waiter.set_exception(failure)
            else:
                self._reached(now_at, asked=asked)
            await self._rest()

    def _reached(self, now_at: Head, *, asked: bool) -> None:
        if self._known not in {None, now_at} and not asked:
            # The poll found out what nobody told. Until something is told again, it has to be quick.
            self._is_told = False
        self._known = now_at
        woken = [waiter for waiter, seen in self._waiting.items() if seen != now_at and not waiter.done()]
        self.wave += bool(woken)
        for waiter in woken:
            waiter.set_result(True)

    async def _rest(self) -> None:
        # What changes in one burst is read, sent and folded as one page.
        await asyncio.sleep(BURST_SECONDS)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._look.wait(), SLOW_POLL_SECONDS if self._is_told else POLL_SECONDS)


class Shared:
    """Answers that many need at the same time, each asked for once. Belongs to one event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._wave = -1
        self._answers: dict[Hashable, asyncio.Future[Any]] = {}

    async def run(self, wave: int, query: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The query's answer; that of the same query and wave, if somebody has asked already.

        A wave begins before the first of its questions, so nobody is given what was true before it was woken.
        """
        if wave != self._wave:
            self._wave, self._answers = wave, {}
        key = (query, args, tuple(kwargs.items()))
        if key not in self._answers:
            self._answers[key] = asyncio.ensure_future(self._database.run(query, *args, **kwargs))
        # Shielded: one verifier that goes away must not take the answer from the others.
        answer: T = await asyncio.shield(self._answers[key])
        return answer
