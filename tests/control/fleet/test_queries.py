from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection

from kit.people import NOW
from watchword.control.fleet import queries
from watchword.control.fleet.feed import MAX_WAIT_SECONDS
from watchword.control.fleet.long_poll import POLL_SECONDS, Database, HeadWatcher
from watchword.control.fleet.models import FeedState, VerifierCredential
from watchword.control.fleet.queries import Caller, Head, note_seen, read_page, verifier_of_secret
from watchword.control.fleet.verifier_commands import CreateVerifier
from watchword.control.organizations.commands import CreateOrganization

if TYPE_CHECKING:
    from watchword.control.base.actor import Actor

pytestmark = pytest.mark.django_db(transaction=True)


def edge_1(secret: str) -> VerifierCredential:
    """The credential as a request with this secret has it."""
    credential = verifier_of_secret(secret)
    assert credential is not None
    return credential


def test_last_request_is_written_every_few_seconds_at_most(shell: Actor) -> None:
    secret = CreateVerifier(name="edge-1").run(shell)
    note_seen(edge_1(secret), Caller(node=None, version=None), 0, NOW - timedelta(minutes=1))
    earlier = edge_1(secret)

    for seconds, revision in ((0, 1), (4, 2), (6, 3)):
        # Also for a reader whose copy of the row is old.
        credential = earlier if seconds == 4 else edge_1(secret)
        note_seen(credential, Caller(node=None, version=None), revision, NOW + timedelta(seconds=seconds))
        assert VerifierCredential.objects.get().last_revision == (1 if revision < 3 else 3)


def test_last_request_costs_no_write_in_between(shell: Actor, django_assert_num_queries: Any) -> None:
    secret = CreateVerifier(name="edge-1").run(shell)
    note_seen(edge_1(secret), Caller(node=None, version=None), 1, NOW)
    credential = edge_1(secret)

    with django_assert_num_queries(0):
        note_seen(credential, Caller(node=None, version=None), 2, NOW + timedelta(seconds=4))


def test_many_waiters_cost_one_query_per_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    polls = 0
    original = queries.head

    def counted() -> Head:
        nonlocal polls
        polls += 1
        return original()

    monkeypatch.setattr("watchword.control.fleet.long_poll.head", counted)
    database = Database(threads=2)
    now_at = original()

    async def story() -> None:
        watch = HeadWatcher(database)
        await asyncio.gather(*(watch.wait_for_change(now_at, 1.0) for _ in range(200)))

    asyncio.run(story())
    database.close()
    assert polls <= 1.0 / POLL_SECONDS + 2


def test_waiting_ends_with_the_longest_wait() -> None:
    assert MAX_WAIT_SECONDS <= 25


def test_reading_the_head_is_one_query_and_a_page_two(shell: Actor, django_assert_num_queries: Any) -> None:
    CreateOrganization(organization_id="acme", name="Acme").run(shell)

    with django_assert_num_queries(1):
        newest = queries.head()
    with django_assert_num_queries(2):
        assert read_page("", 0) is not None
    with django_assert_num_queries(2):
        assert read_page(newest.epoch, newest.revision) is None


def test_first_reader_creates_the_epoch() -> None:
    assert not FeedState.objects.exists()

    assert queries.head() == queries.head() == Head(FeedState.objects.get().epoch, 0)
    connection.close()
