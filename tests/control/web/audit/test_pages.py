"""The Audit Logs pages as the browser gets them without scripts, and in parts as htmx gets them."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from kit import sample_portal
from kit.audit_events import fill, write
from kit.browser_session import utc
from watchword.control.audit.checkpoint import verify_step
from watchword.control.audit.models import AuditCheckpoint, AuditEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import DjangoAssertNumQueries

    from watchword.control.identity.models import Person
    from watchword.control.organizations.models import Organization

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
ACME = "/acme/administration/audit-logs/"
PROVIDER = "/operator-console/audit-logs/"
NONE = "\u2013"


@pytest.fixture
def signed_in() -> Callable[[Person], Client]:
    def sign_in(person: Person) -> Client:
        client = Client()
        client.cookies["watchword_session"] = sample_portal.session_of(person)
        return client

    return sign_in


@pytest.fixture
def reading_bob(bob: Person, signed_in: Callable[[Person], Client]) -> Client:
    return signed_in(bob)


@pytest.fixture
def reading_operator(operator: Person, signed_in: Callable[[Person], Client]) -> Client:
    return signed_in(operator)


def text(response: Any) -> str:
    html = re.sub(r"<(head|nav class=\"rail)\b.*?</(head|nav)>", "", response.content.decode(), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def lines(response: Any) -> list[str]:
    """The line of each event, as one reads it."""
    summaries = re.findall(r"<summary class=\"event-line\">(.*?)</summary>", response.content.decode(), re.DOTALL)
    return [" ".join(unescape(re.sub(r"<[^>]+>", " ", summary)).split()) for summary in summaries]


def test_page_has_the_documented_address() -> None:
    assert reverse("audit:list", args=["acme"]) == ACME
    assert reverse("audit:provider") == PROVIDER


def test_event_is_one_line(reading_bob: Client) -> None:
    at = timezone.now() - timedelta(minutes=5)
    write(at=at, address="192.0.2.9", actor="alice@acme.example")
    line = lines(reading_bob.get(ACME))[0]
    time = at.strftime("%Y-%m-%d %H:%M:%S UTC")
    assert line == f"{time} alice@acme.example Add authorization server ProdOkta from 192.0.2.9 Portal Success"


def test_field_p_each_row_says_the_time_of_its_event(reading_bob: Client) -> None:
    now = timezone.now()
    for seconds in range(19):
        write(at=now - timedelta(seconds=seconds))
    shown = [line[:23] for line in lines(reading_bob.get(ACME))]
    # And perhaps that of Bob's own sign-in.
    assert len(set(shown)) >= 19
    assert all(time.endswith(" UTC") for time in shown)


def test_field_p_the_filter_offers_the_interfaces_that_there_are(reading_bob: Client) -> None:
    page = reading_bob.get(ACME).content.decode()
    select = re.search(r'<select[^>]*name="interface".*?</select>', page, re.DOTALL)
    assert select is not None
    offered = re.findall(r"<option[^>]*>([^<]+)</option>", select[0])
    assert offered == ["Any", "Portal", "API", "Command line", "Worker"]
    assert "Interface must be a value of the list." in text(reading_bob.get(ACME, {"interface": "telephone"}))


def test_requests_to_the_api_show_their_client_and_id(reading_bob: Client) -> None:
    write()
    page = text(reading_bob.get(ACME))
    assert "Client ID" not in page
    assert "Request ID" not in page
    write(client="terraform", request_id="r-17", interface="api", actor="oauth-Deployer$@acme.orders")
    page = text(reading_bob.get(ACME))
    assert "Client ID terraform" in page
    assert "Request ID r-17" in page


def test_it_opens_to_what_was_changed(reading_bob: Client) -> None:
    write(changes={"description": ["Batch", ""], "verify_certificate": [True, False], "client_id": [None, "x<y"]})
    page = text(reading_bob.get(ACME))
    assert f"Description Batch {NONE}" in page
    assert "Certificate validation yes no" in page
    assert f"Client ID {NONE} x<y" in page
    assert AuditEvent.objects.latest("sequence").hash in page


def test_a_refused_attempt_says_why(reading_bob: Client) -> None:
    write(result="refused", changes={"reason": [None, "organization_suspended"]})
    write(result="refused", changes={"reason": [None, "moon_is_full"]}, action="moon_howled", interface="telepathy")
    write(result="refused", action="signed_in")
    page = reading_bob.get(ACME)
    assert "Refused: the organization is suspended." in text(page)
    assert "Refused: Moon is full." in text(page)
    assert "Moon howled ProdOkta from 2001:db8::1 Telepathy Refused" in lines(page)[1]


def test_texts_of_events_are_escaped(reading_bob: Client) -> None:
    write("<script>alert(1)</script>", changes={"<b>": ["<i>", '"><img src=x>']})
    html = reading_bob.get(ACME).content.decode()
    assert "<script>alert" not in html
    assert "<img src=x>" not in html
    assert "<i>" not in html


def test_an_organization_never_sees_anothers_events(reading_bob: Client, globex: Organization) -> None:
    write("GlobexServer", organization="globex")
    write("ProvidersOwn", organization=None)
    page = reading_bob.get(ACME, {"organization": "globex"})
    assert "GlobexServer" not in text(page)
    assert "ProvidersOwn" not in text(page)
    assert reading_bob.get("/globex/administration/audit-logs/").status_code == 404
    assert reading_bob.get("/nobody/administration/audit-logs/").status_code == 404


def test_permission_is_required(charlie: Person, alice: Person, signed_in: Callable[[Person], Client]) -> None:
    assert alice.role is not None
    alice.role.permissions = ["API Key Management"]
    alice.role.save()
    refused = signed_in(alice).get(ACME)
    assert refused.status_code == 403
    assert "“Audit Logs”" in text(refused)
    refused = signed_in(alice).post(f"{ACME}export/", {"form": "csv"})
    assert refused.status_code == 403
    assert AuditEvent.objects.latest("sequence").result == "refused"
    assert signed_in(charlie).post(f"{ACME}export/", {"form": "csv"}).status_code == 404


def test_only_operators_see_the_providers_log(
    reading_bob: Client, reading_operator: Client, globex: Organization
) -> None:
    assert reading_bob.get(PROVIDER).status_code == 403
    write("GlobexServer", organization="globex")
    write("ProvidersOwn", organization=None)
    page = reading_operator.get(PROVIDER)
    assert "provider alice@acme.example Add authorization server ProvidersOwn" in lines(page)[0]
    assert "globex alice@acme.example Add authorization server GlobexServer" in lines(page)[1]
    assert len(lines(reading_operator.get(PROVIDER, {"organization": "globex", "target": "GlobexServer"}))) == 1
    assert "Export matching events" in text(reading_operator.get(PROVIDER, {"organization": "-"}))


def test_request_without_session_leads_to_sign_in() -> None:
    assert Client().get(ACME).headers["Location"].startswith("/sign-in")


def test_operators_read_an_organizations_log_too(reading_operator: Client, acme: Organization) -> None:
    assert reading_operator.get(ACME).status_code == 200


def test_filters_stay_in_the_address_and_each_can_be_taken_away(reading_bob: Client) -> None:
    write("ProdOkta", result="refused")
    write("Other")
    page = reading_bob.get(ACME, {"result": "refused", "target": "okta", "who": ""})
    assert len(lines(page)) == 1
    html = page.content.decode()
    assert f'href="{ACME}?target=okta"' in html
    assert f'href="{ACME}?result=refused"' in html
    assert 'value="refused" selected' in html
    assert 'value="okta"' in html
    assert f'action="{ACME}export/?target=okta&amp;result=refused"' in html


def test_no_match_differs_from_an_empty_log(reading_bob: Client) -> None:
    page = text(reading_bob.get(ACME, {"target": "nowhere"}))
    assert "No matching events" in page
    assert "No events yet" not in page


def test_a_log_without_events_says_what_it_is_for(reading_bob: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watchword.control.web.audit.page.log_of", lambda _organization: AuditEvent.objects.none())
    page = text(reading_bob.get(ACME))
    assert "No events yet" in page
    assert "of Acme appear here" in page
    assert "Export all events" not in page


def test_unreadable_filter_shows_an_error_and_no_events(reading_bob: Client) -> None:
    write()
    page = reading_bob.get(ACME, {"from": "yesterday"})
    assert lines(page) == []
    assert "The filter cannot be applied. From must be a date" in text(page)
    assert reading_bob.post(f"{ACME}export/?from=yesterday", {"form": "csv"}).status_code == 422


def test_the_form_gets_the_list_alone_and_a_link_the_form_with_it(reading_bob: Client) -> None:
    write()
    alone = reading_bob.get(ACME, headers=HTMX | {"HX-Target": "log"}).content.decode()
    assert alone.lstrip().startswith("<section")
    assert 'id="filters"' not in alone
    whole = reading_bob.get(ACME, headers=HTMX | {"HX-Target": "content"}).content.decode()
    assert whole.lstrip().startswith('<div id="content">')
    assert 'id="filters"' in whole


def test_pages_are_reached_by_links(reading_bob: Client) -> None:
    fill(70)
    newest = reading_bob.get(ACME)
    assert len(lines(newest)) == 50
    older = re.search(r'id="older"\s+href="([^"]+)"', newest.content.decode())
    assert older is not None
    second = reading_bob.get(unescape(older[1]))
    assert len(lines(second)) >= 20
    assert 'id="newer"' in second.content.decode()
    # A place that is none is the beginning.
    assert lines(reading_bob.get(ACME, {"before": "x"})) == lines(newest)


def test_stopped_search_says_where_it_stopped(reading_bob: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watchword.control.audit.queries.SEARCHED", 10)
    fill(30)
    page = text(reading_bob.get(ACME, {"target": "nowhere"}))
    assert "No matches back to event" in page
    assert "Search older" in page
    assert "No matching events" not in page


def test_the_chains_state_is_on_the_page(reading_bob: Client, reading_operator: Client) -> None:
    assert "Chain not verified yet." in text(reading_bob.get(ACME))
    now = timezone.now()
    verified = now - timedelta(minutes=2)
    verify_step(verified)
    newest = AuditEvent.objects.latest("sequence").sequence
    assert f"Chain verified up to event {newest} , {utc(verified)} · last fully verified {utc(verified)}" in text(
        reading_bob.get(ACME)
    )
    AuditCheckpoint.objects.update(whole_at=None)
    assert "first full verification in progress" in text(reading_bob.get(ACME))
    AuditCheckpoint.objects.update(verified_at=now - timedelta(hours=5))
    long_ago = utc(now - timedelta(hours=5))
    page = text(reading_bob.get(ACME))
    assert f"Chain verified up to event {newest}, {long_ago} . Nothing has been verified since" in page
    AuditCheckpoint.objects.update(fault="Event 3 was changed.")
    page = text(reading_bob.get(ACME))
    assert "Event 3 was changed. Contact the API provider" in page
    assert "Chain verified" not in page
    assert "Run watchword audit verify" in text(reading_operator.get(PROVIDER))


@pytest.mark.parametrize("events", [1, 400])
def test_number_of_queries_does_not_depend_on_the_length_of_the_log(
    reading_bob: Client, django_assert_max_num_queries: DjangoAssertNumQueries, events: int
) -> None:
    fill(events)
    with django_assert_max_num_queries(9):
        reading_bob.get(ACME)
    with django_assert_max_num_queries(12):
        reading_bob.get(ACME, {"from": "2026-01-01", "to": "2036-01-01", "who": "alice"})
