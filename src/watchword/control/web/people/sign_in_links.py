"""One-time sign-in links, for administrators and operators alike: before one is made, and when it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.urls import reverse

from watchword.control.identity import rules
from watchword.control.identity.rules import PersonStatus
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
