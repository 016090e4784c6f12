"""Who waits for the feed is woken once for each change, at the price of one question to the database."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import pytest

from watchword.control.fleet import long_poll as watching
from watchword.control.fleet import queries
from watchword.control.fleet.long_poll import Database, HeadWatcher, SingleFlight
from watchword.control.fleet.queries import Head

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

LONG = 30.0


class Heads:
    """A database that knows where the feed is, and counts how often it is asked."""

    def __init__(self) -> None:
        self.revision = 1
        self.asked = 0

    @property
    def head(self) -> Head:
        return Head("e1", self.revision)

    async def run(self, query: Callable[..., object], *arguments: object) -> object:
        self.asked += 1
        await asyncio.sleep(0)
        return self.head if query is queries.head else query(*arguments)


def run(story: Callable[[Heads, HeadWatcher], Coroutine[Any, Any, None]]) -> None:
    async def notified() -> None:
        heads = Heads()
        watch = HeadWatcher(cast("Database", heads))
        await story(heads, watch)
        if watch._follower is not None:
            watch._follower.cancel()

    asyncio.run(notified())


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(LONG):
        while not what():  # noqa: ASYNC110 - what is waited for belongs to the code under test, which tells no event.
            await asyncio.sleep(0.001)


@pytest.fixture(autouse=True)
def never_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless a test says otherwise, nothing happens that nobody told of."""
    monkeypatch.setattr(watching, "POLL_SECONDS", 3600.0)
    monkeypatch.setattr(watching, "SLOW_POLL_SECONDS", 3600.0)
    monkeypatch.setattr(watching, "BURST_SECONDS", 0.0)


def test_many_waiters_cost_one_query_at_arrival_and_one_per_change() -> None:
    async def story(heads: Heads, watch: HeadWatcher) -> None:
        waiting = [asyncio.create_task(watch.wait_for_change(heads.head, LONG)) for _ in range(500)]
        await until(lambda: heads.asked == 1)
        heads.revision = 2
        watch.notified()
        assert all(await asyncio.gather(*waiting))
        assert heads.asked == 2
        assert watch.wake_ups == 1
        # They come back and know what is known: not one question more.
        waiting = [asyncio.create_task(watch.wait_for_change(heads.head, LONG)) for _ in range(500)]
        await asyncio.sleep(0.05)
        assert (heads.asked, watch.is_at(heads.head)) == (2, True)
        heads.revision = 3
        watch.notified()
        assert all(await asyncio.gather(*waiting))
        assert (heads.asked, watch.wake_ups) == (3, 2)

    run(story)


def test_release_ends_all_waits_without_change() -> None:
    async def story(heads: Heads, watch: HeadWatcher) -> None:
        waiting = [asyncio.create_task(watch.wait_for_change(heads.head, LONG)) for _ in range(3)]
        await until(lambda: heads.asked == 1)
        gone = waiting.pop()
        gone.cancel()
        watch.release()
        async with asyncio.timeout(LONG / 2):
            assert await asyncio.gather(*waiting) == [False, False]
            assert not await watch.wait_for_change(heads.head, LONG)
        # Two in a row: the second finds nobody.
        watch.release()

    run(story)


def test_unknown_head_is_checked_in_the_database() -> None:
    async def story(heads: Heads, watch: HeadWatcher) -> None:
        waiting = asyncio.create_task(watch.wait_for_change(heads.head, LONG))
        await until(lambda: heads.asked == 1)
        assert await watch.wait_for_change(Head("e1", 0), LONG)
        assert watch.wake_ups == 1
        # The change that this one has seen already has not been told yet.
        heads.revision = 2
        ahead = asyncio.create_task(watch.wait_for_change(heads.head, LONG))
        assert await waiting
        assert not ahead.done()
        heads.revision = 3
        watch.notified()
        assert await ahead

    run(story)


def test_a_change_while_the_head_is_being_read_is_not_missed() -> None:
    async def story(heads: Heads, watch: HeadWatcher) -> None:
        known = heads.head
        original = heads.run

        async def moves_meanwhile(query: Callable[..., object], *arguments: object) -> object:
            answer = await original(query, *arguments)
            if heads.asked == 1:
                heads.revision = 2
                watch.notified()
            return answer

        heads.run = moves_meanwhile  # type: ignore[method-assign]
        assert await watch.wait_for_change(known, LONG)
        assert heads.asked == 2

    run(story)


def test_poll_finds_unnotified_change_and_becomes_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(heads: Heads, watch: HeadWatcher) -> None:
        assert not watch.is_at(heads.head)
        waiting = asyncio.create_task(watch.wait_for_change(heads.head, LONG))
        await until(lambda: heads.asked == 1)
        assert not watch.is_at(heads.head), "nothing has been told yet, perhaps nothing ever will be"
        watch.notified()
        await until(lambda: heads.asked == 2)
        assert watch.is_at(heads.head)
        monkeypatch.setattr(watching, "SLOW_POLL_SECONDS", 0.01)
        watch.notified()
        heads.revision = 2
        assert await waiting
        waiting = asyncio.create_task(watch.wait_for_change(heads.head, LONG))
        await until(lambda: heads.asked > 5)
        assert watch.is_at(heads.head)
        heads.revision = 3
        assert await waiting
        assert not watch.is_at(heads.head), "from now on it is not relied on"

    run(story)


def test_a_lost_connection_makes_the_poll_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(heads: Heads, watch: HeadWatcher) -> None:
        waiting = asyncio.create_task(watch.wait_for_change(heads.head, LONG))
        watch.notified()
        await until(lambda: watch.is_at(heads.head))
        watch.notifications_lost()
        assert not watch.is_at(heads.head)
        monkeypatch.setattr(watching, "POLL_SECONDS", 0.01)
        heads.revision = 2
        watch._look.set()
        assert await waiting

    run(story)


def test_nothing_new_ends_with_the_wait() -> None:
    async def story(heads: Heads, watch: HeadWatcher) -> None:
        assert not await watch.wait_for_change(heads.head, 0.01)
        assert watch.wake_ups == 0

    run(story)


def test_query_runs_once_per_wake_up() -> None:
    asked: list[str] = []

    def answer(name: str) -> str:
        asked.append(name)
        return f"{name} {len(asked)}"

    async def story(heads: Heads, _watch: HeadWatcher) -> None:
        shared = SingleFlight(cast("Database", heads))
        first = await asyncio.gather(*(shared.run(1, answer, "page") for _ in range(100)))
        assert set(first) == {"page 1"}
        assert await shared.run(1, answer, "other") == "other 2"
        assert await shared.run(2, answer, "page") == "page 3"
        assert asked == ["page", "other", "page"]

    run(story)


def test_disconnect_does_not_cancel_the_query_for_others() -> None:
    async def story(heads: Heads, _watch: HeadWatcher) -> None:
        shared = SingleFlight(cast("Database", heads))
        gone = asyncio.create_task(shared.run(1, lambda: "page"))
        same = shared._results
        await until(lambda: bool(same or shared._results))
        (answer,) = shared._results.values()
        gone.cancel()
        assert await answer == "page"

    run(story)
