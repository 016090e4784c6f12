"""How pages ask a person to confirm who they are before a change that needs proof, without losing what was typed.

With scripts the dialog "Confirm that it is you" opens over the page: before the asked dialog, or over the one whose
form was refused, which stays as it is. Without scripts it is a page of its own; a form that was refused travels in it
encrypted, and its dialog opens again with the text in it. Nothing is sent again by itself: the person presses the
button.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django_htmx.http import reswap, retarget

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.identity.factor_rules import PROOF_FOR_A_DIALOG, Factor
from watchword.control.identity.models import Person
from watchword.control.identity.proof_commands import ways_to_prove
from watchword.control.identity.proof_rules import is_recent
from watchword.control.identity.single_sign_on.providers import provider_of_person
from watchword.control.web.shell import unsent
from watchword.control.web.shell.factor_choice import FactorChoice
from watchword.control.web.shell.signed_in import session_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.http import HttpRequest, HttpResponse

    from watchword.control.base.actor import Actor
    from watchword.control.web.shell.page import Page

    View = Callable[..., HttpResponse]

READING: Final = frozenset({"GET", "HEAD"})

_PAGE: Final = "sign_in/confirm_identity.html"
_DIALOG: Final = "sign_in/confirm_identity_dialog.html"


def asks_for_proof(view: View) -> View:
    """Ask for proof before the dialog of a change that needs it opens, so that a person is asked before typing.

    For views whose GET opens the dialog and whose POST makes the change, below the guard.
    """

    @wraps(view)
    def asking(request: HttpRequest, actor: Actor, page: Page, **arguments: Any) -> HttpResponse:
        if request.method in READING and not proven_for_a_dialog(request):
            raise Refusal(RefusalReason.PROOF_REQUIRED)
        return view(request, actor, page, **arguments)

    asking.__dict__["opens_dialog"] = True
    return asking


def opens_dialog(view: View) -> bool:
    """Whether the address of the view opens a dialog, so that it can be opened again after the proof."""
    return bool(view.__dict__.get("opens_dialog"))


def proven_for_a_dialog(request: HttpRequest) -> bool:
    """Whether enough time remains to fill in a dialog."""
    return is_recent(session_in(request).proven_at, timezone.now(), PROOF_FOR_A_DIALOG)


def ask_for_proof(request: HttpRequest, onward: str, *, partial: bool) -> HttpResponse:
    """Answer a request whose change or dialog needs proof; the proof then leads to `onward`.

    A form that htmx sent stays open under the dialog, so it leads nowhere.
    """
    sent = request.method not in READING
    if not isinstance(request.user, Person):
        raise TypeError("only a person can prove who they are")
    if partial:
        return proof_dialog(request, request.user, {"next": "" if sent else onward}, status=403 if sent else 200)
    if not sent:
        return redirect(f"{reverse('sign_in:confirm')}?{urlencode({'next': onward})}")
    sealed = unsent.seal(request) or ""
    if Factor.SINGLE_SIGN_ON in ways_to_prove(request.user):
        # The way through the identity provider carries no form, so the text waits in the session.
        onward = unsent.leave(request, sealed, request.user) or onward
    return proof_page(request, request.user, {"next": onward, "unsent": sealed}, status=403)


def proof_dialog(
    request: HttpRequest, person: Person, context: Mapping[str, object], *, status: int = 200
) -> HttpResponse:
    """The dialog over the page."""
    response = render(request, _DIALOG, {**context, **_ways(request, person)}, status=status)
    return reswap(retarget(response, "#proof"), "innerHTML")


def proof_page(
    request: HttpRequest, person: Person, context: Mapping[str, object], *, status: int = 200
) -> HttpResponse:
    """The page of its own, for browsers without scripts."""
    return render(request, _PAGE, {**context, **_ways(request, person)}, status=status)


def _ways(request: HttpRequest, person: Person) -> dict[str, object]:
    ways = ways_to_prove(person)
    provider = provider_of_person(person) if Factor.SINGLE_SIGN_ON in ways else None
    return {
        "password": Factor.PASSWORD in ways,
        "provider_host": None if provider is None else provider.host,
        "by_form": ways - {Factor.SINGLE_SIGN_ON} != set(),
        "no_way": not ways,
        "choice": FactorChoice.of(
            person.pk, reverse("sign_in:confirm-options"), recovering=bool(request.POST.get("recovery_code"))
        ),
    }
