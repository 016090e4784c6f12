"""The verifiers and their credentials; the key sets that fail."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.urls import reverse
from django.views.decorators.http import require_safe

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.fleet.console_queries import verifier_name
from watchword.control.fleet.rules import OVERLAP
from watchword.control.fleet.verifier_commands import (
    CreateVerifier,
    RevokePreviousSecret,
    RevokeVerifier,
    RotateVerifier,
)
from watchword.control.web.console.forms import VerifierForm
from watchword.control.web.console.pages import KeySetsPage, VerifiersPage
from watchword.control.web.shell.notices import Notice
from watchword.control.web.shell.page_responses import confirm, done, done_with, guarded_by, show, show_dialog
from watchword.control.web.shell.proof_responses import asks_for_proof

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from watchword.control.base.actor import Actor

_CREATE: Final = "console/dialogs/verifier.html"

_of_verifiers: Final = guarded_by(VerifiersPage)
_of_key_sets: Final = guarded_by(KeySetsPage)


@require_safe
@_of_verifiers
def verifiers(request: HttpRequest, actor: Actor, page: VerifiersPage) -> HttpResponse:  # noqa: ARG001 - the guard's signature.
    """The list."""
    return show(request, replace(page, asked=request.GET.dict()))


@_of_verifiers
@asks_for_proof
def create_verifier(request: HttpRequest, actor: Actor, page: VerifiersPage) -> HttpResponse:
    """GET opens the dialog, POST creates the credential and shows its secret, once."""
    if request.method != "POST":
        return show_dialog(request, page, _CREATE, _creation(VerifierForm()))
    form = VerifierForm.received(request.POST)
    name = form.text("name")
    try:
        secret = CreateVerifier(name=name).run(actor)
    except Refusal as refusal:
        context = _creation(form) | {"refusal": refusal.sentence, "again": True}
        form.refuse(refusal.field_errors or {"name": refusal.sentence})
        return show_dialog(request, page, _CREATE, context, status=refusal.status)
    next_steps = (
        "Keep it in a file that only the verifier can read, named in WATCHWORD_VERIFIER_CREDENTIAL_FILE.",
        f"Set WATCHWORD_VERIFIER_FEED_URL to {_feed()}; run `watchword serve verifier`.",
        "It cannot be shown again. If lost, revoke it and create another.",
    )
    context = _secret(f"Credential created for verifier {name}", name, secret, next_steps)
    return done_with(request, page.reopened(actor), "shell/secret.html", context)


@_of_verifiers
@asks_for_proof
def rotate_verifier(request: HttpRequest, actor: Actor, page: VerifiersPage, verifier: int) -> HttpResponse:
    """GET asks, POST creates the new credential and shows its secret, once."""
    name = _name_of(verifier)
    if request.method == "POST":
        secret = RotateVerifier(name=name).run(actor)
        next_steps = (
            "Write it to the verifier's credential file, which the verifier reads again by itself.",
            "Restart the verifier if systemd or an environment variable passes the credential.",
            f"The previous credential stays valid for {OVERLAP // timedelta(hours=1)} hours.",
            "It cannot be shown again. If lost, create another in the same way.",
        )
        context = _secret(f"New credential for verifier {name}", name, secret, next_steps)
        return done_with(request, page.reopened(actor), "shell/secret.html", context)
    return confirm(
        request,
        page,
        title=f"Create a new credential for verifier {name}?",
        sentences=[
            f"The credential that the verifier uses now stays valid for {OVERLAP // timedelta(hours=1)} hours.",
            "If an earlier new credential was never used, this one replaces it.",
        ],
        url=reverse("console:rotate-verifier", args=[verifier]),
        label="Create Credential",
    )


@_of_verifiers
@asks_for_proof
def revoke_previous(request: HttpRequest, actor: Actor, page: VerifiersPage, verifier: int) -> HttpResponse:
    """GET asks, POST revokes the secret that a rotation left valid."""
    name = _name_of(verifier)
    if request.method == "POST":
        RevokePreviousSecret(name=name).run(actor)
        return done(request, page, Notice(f"The previous credential of {name} is revoked."))
    return confirm(
        request,
        page,
        title=f"Revoke the previous credential of {name}?",
        sentences=["A verifier that still uses it receives no more changes until it gets the new credential."],
        url=reverse("console:revoke-previous-credential", args=[verifier]),
        label="Revoke",
        dangerous=True,
    )


@_of_verifiers
@asks_for_proof
def revoke_verifier(request: HttpRequest, actor: Actor, page: VerifiersPage, verifier: int) -> HttpResponse:
    """GET asks, POST revokes."""
    name = _name_of(verifier)
    if request.method == "POST":
        RevokeVerifier(name=name).run(actor)
        return done(request, page, Notice(f"Verifier {name} is revoked."))
    return confirm(
        request,
        page,
        title=f"Revoke verifier {name}?",
        sentences=[
            "It no longer receives changes such as suspensions, renewals and new keys.",
            "It keeps verifying with its current data for up to 24 hours, then rejects every API request.",
            "This cannot be undone, and the name cannot be reused.",
        ],
        url=reverse("console:revoke-verifier", args=[verifier]),
        label="Revoke",
        dangerous=True,
    )


@require_safe
@_of_key_sets
def key_sets(request: HttpRequest, actor: Actor, page: KeySetsPage) -> HttpResponse:  # noqa: ARG001 - the guard's signature.
    """The list."""
    return show(request, replace(page, asked=request.GET.dict()))


def _name_of(verifier: int) -> str:
    name = verifier_name(verifier)
    if name is None:
        raise Refusal(RefusalReason.NOT_FOUND)
    return name


def _secret(title: str, name: str, secret: str, next_steps: tuple[str, ...]) -> dict[str, Any]:
    what, label = f"Credential of {name}", "the credential"
    return {"title": title, "what": what, "secret": secret, "label": label, "next_steps": next_steps}


def _feed() -> str:
    """Where verifiers find the feed, as far as the settings say it."""
    if settings.WATCHWORD.feed_port is None:
        return str(settings.WATCHWORD.public_origin)
    # The portal's own address does not answer verifiers then.
    return f"the URL at which verifiers reach the portal's port {settings.WATCHWORD.feed_port}"


def _creation(form: VerifierForm) -> dict[str, Any]:
    return {"form": form, "save_url": reverse("console:create-verifier")}
