"""What people see of their calls: the Activity page, the banner, a server in use, the console's figures."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from kit import registrations
from kit.browser_session import BrowserSession, utc
from kit.usage import OKTA, CountingVerifier, line
from watchword.control.activity.usage_queries import PROFILES_SHOWN
from watchword.control.base.actor import Permission
from watchword.control.base.times import spoken
from watchword.control.organizations.commands import ChangeThreshold, Reinstate
from watchword.control.organizations.models import Suspension

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries

    from watchword.control.base.actor import Actor
    from watchword.control.identity.models import Person
    from watchword.control.organizations.models import Organization

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committing")]

PAGE = "activity:list"
ABSENT = "\N{EN DASH}"


@pytest.fixture
def verifier(db: None) -> CountingVerifier:
    return CountingVerifier()


@pytest.fixture
def browser(alice: Person) -> BrowserSession:
    return BrowserSession.of(alice)


def test_the_page_tells_how_much_was_called_and_why_tokens_were_refused(
    browser: BrowserSession, verifier: CountingVerifier
) -> None:
    now = timezone.now()
    verifier.send(
        now,
        line(now, 234),
        line(now, 41, outcome="audience_mismatch", profile=OKTA | {"audience": "https://staging.example/"}),
        line(now, 3, outcome="token_missing", profile=None),
        line(now, 2, outcome="signature_invalid", profile="other"),
    )

    page = browser.get(PAGE, "acme")

    assert "Administration Activity" in page.text
    assert "234 of 1,000 · 23 %" in page.text
    seen = utc(now.replace(second=0))
    assert f"The access token does not name the expected audience. audience_mismatch 401 41 {seen}" in page.text
    assert f"The request carries no access token. token_missing 401 3 {seen}" in page.text
    assert f"signature_invalid Clients get no_matching_key 401 2 {seen}" in page.text
    assert page.text.count("Clients get") == 1
    assert "https://staging.example/ cid = acme-batch okta-2026 RS256 · JWT 41" in page.text
    assert "other tokens, counted together" in page.text
    assert "token_missing" in page.html
    assert "<svg" in page.html
    assert f"{now:%Y-%m-%d} 234 46" in page.text
    assert "style=" not in page.html


def test_page_without_calls_says_what_it_will_show(browser: BrowserSession, acme: Organization) -> None:
    page = browser.get(PAGE, "acme")

    for words in ("0 of 1,000 · 0 %", "No calls in the last 31 days", "No requests were refused", "No tokens seen"):
        assert words in page.text


def test_without_a_threshold_there_is_no_bar(browser: BrowserSession, acme: Organization, shell: Actor) -> None:
    ChangeThreshold(organization_id="acme", api_call_threshold=None).run(shell)

    page = browser.get(PAGE, "acme")

    assert "there is no threshold" in page.text
    assert 'class="gauge"' not in page.html


def test_token_values_are_escaped(browser: BrowserSession, verifier: CountingVerifier) -> None:
    now = timezone.now()
    script = '"><script>alert(1)</script>'
    verifier.send(now, line(now, outcome="no_matching_key", profile=dict.fromkeys(OKTA, script)))

    page = browser.get(PAGE, "acme")

    assert "<script>alert" not in page.html
    assert "&lt;script&gt;alert(1)" in page.html


def test_older_calls_are_only_in_the_chart(browser: BrowserSession, verifier: CountingVerifier) -> None:
    long_ago = timezone.now() - timedelta(days=3)
    verifier.send(long_ago, line(long_ago, 5), line(long_ago, 7, outcome="token_expired"))

    page = browser.get(PAGE, "acme")

    assert f"{long_ago:%Y-%m-%d} 5 7" in page.text
    assert "No requests were refused" in page.text
    assert "No tokens seen" in page.text


def test_each_organization_sees_its_own(browser: BrowserSession, verifier: CountingVerifier, charlie: Person) -> None:
    now = timezone.now()
    verifier.send(now, line(now, 77, organization="globex"))

    assert "77" not in browser.get(PAGE, "acme").text
    assert browser.get(PAGE, "globex").status == 404
    assert "77 of 1,000" in BrowserSession.of(charlie).get(PAGE, "globex").text


def test_a_role_without_the_permission_gets_a_page_that_names_it(bob: Person) -> None:
    page = BrowserSession.of(bob).get(PAGE, "acme")

    assert page.status == 403
    assert Permission.ACTIVITY.value in page.text


def test_the_budget_of_queries_does_not_grow(
    browser: BrowserSession, verifier: CountingVerifier, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    now = timezone.now()
    verifier.send(now, *[line(now, profile=OKTA | {"kid": str(number)}) for number in range(PROFILES_SHOWN + 5)])

    with django_assert_max_num_queries(14):
        page = browser.get(PAGE, "acme")

    assert "there may be more" in page.text


def test_every_page_has_a_banner_at_50_and_80_percent(
    browser: BrowserSession, verifier: CountingVerifier, shell: Actor
) -> None:
    now = timezone.now()
    verifier.send(now, line(now, 499))
    assert "is used up" not in browser.get("people:administrators", "acme").text
    verifier.send(now, line(now, 1))
    assert "50 % of the API call threshold is used up: 500 of 1,000 calls today" in browser.get(PAGE, "acme").text
    verifier.send(now, line(now, 350))
    page = browser.get("people:administrators", "acme")
    assert "80 % of the API call threshold is used up: 850 of 1,000 calls today" in page.text
    assert "banner-warn" in page.html

    verifier.send(now, line(now, 151))
    page = browser.get(PAGE, "acme")
    assert "API call threshold exceeded. More than 1,000 API calls on" in page.text
    assert "is used up" not in page.text
    Reinstate(organization_id="acme").run(shell)
    page = browser.get(PAGE, "acme")
    assert "the first 1,001 calls no longer count toward the threshold" in page.text
    assert "is used up" not in page.text


# -------------------------------------------------------------------- the servers


def test_server_shows_its_use(browser: BrowserSession, verifier: CountingVerifier, shell: Actor) -> None:
    now = timezone.now()
    server = str(registrations.add(name="ProdOkta").pk)
    assert "no requests yet" in browser.get("servers:list", "acme").text
    old = now - timedelta(days=2)
    verifier.send(old, line(old, 50, server=server))
    verifier.send(
        now,
        line(now, 1200, server=server),
        line(now, 4, server=server, outcome="token_expired"),
        # Anyone could have sent these.
        line(now, 900, server=server, outcome="no_matching_key"),
        line(now, 900, server=server, outcome="token_missing", profile=None),
    )

    assert (
        f"1,204 requests in 24 h · last used {utc(now.replace(second=0))}" in browser.get("servers:list", "acme").text
    )
    Reinstate(organization_id="acme").run(shell)
    edit = browser.get("servers:edit", "acme", server)
    assert "in use: a change may disrupt the API service." in edit.text
    assert f"1,204 requests in 24 hours, the last on {spoken(now)}." in edit.text
    assert (
        f"1,204 requests in 24 hours, the last on {spoken(now)}." in browser.get("servers:delete", "acme", server).text
    )


def test_deletion_says_that_the_server_was_not_used(browser: BrowserSession) -> None:
    server = registrations.add(name="ProdOkta").pk

    assert "No requests used its tokens in the last 24 hours." in browser.get("servers:delete", "acme", server).text
    assert "requests in 24 hours" not in browser.get("servers:edit", "acme", server).text


# -------------------------------------------------------------------- the console


def test_operators_see_calls_against_threshold_and_the_pace_of_verifiers(
    operator: Person, verifier: CountingVerifier, acme: Organization
) -> None:
    console = BrowserSession.of(operator)
    now = timezone.now()
    before = now - timedelta(minutes=1)
    verifier.send(before, line(before, 600, outcome="token_expired"))
    verifier.send(now, line(now, 800))

    assert "800 of 1,000 · 80 %" in console.get("console:organizations").text
    page = console.get("console:organization", "acme")
    assert "Allowed today (UTC) 800 of 1,000 · 80 %" in page.text
    assert 'class="chart"' in page.html
    # 600 or, if the next minute has begun meanwhile, 800 in a minute.
    assert re.search(f"{ABSENT} (10|13) never", console.get("console:verifiers").text)


def test_counting_restarts_after_suspension_and_a_higher_threshold_reinstates(
    operator: Person, verifier: CountingVerifier, acme: Organization
) -> None:
    console = BrowserSession.of(operator)
    now = timezone.now()
    verifier.send(now, line(now, 1001))
    assert "at call 1,001" in console.get("console:organization", "acme").text
    assert "Raising the threshold reinstates it." in console.get("console:threshold", "acme").text
    assert "until an operator reinstates it" in console.get("console:renew", "acme").text

    told = console.scripted.post("console:threshold", "acme", api_call_threshold="5000", version="1")

    assert "Acme is reinstated." in told.text
    assert Suspension.objects.get().lifted_by == operator.email


def test_globex_does_not_see_calls_of_acme(verifier: CountingVerifier, acme: Organization, charlie: Person) -> None:
    now = timezone.now()
    verifier.send(now, line(now, 900))

    assert "is used up" not in BrowserSession.of(charlie).get(PAGE, "globex").text
