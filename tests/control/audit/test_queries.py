"""Pages by keyset: the right events. What they cost is in test_query_plans.py."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kit.audit_events import fill, write
from kit.people import NOW
from watchword.control.audit import queries
from watchword.control.audit.filters import Filters
from watchword.control.audit.queries import EventPage, log_of, page_of

pytestmark = pytest.mark.django_db


def filters(**query: str) -> Filters:
    return Filters.of(query, with_organization=True)


def numbers(page: EventPage) -> list[int]:
    return [event.sequence for event in page.events]


def test_pages_go_from_the_newest_to_the_oldest_and_back() -> None:
    fill(120)
    first = page_of(log_of("acme"), filters())
    assert (numbers(first)[0], numbers(first)[-1], first.newer, first.older) == (120, 71, None, 71)
    second = page_of(log_of("acme"), filters(), before=71)
    assert (numbers(second)[0], numbers(second)[-1], second.newer, second.older) == (70, 21, 70, 21)
    third = page_of(log_of("acme"), filters(), before=21)
    assert (numbers(third)[0], numbers(third)[-1], third.newer, third.older) == (20, 1, 20, None)
    assert numbers(page_of(log_of("acme"), filters(), after=20)) == numbers(second)
    # Fewer newer events than a page: the newest page, full.
    assert page_of(log_of("acme"), filters(), after=100) == first


def test_page_beyond_the_end_links_back() -> None:
    fill(3)
    assert page_of(log_of("acme"), filters(), before=1) == EventPage((), newer=0)


def test_an_organization_sees_its_own_events_and_the_provider_all() -> None:
    for organization in ("acme", "globex", None):
        write(organization=organization)
    assert numbers(page_of(log_of("acme"), filters())) == [1]
    assert numbers(page_of(log_of(None), filters())) == [3, 2, 1]
    assert numbers(page_of(log_of(None), filters(organization="globex"))) == [2]
    assert numbers(page_of(log_of(None), filters(organization="-"))) == [3]
    assert numbers(page_of(log_of("acme"), filters(organization="globex"))) == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"who": "ALICE"}, [3, 2, 1]),
        ({"who": "worker"}, [4]),
        ({"action": "server_added"}, [4, 2, 1]),
        ({"result": "refused"}, [2]),
        ({"interface": "worker"}, [4]),
        ({"target": "okta"}, [3, 1]),
        ({"target": "%"}, [2]),
        ({"target": "okta", "who": "bob"}, []),
        ({"from": f"{NOW:%Y-%m-%d}"}, [4]),
        ({"to": f"{NOW - timedelta(days=2):%Y-%m-%d}"}, [2, 1]),
        ({"from": f"{NOW - timedelta(days=2):%Y-%m-%d}", "to": f"{NOW - timedelta(days=1):%Y-%m-%d}"}, [3, 2]),
        ({"from": f"{NOW + timedelta(days=2):%Y-%m-%d}"}, []),
        ({"to": f"{NOW - timedelta(days=9):%Y-%m-%d}"}, []),
        ({"from": "never"}, []),
    ],
)
def test_filters_return_matching_events(query: dict[str, str], found: list[int]) -> None:
    write("ProdOkta", at=NOW - timedelta(days=3))
    write("100 %", at=NOW - timedelta(days=2), result="refused")
    write("okta standby", at=NOW - timedelta(days=1), action="server_edited")
    write("Keycloak", actor="worker", interface="worker")
    assert numbers(page_of(log_of("acme"), filters(**query))) == found


def test_search_stops_at_limit_and_continues(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "SEARCHED", 10)
    for position in range(1, 36):
        write("wanted" if position in {2, 3, 30} else "other")
    wanted = filters(target="wanted")
    steps, before = [], None
    for _ in range(4):
        page = page_of(log_of("acme"), wanted, before=before)
        steps.append((numbers(page), page.searched_to))
        before = page.older
    assert steps == [([30], 25), ([], 14), ([3], 3), ([2], None)]
    assert numbers(page_of(log_of("acme"), wanted, after=14)) == []
    assert page_of(log_of("acme"), wanted, after=14).newer == 25
    assert numbers(page_of(log_of("acme"), wanted, after=25)) == [30]
