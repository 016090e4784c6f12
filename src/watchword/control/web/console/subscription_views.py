"""An organization's API subscription: set, renewed, its threshold changed. Each dialog shows what is stored now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.urls import reverse

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.base.times import spoken
from watchword.control.organizations.commands import ChangeThreshold, RenewSubscription, SetSubscription
from watchword.control.organizations.models import SuspensionReason
from watchword.control.organizations.queries import entitlement_of
from watchword.control.organizations.rules import a_year_after
from watchword.control.web.console.forms import SubscriptionForm
from watchword.control.web.console.organization_views import again, guarded
from watchword.control.web.console.presentation import calls_allowed
from watchword.control.web.shell.notices import Notice
from watchword.control.web.shell.page_responses import done, show_dialog
from watchword.control.web.shell.proof_responses import asks_for_proof

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from watchword.control.base.actor import Actor
    from watchword.control.organizations.models import Subscription
    from watchword.control.web.console.pages import OrganizationPage

_TEMPLATE: Final = "console/dialogs/subscription.html"


@dataclass(frozen=True, slots=True)
class _Dialog:
    title: str
    verb: str
    route: str
    fields: tuple[str, ...]


_SET: Final = _Dialog(
    "Set API Subscription", "Set", "console:set-subscription", ("starts_at", "expires_at", "api_call_threshold")
)
_RENEW: Final = _Dialog("Renew API Subscription", "Renew", "console:renew", ("expires_at",))
_THRESHOLD: Final = _Dialog("Change API Call Threshold", "Change", "console:threshold", ("api_call_threshold",))


@guarded
@asks_for_proof
def set_subscription(request: HttpRequest, actor: Actor, page: OrganizationPage) -> HttpResponse:
    """GET opens the dialog with start, expiry and threshold; POST sets them."""
    if request.method != "POST":
        now = page.frame.now
        suggested = {} if page.subscription else {"starts_at": now, "expires_at": a_year_after(now)}
        return show_dialog(
            request, page, _TEMPLATE, _context(page, SubscriptionForm.of(page.subscription, **suggested), _SET)
        )
    form = SubscriptionForm.received(request.POST)
    try:
        terms = form.terms()
        after = SetSubscription(
            organization_id=page.organization.pk,
            starts_at=terms.starts_at,
            expires_at=terms.expires_at,
            api_call_threshold=terms.api_call_threshold,
            expected_version=form.expected_version,
        ).run(actor)
    except Refusal as refusal:
        return again(request, page, _TEMPLATE, _context(page, form, _SET), refusal)
    sentence = f"API subscription set: {spoken(after.starts_at)} to {spoken(after.expires_at)}."
    return done(request, page, Notice(sentence))


@guarded
@asks_for_proof
def renew(request: HttpRequest, actor: Actor, page: OrganizationPage) -> HttpResponse:
    """GET suggests one year more, POST renews."""
    before = _subscription(page)
    if request.method != "POST":
        later = a_year_after(max(before.expires_at, page.frame.now))
        return show_dialog(
            request, page, _TEMPLATE, _context(page, SubscriptionForm.of(before, expires_at=later), _RENEW)
        )
    form = SubscriptionForm.received(request.POST)
    try:
        after = RenewSubscription(
            organization_id=page.organization.pk,
            expires_at=form.expiry(),
            expected_version=form.expected_version,
        ).run(actor)
    except Refusal as refusal:
        return again(request, page, _TEMPLATE, _context(page, form, _RENEW), refusal)
    sentence = f"API subscription renewed: {spoken(before.expires_at)} → {spoken(after.expires_at)}."
    return done(request, page, Notice(sentence))


@guarded
@asks_for_proof
def change_threshold(request: HttpRequest, actor: Actor, page: OrganizationPage) -> HttpResponse:
    """GET opens the dialog, POST changes the API call threshold."""
    before = _subscription(page)
    if request.method != "POST":
        return show_dialog(request, page, _TEMPLATE, _context(page, SubscriptionForm.of(before), _THRESHOLD))
    form, was_suspended = SubscriptionForm.received(request.POST), page.standing.suspended
    try:
        after = ChangeThreshold(
            organization_id=page.organization.pk,
            api_call_threshold=form.threshold(),
            expected_version=form.expected_version,
        ).run(actor)
    except Refusal as refusal:
        return again(request, page, _TEMPLATE, _context(page, form, _THRESHOLD), refusal)
    old, new = calls_allowed(before.api_call_threshold), calls_allowed(after.api_call_threshold)
    reinstated = ""
    if was_suspended and not entitlement_of(page.organization.pk, page.frame.now).suspended:
        reinstated = f" {page.organization.name} is reinstated."
    return done(request, page, Notice(f"API call threshold changed: {old} → {new}.{reinstated}"))


def _suspended_for_calls(page: OrganizationPage) -> bool:
    suspension = page.live_suspension
    return suspension is not None and suspension.reason == SuspensionReason.API_CALL_THRESHOLD_EXCEEDED


def _subscription(page: OrganizationPage) -> Subscription:
    if page.subscription is None:
        raise Refusal(RefusalReason.NOT_SUBSCRIBED)
    return page.subscription


def _context(page: OrganizationPage, form: SubscriptionForm, kind: _Dialog) -> dict[str, Any]:
    stored = page.subscription
    return {
        "form": form,
        "title": kind.title,
        "verb": kind.verb,
        "fields": kind.fields,
        "alone": len(kind.fields) == 1,
        "organization": page.organization,
        "suspended": page.standing.suspended,
        "raising_reinstates": kind is _THRESHOLD and _suspended_for_calls(page),
        # Of what is shown: a second attempt after a stale one is a decision about the values just seen.
        "version": 0 if stored is None else stored.version,
        "before": None
        if stored is None
        else {
            "starts_at": spoken(stored.starts_at),
            "expires_at": spoken(stored.expires_at),
            "api_call_threshold": calls_allowed(stored.api_call_threshold),
        },
        "save_url": reverse(kind.route, args=[page.organization.pk]),
    }
