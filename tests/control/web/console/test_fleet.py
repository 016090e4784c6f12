"""The operator's pages of verifiers and of key sets that fail."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from kit import registrations
from kit.browser_session import BrowserSession
from watchword.control.activity.plausibility import Implausible
from watchword.control.activity.refused_batches import report_refused
from watchword.control.base.actor import command_line
from watchword.control.fleet.models import FeedState, VerifierCredential
from watchword.control.fleet.queries import verifier_of_secret
from watchword.control.fleet.rules import SILENT_AFTER, VerifierState, lag, verifier_state
from watchword.control.fleet.verifier_commands import CreateVerifier, RevokeVerifier
from watchword.control.servers.models import AuthorizationServer, KeySetState
from watchword.settings.load import load_control_settings

if TYPE_CHECKING:
    from datetime import datetime

    from pytest_django import DjangoAssertNumQueries

    from watchword.control.identity.models import Person
    from watchword.control.organizations.models import Organization

VERIFIERS = "console:verifiers"
KEY_SETS = "console:key-sets"
NO_RATE = "\N{EN DASH}"


@pytest.fixture
def browser(operator: Person) -> BrowserSession:
    return BrowserSession.of(operator)


def verifier(name: str, **said: object) -> VerifierCredential:
    CreateVerifier(name=name).run(command_line())
    VerifierCredential.objects.filter(name=name).update(**said)
    return VerifierCredential.objects.get(name=name)


def utc(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"


@pytest.mark.parametrize(
    ("revoked", "seen_seconds_ago", "state"),
    [
        (False, 0, VerifierState.FOLLOWING),
        (False, SILENT_AFTER.seconds, VerifierState.FOLLOWING),
        (False, SILENT_AFTER.seconds + 1, VerifierState.SILENT),
        (False, None, VerifierState.NEVER_SEEN),
        (True, 0, VerifierState.REVOKED),
        (True, None, VerifierState.REVOKED),
    ],
)
def test_how_a_verifier_follows(
    revoked: bool,  # noqa: FBT001 - a row of the table.
    seen_seconds_ago: int | None,
    state: VerifierState,
) -> None:
    now = registrations.at(0)
    seen = None if seen_seconds_ago is None else now - timedelta(seconds=seen_seconds_ago)

    assert verifier_state(revoked_at=now if revoked else None, last_seen_at=seen, now=now) is state


@pytest.mark.parametrize(("newest", "revision", "behind"), [(7, 7, 0), (7, 4, 3), (4, 7, 0), (7, None, None)])
def test_the_lag_behind_the_head(newest: int, revision: int | None, behind: int | None) -> None:
    assert lag(newest=newest, revision=revision) == behind


def test_each_verifier_shows_node_version_revision_and_how_it_follows(browser: BrowserSession) -> None:
    now = timezone.now()
    FeedState.objects.update_or_create(id=1, defaults={"revision": 9})
    said = {"node": "fra-1", "version": "0.1.0"}
    verifier("current", last_seen_at=now, last_revision=9, **said)
    verifier("behind", last_seen_at=now, last_revision=6, **said)
    verifier("silent", last_seen_at=now - timedelta(minutes=14), last_revision=9, **said)
    waiting = verifier("waiting")
    verifier("gone")
    RevokeVerifier(name="gone").run(command_line())

    page = browser.get(VERIFIERS)

    earlier, made = now - timedelta(minutes=14), utc(waiting.created_at)
    for words in (
        f"current Following fra-1 0.1.0 9 · current {NO_RATE} {utc(now)} {made} Rotate Revoke",
        f"behind Following fra-1 0.1.0 6 · 3 behind {NO_RATE} {utc(now)} {made} Rotate Revoke",
        f"silent Silent fra-1 0.1.0 9 · current {NO_RATE} {utc(earlier)} {made} Rotate Revoke",
        f"waiting Never seen created {utc(waiting.created_at)}",
        f"gone Revoked {utc(VerifierCredential.objects.get(name='gone').revoked_at)}",
    ):
        assert words in page.text
    assert 'aria-label="Revoke waiting"' in page.html
    assert 'aria-label="Revoke gone"' not in page.html


def test_without_a_verifier_the_page_says_what_to_do(browser: BrowserSession) -> None:
    assert "No verifiers yet Create a credential" in browser.get(VERIFIERS).text


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({"public_origin": "https://portal.example"}, "https://portal.example;"),
        (
            {"public_origin": "https://portal.example", "feed_port": 8084},
            "the URL at which verifiers reach the portal's port 8084;",
        ),
    ],
)
def test_fm_03_the_credential_says_where_the_feed_is(
    browser: BrowserSession, settings: Any, given: dict[str, Any], address: str
) -> None:
    settings.WATCHWORD = load_control_settings(**given)

    assert f"WATCHWORD_VERIFIER_FEED_URL to {address}" in browser.post("console:create-verifier", name="gateway-1").text


def test_a_credential_is_shown_once_and_works(browser: BrowserSession) -> None:
    page = browser.post("console:create-verifier", name="gateway-1")

    found = re.search(r"wwv_[\w-]+", page.html)
    assert found is not None
    assert "WATCHWORD_VERIFIER_CREDENTIAL_FILE" in page.text
    credential = verifier_of_secret(found[0])
    assert credential is not None
    assert credential.name == "gateway-1"
    assert found[0] not in browser.get(VERIFIERS).html


@pytest.mark.parametrize(("name", "status"), [("", 422), ("two words", 422), ("x" * 65, 422), ("taken", 409)])
def test_refused_name_stays_in_the_dialog(browser: BrowserSession, name: str, status: int) -> None:
    verifier("taken")

    page = browser.scripted.post("console:create-verifier", name=name)

    assert page.status == status
    assert 'id="id_name-error"' in page.html
    assert page.value("name") == name
    assert VerifierCredential.objects.count() == 1


def test_revoking_asks_first_and_ends_access(browser: BrowserSession) -> None:
    credential = verifier("gateway-1")
    dialog = browser.get("console:revoke-verifier", credential.pk)
    assert "Revoke verifier gateway-1?" in dialog.text
    assert "up to 24 hours" in dialog.text

    answer = browser.post("console:revoke-verifier", credential.pk)

    assert answer.leads_to == "/operator-console/verifiers/"
    assert "Verifier gateway-1 is revoked." in browser.get(VERIFIERS).text
    credential.refresh_from_db()
    assert credential.revoked_at is not None
    assert browser.post("console:revoke-verifier", credential.pk).status == 404
    assert browser.get("console:revoke-verifier", 999_999).status == 404


def test_rotation_asks_first_and_shows_the_new_secret_once(browser: BrowserSession) -> None:
    credential = verifier("gateway-1")
    assert "stays valid for 24 hours" in browser.get("console:rotate-verifier", credential.pk).text

    page = browser.post("console:rotate-verifier", credential.pk)

    found = re.search(r"wwv_[\w-]+", page.html)
    assert found is not None
    assert verifier_of_secret(found[0]) == credential
    until = VerifierCredential.objects.get().previous_until
    listed = browser.get(VERIFIERS)
    assert found[0] not in listed.html
    assert f"not used yet; previous one valid until {utc(until)}" in listed.text
    VerifierCredential.objects.update(is_newest_used=True)
    assert f"in use; previous one valid until {utc(until)}" in browser.get(VERIFIERS).text

    dialog = browser.get("console:revoke-previous-credential", credential.pk)
    assert "Revoke the previous credential of gateway-1?" in dialog.text
    assert browser.post("console:revoke-previous-credential", credential.pk).leads_to == "/operator-console/verifiers/"

    listed = browser.get(VERIFIERS)
    assert "The previous credential of gateway-1 is revoked." in listed.text
    assert "previous one" not in listed.text
    assert browser.post("console:revoke-previous-credential", credential.pk).status == 404
    assert browser.get("console:rotate-verifier", 999_999).status == 404


def test_an_administrator_makes_no_credential(acme: Organization, alice: Person) -> None:
    credential = verifier("gateway-1")

    assert BrowserSession.of(alice).post("console:create-verifier", name="mine").status == 403
    assert BrowserSession.of(alice).post("console:revoke-verifier", credential.pk).status == 403
    assert BrowserSession.of(alice).post("console:rotate-verifier", credential.pk).status == 403
    assert VerifierCredential.objects.filter(revoked_at__isnull=True).count() == 1


def fail(server: AuthorizationServer, minutes: float, problem: str = "host_not_found", **changes: object) -> None:
    failing = {"failing_since": timezone.now() - timedelta(minutes=minutes), "failures": 1, "problem": problem}
    KeySetState.objects.filter(server=server).update(**failing, **changes)


def test_failing_key_sets_come_the_longest_failing_first_with_what_is_wrong(
    browser: BrowserSession, acme: Organization
) -> None:
    first = registrations.add(name="ProdOkta")
    second = registrations.add(name="Standby", enabled=False, jwks_location=registrations.OTHER_LOCATION)
    fail(first, 14)
    fail(second, 90, problem="no_longer_known_to_this_version")

    page = browser.get(KEY_SETS)

    assert page.text.index("Standby disabled") < page.text.index("ProdOkta")
    assert "Acme acme ProdOkta login.acme.example" in page.text
    assert "Standby disabled" in page.text
    assert "because of a fault of this service" in page.text
    good_until = KeySetState.objects.get(server=first).good_until
    assert good_until is not None
    assert f"{good_until:%Y-%m-%d %H:%M} UTC" in page.text


def test_expired_or_missing_keys_are_shown_to_refuse_tokens(browser: BrowserSession, acme: Organization) -> None:
    first = registrations.add(name="ProdOkta")
    second = registrations.add(name="Standby", enabled=False, jwks_location=registrations.OTHER_LOCATION)
    ended = timezone.now() - timedelta(hours=3)
    fail(first, 3000, good_until=ended)
    fail(second, 5, good_until=None, document=None, fetched_at=None)

    page = browser.get(KEY_SETS)

    assert f"ended {utc(ended)} tokens are refused" in page.text
    assert "no keys tokens are refused" in page.text


def test_when_nothing_fails_the_page_says_so(browser: BrowserSession, acme: Organization) -> None:
    registrations.add(name="ProdOkta")

    assert "All key sets are up to date" in browser.get(KEY_SETS).text


@pytest.mark.parametrize("route", [VERIFIERS, KEY_SETS])
@pytest.mark.parametrize("position", ["", "a\x01", "~", "2026-01-01T00:00:00+00:00~x", "x" * 300])
def test_forged_position_shows_a_page(browser: BrowserSession, route: str, position: str) -> None:
    assert browser.get(route, after=position).status == 200


def test_the_budgets_of_queries(browser: BrowserSession, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    for number in range(12):
        registrations.organization(f"org-{number}")
        fail(registrations.add(actor=registrations.administrator("x", f"org-{number}", *_ALL)), number)
        verifier(f"verifier-{number}")

    # Session and person, then the key sets; the feed's head, the verifiers, and what is wrong with them (3).
    with django_assert_max_num_queries(4):
        assert browser.get(KEY_SETS).text.count("ProdOkta") == 12
    with django_assert_max_num_queries(8):
        browser.get(VERIFIERS)


_ALL = registrations.ALICE.permissions


# ------------------------------------------------------------------- trouble


def test_fi_01_pages_name_the_verifiers_that_do_not_understand_an_organization(
    browser: BrowserSession, acme: Organization, globex: Organization
) -> None:
    now = timezone.now()
    names = [acme.pk, *(f"other-{number}" for number in range(30))]
    verifier("edge-1", last_seen_at=now, version="0.9", not_understood=names, not_understood_count=4_000)
    verifier("edge-2", last_seen_at=now, not_understood=[acme.pk], not_understood_count=1)
    verifier("edge-3", last_seen_at=now)
    # What a silent or a revoked one said is over.
    verifier("edge-4", last_seen_at=now - timedelta(hours=1), not_understood=[globex.pk], not_understood_count=1)
    verifier("edge-5", last_seen_at=now, not_understood=[globex.pk], not_understood_count=1)
    RevokeVerifier(name="edge-5").run(command_line())

    fleet = browser.get(VERIFIERS).text.replace(" ,", ",").replace(" :", ":")
    assert "2 of 3 verifiers do not understand the configuration of some organizations and refuse their tokens" in fleet
    assert "edge-1 (version 0.9): acme, other-0, other-1," in fleet
    assert "other-8 and 3990 more" in fleet
    assert "edge-2: acme" in fleet

    page = browser.get("console:organization", acme.pk).text.replace(" ,", ",").replace(" .", ".")
    assert f"2 of 3 verifiers do not understand the configuration of {acme.name} and refuse its tokens." in page
    assert "Upgrade edge-1, edge-2." in page
    assert "not understand" not in browser.get("console:organization", globex.pk).text

    VerifierCredential.objects.update(not_understood=[], not_understood_count=0)
    assert "not understand" not in browser.get(VERIFIERS).text
    assert "not understand" not in browser.get("console:organization", acme.pk).text


def test_fi_01_one_verifier_alone_is_named_in_the_singular(browser: BrowserSession, acme: Organization) -> None:
    verifier("edge-1", last_seen_at=timezone.now(), not_understood=[acme.pk], not_understood_count=1)
    words = "1 of 1 verifier does not understand the configuration of"
    assert f"{words} some organizations and refuses their tokens. Upgrade it." in browser.get(VERIFIERS).text
    assert f"{words} {acme.name} and refuses its tokens" in browser.get("console:organization", acme.pk).text


def test_fk_06_page_shows_verifiers_whose_usage_was_refused(browser: BrowserSession) -> None:
    now = timezone.now()
    for name, problem, ago in (
        ("edge-1", Implausible.TOO_MANY_CALLS, timedelta(0)),
        ("edge-2", Implausible.FOREIGN_STREAM, timedelta(days=6)),
        ("edge-3", Implausible.TOO_MANY_CALLS, timedelta(days=8)),
        ("edge-4", Implausible.TOO_MANY_CALLS, timedelta(0)),
    ):
        report_refused(verifier(name).pk, name, problem, now - ago)
    report_refused(verifier("edge-5").pk, "edge-5", Implausible.TOO_MANY_CALLS, now)
    report_refused(VerifierCredential.objects.get(name="edge-1").pk, "edge-1", Implausible.TOO_MANY_CALLS, now)
    RevokeVerifier(name="edge-4").run(command_line())

    text = browser.get(VERIFIERS).text
    assert "Implausible usage reports were refused." in text
    text = text.replace(" :", ":")
    assert f"edge-1: 2 batches refused, the last one {utc(now)} (more calls than it could have processed)" in text
    six_days_ago = utc(now - timedelta(days=6))
    assert f"1 batch refused, the last one {six_days_ago} (continues the reports of another credential)" in text
    assert text.count(" refused, the last one") == 3
