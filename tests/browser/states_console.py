"""The states of the operator console that pictures are taken of."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from django.urls import reverse
from django.utils import timezone

from browser.studio import State
from kit import people, sample_portal
from kit.sample_portal import PROD_OKTA, STANDBY
from watchword.control.activity.plausibility import Implausible
from watchword.control.activity.refused_batches import report_refused
from watchword.control.base.actor import command_line
from watchword.control.fleet.models import FeedState, VerifierCredential
from watchword.control.fleet.verifier_commands import CreateVerifier, RevokeVerifier, RotateVerifier
from watchword.control.organizations.commands import CreateOrganization, Reinstate, SetSubscription, Suspend
from watchword.control.organizations.models import SuspensionReason

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from watchword.control.identity.models import Person

_NEIGHBOURS: Final = (
    # id, name, days since the start, days to the end, threshold; no days for no subscription.
    ("globex", "Globex Trading International", -400, 12, 1_000_000),
    ("initech", "Initech", None, None, None),
    ("hooli", "Hooli", -400, -3, 250_000),
    ("umbrella", "Umbrella Health", 5, 370, None),
    ("wayne", "Wayne Logistics", -100, 265, 50_000_000),
    ("stark", "Stark Components", -20, 0.4, 10_000),
)


def _nothing() -> Person:
    return people.operator()


def _acme() -> Person:
    sample_portal.acme()
    alice = sample_portal.acting(sample_portal.alice())
    sample_portal.age(sample_portal.add(alice, PROD_OKTA), fetched_minutes_ago=2)
    sample_portal.age(sample_portal.add(alice, STANDBY), fetched_minutes_ago=22, failing=True)
    return people.operator()


def _some() -> Person:
    operator = _acme()
    now = timezone.now()
    for organization_id, name, started, ends, threshold in _NEIGHBOURS:
        CreateOrganization(organization_id=organization_id, name=name).run(command_line())
        if started is None or ends is None:
            continue
        SetSubscription(
            organization_id=organization_id,
            starts_at=now + timedelta(days=started),
            expires_at=now + timedelta(days=ends, minutes=5),
            api_call_threshold=threshold,
        ).run(command_line())
    _suspend("wayne")
    return operator


def _many() -> Person:
    operator = _acme()
    for number in range(60):
        people.organization(f"customer-{number:03d}")
    return operator


def _suspended() -> Person:
    operator = _acme()
    _suspend(sample_portal.ACME)
    Reinstate(organization_id=sample_portal.ACME).run(command_line())
    _suspend(sample_portal.ACME, reason=SuspensionReason.API_CALL_THRESHOLD_EXCEEDED)
    return operator


def _without_subscription() -> Person:
    operator = people.operator()
    CreateOrganization(organization_id=sample_portal.ACME, name="Acme Corporation").run(command_line())
    return operator


def _announced() -> Person:
    sample_portal.acme()
    now = timezone.now()
    SetSubscription(
        organization_id=sample_portal.ACME,
        starts_at=now - timedelta(days=353),
        expires_at=now + timedelta(days=12, hours=4),
    ).run(command_line())
    alice = sample_portal.alice()
    sample_portal.age(sample_portal.add(sample_portal.acting(alice), PROD_OKTA), fetched_minutes_ago=2)
    return alice


def _fleet() -> Person:
    operator = _acme()
    now = timezone.now()
    newest = FeedState.objects.get().revision
    seen = {
        "gateway-fra-1": (timedelta(seconds=4), newest),
        "gateway-fra-2": (timedelta(seconds=11), max(newest - 2, 0)),
        "gateway-lon-1": (timedelta(minutes=14), max(newest - 1, 0)),
        "gateway-nyc-1": None,
        "gateway-old": (timedelta(days=9), 0),
    }
    for name, said in seen.items():
        CreateVerifier(name=name).run(command_line())
        if said is not None:
            ago, revision = said
            VerifierCredential.objects.filter(name=name).update(
                last_seen_at=now - ago, last_revision=revision, node=f"{name}.internal", version="0.1.0"
            )
    RevokeVerifier(name="gateway-old").run(command_line())
    RotateVerifier(name="gateway-fra-2").run(command_line())
    return operator


def _troubled_fleet() -> Person:
    """A verifier of an older build, and one whose credential was stolen."""
    operator = _fleet()
    VerifierCredential.objects.filter(name="gateway-fra-2").update(
        not_understood=["acme"], not_understood_count=3, version="0.0.9"
    )
    stolen = VerifierCredential.objects.get(name="gateway-fra-1")
    report_refused(stolen.pk, stolen.name, Implausible.TOO_MANY_CALLS, timezone.now())
    return operator


def _suspend(organization_id: str, reason: SuspensionReason = SuspensionReason.TERMS_VIOLATED) -> None:
    Suspend(
        organization_id=organization_id,
        reason=reason,
        public_text="A batch job asks for the same order 40 times a second.",
        private_note="Spoke to Alice on the phone; she will have the job stopped this week.",
    ).run(command_line())


def _press(label: str, page: Page) -> None:
    page.get_by_role("button", name=label, exact=True).click()
    page.locator("dialog").wait_for()


def _create(page: Page) -> None:
    _press("Create Organization", page)
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("Globex")
    dialog.get_by_label("ID", exact=True).fill("globex")
    dialog.get_by_label("Expires (UTC)").fill("2028-01-31T12:00:00")
    dialog.get_by_label("API call threshold per day").fill("1000000")
    dialog.get_by_label("Administrator's name").fill("Charlie")
    dialog.get_by_label("E-mail address").fill("charlie@globex.example")


def _created(page: Page) -> None:
    _create(page)
    page.get_by_role("dialog").get_by_role("button", name="Create Organization").click()
    page.get_by_text("One-time link for").wait_for()


def _create_badly(page: Page) -> None:
    _create(page)
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("ID", exact=True).fill("Globex Inc")
    dialog.get_by_label("API call threshold per day").fill("a million")
    dialog.get_by_role("button", name="Create Organization").click()
    page.get_by_role("alert").wait_for()


def _type_text(page: Page) -> None:
    _press("Suspend", page)
    page.get_by_label("API call threshold exceeded").check()
    page.get_by_label("Text shown to the organization").fill("Stop the nightly export job.")
    page.get_by_text("exceeded. Stop the nightly export job.").wait_for()


def _suspend_badly(page: Page) -> None:
    _press("Suspend", page)
    page.get_by_label("Other reason").check()
    page.get_by_role("dialog").get_by_role("button", name="Suspend").click()
    page.get_by_role("alert").wait_for()


def _create_verifier(page: Page) -> None:
    _press("Create Verifier Credential", page)
    page.get_by_role("dialog").get_by_label("Name").fill("gateway-sin-1")


def _created_verifier(page: Page) -> None:
    _create_verifier(page)
    page.get_by_role("button", name="Create Credential").click()
    page.get_by_text("Credential of gateway-sin-1").wait_for()


def _rotated_verifier(page: Page) -> None:
    _press("Rotate the credential of gateway-lon-1", page)
    page.get_by_role("button", name="Create Credential").click()
    page.get_by_text("Credential of gateway-lon-1").wait_for()


_LIST: Final = partial(reverse, "console:organizations")
_ONE: Final = partial(reverse, "console:organization", args=[sample_portal.ACME])
_VERIFIERS: Final = partial(reverse, "console:verifiers")
_KEY_SETS: Final = partial(reverse, "console:key-sets")

STATES: Final = (
    State("console-organizations-empty", _nothing, path=_LIST),
    State("console-organizations", _some, path=_LIST, whole=True, sentence="The provider's list of organizations."),
    State(
        "console-organizations-many",
        _many,
        lambda page: page.get_by_text("Next").scroll_into_view_if_needed(),
        path=_LIST,
    ),
    State("console-organizations-none-fit", _some, path=lambda: f"{_LIST()}?q=nobody&state=expired"),
    State("console-create", _some, _create, path=_LIST),
    State("console-create-refused", _some, _create_badly, path=_LIST),
    State("console-created", _acme, _created, path=_LIST),
    State("console-organization", _acme, path=_ONE, whole=True),
    State("console-organization-suspended", _suspended, path=_ONE, whole=True),
    State("console-organization-bare", _without_subscription, path=_ONE, whole=True),
    State("console-set", _acme, partial(_press, "Set API Subscription"), path=_ONE),
    State("console-renew", _acme, partial(_press, "Renew"), path=_ONE),
    State("console-threshold", _acme, partial(_press, "Change API Call Threshold"), path=_ONE),
    State("console-suspend", _acme, _type_text, path=_ONE),
    State("console-suspend-refused", _acme, _suspend_badly, path=_ONE),
    State("console-reinstate", _suspended, partial(_press, "Reinstate"), path=_ONE),
    State("console-verifiers-empty", _nothing, path=_VERIFIERS),
    State("console-verifiers", _fleet, path=_VERIFIERS),
    State("console-verifiers-trouble", _troubled_fleet, path=_VERIFIERS),
    State("console-organization-not-understood", _troubled_fleet, path=_ONE),
    State("console-verifier-create", _fleet, _create_verifier, path=_VERIFIERS),
    State("console-verifier-created", _fleet, _created_verifier, path=_VERIFIERS),
    State(
        "console-verifier-rotate", _fleet, partial(_press, "Rotate the credential of gateway-lon-1"), path=_VERIFIERS
    ),
    State("console-verifier-rotated", _fleet, _rotated_verifier, path=_VERIFIERS),
    State("console-verifier-revoke", _fleet, partial(_press, "Revoke gateway-lon-1"), path=_VERIFIERS),
    State("console-key-sets-empty", _nothing, path=_KEY_SETS),
    State("console-key-sets", _acme, path=_KEY_SETS),
    State("list-announced", _announced),
)
