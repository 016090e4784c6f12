"""The cookie by which the sign-in knows a browser that the person has used before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from watchword.control.identity.known_browsers import KEPT, mark_for
from watchword.control.web.shell import cookies

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from watchword.control.identity.models import Person

COOKIE: Final = "browser"


def remember(response: HttpResponse, person: Person) -> None:
    cookies.leave(response, COOKIE, mark_for(person), kept=KEPT)


def mark_of(request: HttpRequest) -> str:
    """The browser's mark, which anybody may have written."""
    return cookies.read(request, COOKIE)
