"""The operator's list of organizations."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from kit import registrations
from kit.browser_session import BrowserSession
from kit.people import NOW
from watchword.control.base.actor import command_line
from watchword.control.organizations.commands import CreateOrganization, SetSubscription, Suspend
from watchword.control.organizations.models import Organization, Subscription, SuspensionReason
from watchword.control.servers.models import KeySetState

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries

    from watchword.control.identity.models import Person
    from watchword.control.organizations.models import Organization as Row

LIST = "console:organizations"


def named(organization_id: str, name: str) -> None:
    CreateOrganization(organization_id=organization_id, name=name).run(command_line(), now=NOW)


def subscribed(organization_id: str, name: str, starts: float, ends: float) -> None:
    """With a subscription from and to so many days from now."""
    named(organization_id, name)
    SetSubscription(
        organization_id=organization_id,
        starts_at=NOW + timedelta(days=starts),
        expires_at=NOW + timedelta(days=ends),
        api_call_threshold=1_000_000,
    ).run(command_line(), now=NOW)


def suspended(organization_id: str) -> None:
    Suspend(organization_id=organization_id, reason=SuspensionReason.TERMS_VIOLATED).run(command_line())


def ids(html: str) -> list[str]:
    """The organizations of a page, from top to bottom."""
    return re.findall(r'href="/operator-console/organizations/([a-z0-9-]+)/"', html)


@pytest.fixture
def browser(operator: Person) -> BrowserSession:
    return BrowserSession.of(operator)


@pytest.fixture
def six(db: None) -> None:
    """One organization in each state."""
    subscribed("active", "Active One", -10, 90)
    subscribed("expiring", "Nearly Over", -90, 12.5)
    subscribed("expired", "Over", -10, -3.5)
    subscribed("later", "Yet to Come", 5.5, 90)
    named("none", "Without Any")
    subscribed("locked", "Locked Up", -10, 90)
    suspended("locked")


def test_each_organization_shows_its_state_and_the_countdown_of_its_subscription(
    browser: BrowserSession, six: None
) -> None:
    page = browser.get(LIST)

    assert ids(page.html) == ["active", "expired", "expiring", "later", "locked", "none"]
    for words in (
        "Active One active Active 89 days left 0 of 1,000,000 · 0 % 0",
        "Nearly Over expiring Expires soon 12 days left",
        "Over expired Expired expired 3 days ago",
        "Yet to Come later Not started starts in 5 days",
        "Locked Up locked Suspended 89 days left",
        "Without Any none No subscription none",
    ):
        assert words in page.text
    assert "6 total" in page.text


@pytest.mark.parametrize(
    ("state", "found"),
    [
        ("active", ["expiring", "active"]),
        ("expiring", ["expiring"]),
        ("expired", ["expired"]),
        ("not_started", ["later"]),
        ("none", ["none"]),
        ("suspended", ["locked"]),
        ("of-another-world", ["active", "expired", "expiring", "later", "locked", "none"]),
    ],
)
def test_a_state_narrows_the_list(browser: BrowserSession, six: None, state: str, found: list[str]) -> None:
    assert ids(browser.get(LIST, state=state).html) == found


def test_field_p_the_list_and_each_row_agree_on_what_expires_soon(browser: BrowserSession) -> None:
    """Each with the days since its start, its days left, and those since its renewal."""
    cases = {
        "first-day": (0, 30, None), "third-week": (21, 9, None), "last-quarter": (23, 7.4, None),
        "long": (335, 29.9, None), "not-yet": (335, 30.1, None), "day": (0.7, 0.3, None), "night": (0.8, 0.2, None),
        "renewed": (360, 29, 0), "renewed-long-ago": (360, 7, 22),
    }  # fmt: skip
    for name, (ago, left, renewed) in cases.items():
        subscribed(name, name, -ago - 0.001, left)
        if renewed is not None:
            Subscription.objects.filter(pk=name).update(term_starts_at=NOW - timedelta(days=renewed))
    soon = {"last-quarter", "long", "night", "renewed-long-ago"}
    assert set(ids(browser.get(LIST, state="expiring").html)) == soon
    rows = re.findall(r"<tr.*?</tr>", browser.get(LIST).html, re.DOTALL)
    assert {found[0] for row in rows if "Expires soon" in row and (found := ids(row))} == soon
    assert set(ids(browser.get(LIST, state="expiring", q="l").html)) == {"last-quarter", "long", "renewed-long-ago"}


@pytest.mark.parametrize("state", ["expired", "not_started", "none", "expiring", "active"])
def test_suspended_organization_is_in_no_other_state(browser: BrowserSession, six: None, state: str) -> None:
    for organization in Organization.objects.exclude(pk="locked"):
        suspended(organization.pk)

    page = browser.get(LIST, state=state)

    assert ids(page.html) == []
    assert "No organizations match" in page.text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ac", ["active"]),
        ("AC", ["active"]),
        ("OVER", ["expired", "expiring"]),
        ("y ov", ["expiring"]),
        ("tive", ["active"]),
        ("ocked", ["locked"]),
        ("%", []),
        ("_", []),
        ("nobody", []),
        ("a\x01b", []),
        ("x" * 121, []),
    ],
)
def test_search_finds_the_beginning_of_an_id_and_any_part_of_a_name(
    browser: BrowserSession, six: None, text: str, found: list[str]
) -> None:
    page = browser.get(LIST, q=text)

    assert page.status == 200
    assert ids(page.html) == found


def test_search_stays_in_the_fields_and_can_be_cleared(browser: BrowserSession, six: None) -> None:
    page = browser.get(LIST, q='"over"', state="expired")

    assert page.value("q") == '"over"'
    assert '<option value="expired" selected>' in page.html
    assert "Show all" in page.text


def test_without_any_organization_the_page_says_what_to_do(browser: BrowserSession) -> None:
    assert "No organizations yet Create one with its API subscription" in browser.get(LIST).text


def test_servers_are_counted_and_the_enabled_and_the_failing_named(browser: BrowserSession) -> None:
    registrations.organization()
    server = registrations.add(name="ProdOkta")
    registrations.add(name="Standby", enabled=False, jwks_location=registrations.OTHER_LOCATION)
    assert "2 · ProdOkta enabled" in browser.get(LIST).text

    KeySetState.objects.filter(server=server).update(failing_since=NOW, failures=1, problem="host_not_found")

    assert "2 · ProdOkta enabled · fetch failing" in browser.get(LIST).text


@pytest.fixture
def many(db: None) -> list[str]:
    """120 organizations, the later in the alphabet the sooner their subscription ends, some in the same second."""
    names = [f"o-{number:03d}" for number in range(120)]
    Organization.objects.bulk_create([Organization(id=name, name=name, created_at=NOW) for name in names])
    Subscription.objects.bulk_create(
        [
            Subscription(
                organization_id=name,
                starts_at=NOW - timedelta(days=9),
                expires_at=NOW + timedelta(days=300 - number // 7),
            )
            for number, name in enumerate(names)
        ]
    )
    return names


def walk(browser: BrowserSession, step: str, url: str) -> list[list[str]]:
    pages = []
    while True:
        html = browser.client.get(url).content.decode()
        pages.append(ids(html))
        onward = re.search(rf'href="([^"]*)"\s+rel="{step}"', html)
        if onward is None:
            return pages
        url = onward[1].replace("&amp;", "&")


@pytest.mark.parametrize("query", ["", "?state=active", "?q=o-&state=active", "?q=o-"])
def test_pages_follow_one_another_forwards_and_backwards_without_gap_or_repetition(
    browser: BrowserSession, many: list[str], query: str
) -> None:
    there = walk(browser, "next", f"/operator-console/organizations/{query}")

    assert [len(page) for page in there] == [50, 50, 20]
    assert sorted(row for page in there for row in page) == many
    last = browser.get(LIST, **dict(part.split("=") for part in query[1:].split("&") if part))
    assert ids(last.html) == there[0]
    second = re.search(r'href="([^"]*)"\s+rel="next"', last.html)
    assert second is not None
    third = re.search(r'href="([^"]*)"\s+rel="next"', browser.client.get(unquoted(second[1])).content.decode())
    assert third is not None
    back = walk(browser, "prev", unquoted(third[1]))
    assert list(reversed(back)) == there


def unquoted(href: str) -> str:
    return href.replace("&amp;", "&")


def test_one_of_several_pages_says_how_many_rows_it_shows(browser: BrowserSession, many: list[str]) -> None:
    page = browser.get(LIST)

    assert "50 shown" in page.text
    assert 'title="This is the first page"' in page.html


@pytest.mark.parametrize(
    "position",
    ["", "x" * 300, "UPPER", "a\x01", "o-050~o-051", "2026-01-01~o-050", "0001-01-01T00:00:00+23:59~o-050", "1~2~3"],
)
@pytest.mark.parametrize("state", ["", "active"])
@pytest.mark.parametrize("step", ["after", "before"])
def test_forged_position_shows_the_first_page(
    browser: BrowserSession, many: list[str], position: str, state: str, step: str
) -> None:
    page = browser.get(LIST, state=state, **{step: position})

    assert page.status == 200
    assert ids(page.html) == ids(browser.get(LIST, state=state).html)


def test_a_position_behind_the_last_is_an_empty_page(browser: BrowserSession, many: list[str]) -> None:
    assert ids(browser.get(LIST, after="zz").html) == []


@pytest.mark.parametrize("state", ["", "active", "expired", "suspended", "none", "not_started", "expiring"])
def test_the_budget_of_queries_does_not_grow_with_the_list(
    browser: BrowserSession,
    many: list[str],
    state: str,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    # Session and person, then organizations, suspensions, servers.
    with django_assert_max_num_queries(6):
        browser.get(LIST, state=state, q="o-")


def test_only_operators_see_the_console(acme: Row, alice: Person) -> None:
    mine = BrowserSession.of(alice)

    for route, place in (
        (LIST, ()),
        ("console:create-organization", ()),
        ("console:organization", ("acme",)),
        ("console:organization", ("nowhere",)),
        ("console:suspend", ("acme",)),
        ("console:verifiers", ()),
        ("console:create-verifier", ()),
        ("console:key-sets", ()),
    ):
        answer = mine.get(route, *place)
        assert answer.status == 403
        assert "Only the provider's operators may do this." in answer.text
        assert "add this permission" not in answer.text
