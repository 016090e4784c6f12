"""What the dialogs about one person say, an administrator or an operator: before a new sign-in link, before a reset of
the second factors and before a deactivation, and the dialog that shows a link.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.urls import reverse

from watchword.control.identity import rules
from watchword.control.identity.api_queries import ApiKeyState, list_api_keys
from watchword.control.identity.factor_rules import Factor
from watchword.control.identity.rules import PersonStatus, listed
from watchword.control.web.shell.page_responses import done_with

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest, HttpResponse

    from watchword.control.identity.queries import PersonRow
    from watchword.control.web.shell.page import Page

_LINK: Final = "people/administrators/link.html"


def about_new_link(person: PersonRow) -> list[str]:
    """What the person should know before a new link is made for them."""
    called = person.called
    sentences = [f"Earlier links for {called} stop working at once. The new link works once, for 24 hours."]
    if person.status is PersonStatus.ACTIVE:
        sentences.append(
            f"The current password stays valid until the link is used. Using it ends all sessions of {called}."
        )
    return sentences


def link_shown(request: HttpRequest, page: Page, line: object, secret: str, now: datetime) -> HttpResponse:
    """The page with the link in a dialog. It is in this one response and nowhere else, so it is not redirected to.

    `page` must have been reopened after the change, and `line` is the person's line on it.
    """
    context = {
        "line": line,
        "link": link_address(secret),
        "link_expires_at": now + rules.LINK_LIFETIME,
    }
    return done_with(request, page, _LINK, context)


def link_address(secret: str) -> str:
    """Never made of the Host header, which the client chooses (J-25)."""
    return str(settings.WATCHWORD.public_origin) + reverse("sign_in:set-password", args=[secret])


def can_be_reset(person: PersonRow) -> bool:
    """Whether the person has a second factor here; the identity provider keeps its own."""
    return not {Factor.PASSKEY, Factor.AUTHENTICATOR_APP}.isdisjoint(person.factors)


def about_reset(person: PersonRow, *, required: bool) -> list[str]:
    """What the person who resets it should know; `required` if the other one must have a second factor."""
    called = person.called
    afterwards = (
        f"With the next password sign-in, {called} must set up a second factor before anything else opens."
        if required
        else f"{called} can then sign in with the password alone, and set up a second factor again."
    )
    return [
        f"Make sure first that {called} asked for it, for example by a call to a number that you know.",
        f"All passkeys, the authenticator app and the recovery codes of {called} are removed, and all sessions end.",
        afterwards,
    ]


def reset_done(person: PersonRow) -> str:
    return f"The second factor of {person.called} is reset. All sessions have ended."


def about_created_keys(person: PersonRow, organization_id: str | None, now: datetime) -> list[str]:
    """Say before a person is deactivated which of their API keys keep working, as they know the secrets."""
    created = [
        key.name
        for key in list_api_keys(organization_id, now)
        if key.state is ApiKeyState.USABLE and key.created_by == person.email
    ]
    if not created:
        return []
    label, works = ("API key", "keeps") if len(created) == 1 else ("API keys", "keep")
    return [f"The {label} {listed(created)}, created by {person.called}, {works} working until revoked."]
