"""The identity provider of the organization: configure, enable, disable, remove, and make it the only way.

A dialog opens only for those who may make its change. A POST is refused, and recorded, by its command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.identity.single_sign_on.configuration_commands import (
    ConfigureSingleSignOn,
    RemoveSingleSignOn,
    SetSingleSignOnEnabled,
)
from watchword.control.identity.single_sign_on.connection_check import CheckConnection
from watchword.control.identity.single_sign_on.policy_commands import AllowSingleSignOnOnly, refuse_unless_full
from watchword.control.web.shell.notices import Notice
from watchword.control.web.shell.page_responses import done, is_partial, show_dialog
from watchword.control.web.shell.proof_responses import asks_for_proof
from watchword.control.web.sign_in.single_sign_on_views import redirect_uri
from watchword.control.web.sign_in_settings.forms import OnlyForm, ProviderForm, version_in
from watchword.control.web.sign_in_settings.views import CONFIRM, again, confirmation, guarded

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from watchword.control.base.actor import Actor
    from watchword.control.identity.single_sign_on.queries import Configuration
    from watchword.control.web.sign_in_settings.page import SignInSettingsPage

CONFIGURE: Final = "sign_in_settings/configure.html"
_ONLY: Final = "sign_in_settings/only.html"

_SESSIONS_END: Final = "Sessions that began by single sign-on end at once."
_WHO_CANNOT: Final = "People without a password then cannot sign in. Give them a new sign-in link under Administrators."


@guarded
@asks_for_proof
def configure(request: HttpRequest, actor: Actor, page: SignInSettingsPage) -> HttpResponse:
    """GET opens the dialog with what is stored, POST saves."""
    if request.method != "POST":
        refuse_unless_full(actor)
        return show_dialog(request, page, CONFIGURE, configuring(page, ProviderForm.of(page.configuration)))
    form = ProviderForm.received(request.POST)
    try:
        ConfigureSingleSignOn(organization_id=page.organization_id, **form.command_fields()).run(actor)
    except Refusal as refusal:
        form.refuse(refusal.field_errors)
        context = configuring(page, form)
        if refusal.reason is RefusalReason.VERSION_STALE and page.configuration is not None:
            # Shown what it would overwrite, a second Save is a decision; so it goes by the version just shown.
            context |= {"version": page.configuration.version, "differences": _differences(page.configuration, form)}
        form.ask_for_secret_again()
        return again(request, page, CONFIGURE, context, refusal)
    return done(request, page, Notice("Saved single sign-on."))


@require_POST
@guarded
def check(request: HttpRequest, actor: Actor, page: SignInSettingsPage) -> HttpResponse:
    """The button "Test Connection". With scripts only its result is replaced, so that a typed secret stays."""
    form = ProviderForm.received(request.POST)
    result: dict[str, Any] = {}
    status = 200
    try:
        steps = CheckConnection(organization_id=page.organization_id, issuer=form.text("issuer")).run(actor)
        result |= {"steps": steps, "all_passed": all(step.passed for step in steps)}
    except Refusal as refusal:
        if refusal.reason is not RefusalReason.TOO_MANY_REQUESTS:
            raise
        result["connection_refusal"], status = refusal.sentence, refusal.status
    if is_partial(request):
        return render(request, "sign_in_settings/connection.html", result, status=status)
    form.ask_for_secret_again()
    return show_dialog(request, page, CONFIGURE, configuring(page, form) | result | {"again": True}, status=status)


@guarded
@asks_for_proof
def enable(request: HttpRequest, actor: Actor, page: SignInSettingsPage) -> HttpResponse:
    """GET asks, POST enables or disables."""
    stored = _stored(page, actor, request)
    enabled = not stored.enabled
    context = confirmation(
        page,
        "enable",
        stored.version,
        title="Enable single sign-on?" if enabled else "Disable single sign-on?",
        sentences=_what_begins(page) if enabled else [_SESSIONS_END, _WHO_CANNOT],
        confirm_label="Enable" if enabled else "Disable",
        dangerous=not enabled,
        hidden={"enabled": "on" if enabled else "off"},
    )
    if request.method != "POST":
        return show_dialog(request, page, CONFIRM, context)
    wanted = request.POST.get("enabled") == "on"
    try:
        SetSingleSignOnEnabled(
            organization_id=page.organization_id, enabled=wanted, expected_version=_version(request)
        ).run(actor)
    except Refusal as refusal:
        return again(request, page, CONFIRM, context, refusal)
    return done(request, page, Notice(f"Single sign-on is {'enabled' if wanted else 'disabled'}."))


@guarded
@asks_for_proof
def remove(request: HttpRequest, actor: Actor, page: SignInSettingsPage) -> HttpResponse:
    """GET says what is deleted, POST removes."""
    stored = _stored(page, actor, request)
    context = confirmation(
        page,
        "remove",
        stored.version,
        title="Remove single sign-on?",
        sentences=[
            "The client secret and the links between people and their accounts at the identity provider are deleted.",
            f"{_SESSIONS_END} Accounts in this portal stay.",
            _WHO_CANNOT,
        ],
        confirm_label="Remove",
        dangerous=True,
    )
    if request.method != "POST":
        return show_dialog(request, page, CONFIRM, context)
    try:
        RemoveSingleSignOn(organization_id=page.organization_id, expected_version=_version(request)).run(actor)
    except Refusal as refusal:
        return again(request, page, CONFIRM, context, refusal)
    return done(request, page, Notice("Removed single sign-on."))


@guarded
@asks_for_proof
def only(request: HttpRequest, actor: Actor, page: SignInSettingsPage) -> HttpResponse:
    """GET asks for the emergency administrator, POST makes single sign-on the only way."""
    if request.method != "POST":
        refuse_unless_full(actor)
        form = OnlyForm(initial={"emergency_person": str(page.policy.emergency_person_id or "")})
        return show_dialog(request, page, _ONLY, _choosing(page, form))
    form = OnlyForm.received(request.POST)
    command = AllowSingleSignOnOnly(
        organization_id=page.organization_id,
        only=True,
        emergency_person_id=form.person_id,
        expected_version=version_in(form.text("version")),
    )
    try:
        command.run(actor)
    except Refusal as refusal:
        form.refuse(refusal.field_errors)
        return again(request, page, _ONLY, _choosing(page, form), refusal)
    return done(request, page, Notice("Single sign-on is now the only way to sign in."))


@guarded
@asks_for_proof
def allow_others(request: HttpRequest, actor: Actor, page: SignInSettingsPage) -> HttpResponse:
    """GET asks, POST allows passwords and passkeys again."""
    if request.method != "POST":
        refuse_unless_full(actor)
    context = confirmation(
        page,
        "allow-others",
        page.policy.version,
        title="Allow other ways to sign in?",
        sentences=["Administrators can then also sign in with a password or a passkey of this portal."],
        confirm_label="Allow Other Ways",
    )
    if request.method != "POST":
        return show_dialog(request, page, CONFIRM, context)
    try:
        AllowSingleSignOnOnly(
            organization_id=page.organization_id,
            only=False,
            emergency_person_id=None,
            expected_version=_version(request),
        ).run(actor)
    except Refusal as refusal:
        return again(request, page, CONFIRM, context, refusal)
    return done(request, page, Notice("Other ways to sign in are allowed again."))


def configuring(page: SignInSettingsPage, form: ProviderForm) -> dict[str, Any]:
    """What the dialog of the identity provider shows."""
    stored = page.configuration
    organization = page.organization_id
    return {
        "form": form,
        "rows": form.shown_rows,
        "roles": page.roles(),
        "stored": stored,
        "version": form["version"].value(),
        "title": "Set Up Single Sign-On" if stored is None else "Edit Single Sign-On",
        "save_label": "Save",
        "redirect_uri": redirect_uri(),
        "save_url": reverse("sign_in_settings:configure", args=[organization]),
        "check_url": reverse("sign_in_settings:check", args=[organization]),
    }


def _stored(page: SignInSettingsPage, actor: Actor, request: HttpRequest) -> Configuration:
    if request.method != "POST":
        refuse_unless_full(actor)
    if page.configuration is None:
        raise Refusal(RefusalReason.NOT_FOUND)
    return page.configuration


def _choosing(page: SignInSettingsPage, form: OnlyForm) -> dict[str, Any]:
    return {
        "form": form,
        "candidates": page.candidates(),
        "version": page.policy.version,
        "title": "Allow Single Sign-On Only",
        "save_label": "Allow Single Sign-On Only",
        "save_url": reverse("sign_in_settings:only", args=[page.organization_id]),
    }


def _what_begins(page: SignInSettingsPage) -> list[str]:
    host = urlsplit(page.configuration.issuer).hostname if page.configuration is not None else ""
    domains = [row.domain for row in page.email_domains]
    if not domains:
        return [
            "No e-mail domain is assigned to this organization yet, so no one can sign in by single sign-on.",
            "Ask the API provider to assign your domain.",
        ]
    return [
        f"People with a verified e-mail address in {' or '.join(domains)} can sign in through {host}.",
        "The administrators of that identity provider can then sign in as every person of this organization.",
    ]


def _version(request: HttpRequest) -> int:
    return version_in(request.POST.get("version", ""))


def _differences(stored: Configuration, form: ProviderForm) -> list[tuple[str, str, str]]:
    """Return label, stored value and typed value of each field in which they differ."""
    pairs = [
        ("Issuer", stored.issuer, form.text("issuer")),
        ("Client ID", stored.client_id, form.text("client_id")),
        ("Role claim", stored.role_claim, form.text("role_claim")),
        ("Roles by claim", _spoken(stored.role_values), _spoken(form.role_values)),
        ("Default role", stored.default_role, form.text("default_role")),
    ]
    return [(label, before or "blank", after or "blank") for label, before, after in pairs if before != after]


def _spoken(role_values: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{value}: {role}" for value, role in role_values)
