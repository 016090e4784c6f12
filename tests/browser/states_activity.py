"""The states of what is counted that pictures are taken of: the Activity page, the console's bars, a server in use."""

from __future__ import annotations

import random
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from django.urls import reverse
from django.utils import timezone

from browser.studio import State
from kit import people, sample_portal
from kit.sample_portal import PROD_OKTA, STANDBY
from kit.usage import CountingVerifier, line
from watchword.control.base.actor import Permission, command_line
from watchword.control.fleet.models import VerifierCredential
from watchword.control.organizations.commands import ChangeThreshold, Reinstate

if TYPE_CHECKING:
    from datetime import datetime

    from playwright.sync_api import Page

    from watchword.control.identity.models import Person

_OKTA: Final = {
    "issuer": "https://login.acme.example/oauth2/default",
    "audience": "https://api.example.com",
    "client_claim": "cid",
    "client_id": "0oa1b2c3-acme-batch",
    "kid": "okta-2026-10",
    "alg": "RS256",
    "typ": "JWT",
}
_STRANGE: Final = dict.fromkeys(_OKTA) | {"alg": "HS256", "issuer": "https://" + "very-long-issuer." * 9}


def _auditor() -> Person:
    return sample_portal.person("Bob", Permission.ACTIVITY)


def _acme(threshold: int | None) -> str:
    """Acme with two servers; the id of the enabled one."""
    sample_portal.acme()
    alice = sample_portal.acting(sample_portal.alice())
    server = sample_portal.add(alice, PROD_OKTA)
    sample_portal.age(server, fetched_minutes_ago=2)
    sample_portal.age(sample_portal.add(alice, STANDBY), fetched_minutes_ago=4)
    ChangeThreshold(organization_id=sample_portal.ACME, api_call_threshold=threshold).run(command_line())
    return str(server)


def _called(server: str, today: int) -> CountingVerifier:
    """A month with its week-ends, and so many allowed calls today."""
    verifier = CountingVerifier("gateway-fra-1")
    now = timezone.now()
    number = random.Random(7)  # noqa: S311 - the same sample in every picture.
    acme = partial(line, server=server, organization=sample_portal.ACME)
    for back in range(30, 0, -1):
        at = now - timedelta(days=back)
        quiet = 0.35 if at.weekday() > 4 else 1.0
        calls = int(6800 * quiet * number.uniform(0.8, 1.1))
        verifier.send(at, acme(at, calls, profile=_OKTA), acme(at, calls // 14, outcome="token_expired", profile=_OKTA))
    _lately(verifier, acme, now, today)
    VerifierCredential.objects.filter(pk=verifier.id).update(
        last_seen_at=now, last_revision=1, node="gateway-fra-1.internal", version="0.1.0"
    )
    return verifier


def _lately(verifier: CountingVerifier, acme: Any, now: datetime, today: int) -> None:
    minute_ago = now - timedelta(minutes=1)
    refused = {
        "token_expired": (203, _OKTA),
        "audience_mismatch": (41, _OKTA | {"audience": "https://staging.example.com", "client_id": "0oa9-staging"}),
        "no_matching_key": (12, _OKTA | {"kid": "okta-2026-11"}),
        "algorithm_not_accepted": (3, _STRANGE),
        "token_missing": (7, None),
        "signature_invalid": (2, "other"),
    }
    verifier.send(minute_ago, acme(minute_ago, today - 900, profile=_OKTA))
    verifier.send(
        now,
        acme(now, 900, profile=_OKTA | {"client_claim": "client_id", "client_id": "partner-portal"}),
        *(acme(now, calls, outcome=outcome, profile=profile) for outcome, (calls, profile) in refused.items()),
    )


def _used(today: int, threshold: int | None = 10_000) -> None:
    _called(_acme(threshold), today)


def _activity() -> Person:
    _used(4204)
    return _auditor()


def _nearly() -> Person:
    _used(8012)
    return _auditor()


def _exceeded() -> Person:
    _used(10_001)
    return _auditor()


def _reinstated() -> Person:
    _used(10_001)
    Reinstate(organization_id=sample_portal.ACME).run(command_line())
    return _auditor()


def _without_limit() -> Person:
    _used(4204, None)
    return _auditor()


def _nothing() -> Person:
    _acme(10_000)
    return _auditor()


def _in_use() -> Person:
    _used(4204)
    return sample_portal.person("Charlie", Permission.API_KEY_MANAGEMENT)


def _console() -> Person:
    _used(8012)
    for name, calls in (("globex", 1001), ("initech", 480)):
        people.organization(name)
        CountingVerifier(f"gateway-{name}").send(timezone.now(), line(timezone.now(), calls, organization=name))
    return people.operator()


def _numbers(page: Page) -> None:
    page.get_by_text("Daily figures").click()


def _press(label: str, page: Page) -> None:
    page.get_by_role("button", name=label, exact=True).click()
    page.locator("dialog").wait_for()


_PAGE: Final = partial(reverse, "activity:list", args=[sample_portal.ACME])
_ORGANIZATION: Final = partial(reverse, "console:organization", args=[sample_portal.ACME])

STATES: Final = (
    State("activity", _activity, path=_PAGE, whole=True, sentence="Calls, refusals by reason, tokens seen."),
    State("activity-numbers", _activity, _numbers, path=_PAGE, sentence="The chart's numbers as a table."),
    State("activity-80-percent", _nearly, path=_PAGE, sentence="80 % of the API call threshold are used up."),
    State("activity-exceeded", _exceeded, path=_PAGE, sentence="Suspended for too many API calls."),
    State("activity-reinstated", _reinstated, path=_PAGE, sentence="Counting restarted when it was reinstated."),
    State("activity-no-limit", _without_limit, path=_PAGE),
    State("activity-empty", _nothing, path=_PAGE, whole=True, sentence="Nothing was called yet."),
    State("servers-in-use", _in_use, sentence="Requests in 24 hours and the last use of each server."),
    State("servers-in-use-edit", _in_use, partial(_press, "Edit ProdOkta"), sentence="The caution says how much."),
    State("servers-in-use-delete", _in_use, partial(_press, "Delete StandbyKeycloak")),
    State("console-organizations-called", _console, path=partial(reverse, "console:organizations"), whole=True),
    State("console-organization-called", _console, path=_ORGANIZATION, whole=True),
    State("console-verifiers-called", _console, path=partial(reverse, "console:verifiers")),
)
