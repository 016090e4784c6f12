"""The cookie by which the sign-in knows a browser that the person has used before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from watchword.control.identity.throttle import DEVICE_COOKIE_LIFETIME, device_cookie_for
from watchword.control.web.shell import cookies

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from watchword.control.identity.models import Person

COOKIE: Final = "browser"


def remember(response: HttpResponse, person: Person) -> None:
    cookies.leave(response, COOKIE, device_cookie_for(person), kept=DEVICE_COOKIE_LIFETIME)


def device_cookie_in(request: HttpRequest) -> str:
    """Return the cookie as the client sent it; it may be forged."""
    return cookies.read(request, COOKIE)
