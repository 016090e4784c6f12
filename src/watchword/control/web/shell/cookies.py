"""The portal's own cookies, beside Django's two: all flags in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.conf import settings

from watchword.control.identity.throttle import DEVICE_COOKIE_LIFETIME, device_cookie_for

if TYPE_CHECKING:
    from datetime import timedelta

    from django.http import HttpRequest, HttpResponse

    from watchword.control.identity.models import Person

DEVICE: Final = "browser"


def read(request: HttpRequest, name: str) -> str:
    """Return what the browser sent, untrusted; "" if there is none."""
    return request.COOKIES.get(_full(name), "")


def leave(response: HttpResponse, name: str, value: str, *, kept: timedelta) -> None:
    response.set_cookie(
        _full(name), value, max_age=kept, path="/", secure=settings.WATCHWORD.secure, httponly=True, samesite="Lax"
    )


def remove(response: HttpResponse, name: str) -> None:
    response.delete_cookie(_full(name), path="/", samesite="Lax")


def _full(name: str) -> str:
    # __Host- for the reason given in the settings: no neighbouring host can plant such a cookie.
    return f"__Host-watchword_{name}" if settings.WATCHWORD.secure else f"watchword_{name}"


def leave_device_cookie(response: HttpResponse, person: Person) -> None:
    """Leave the cookie by which the sign-in knows a browser that the person has used before."""
    leave(response, DEVICE, device_cookie_for(person), kept=DEVICE_COOKIE_LIFETIME)


def device_cookie(request: HttpRequest) -> str:
    """Return the cookie as the client sent it; it may be forged."""
    return read(request, DEVICE)
