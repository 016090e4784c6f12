"""What the forms of second factors send, and passkey ceremonies: their options, their cookie and the response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse

from watchword.control.identity.factor_rules import CEREMONY_LIFETIME
from watchword.control.identity.factors import passkeys
from watchword.control.identity.second_factor_commands import PasskeyResponse, TypedFactor
from watchword.control.web.shell import cookies

if TYPE_CHECKING:
    from watchword.control.identity.models import Person

PASSKEY: Final = "passkey"
"""The field of a form that carries what the authenticator sent."""

_USE: Final = "passkey"
_NEW: Final = "new_passkey"


def use_options(person_id: int | None) -> HttpResponse:
    """Begin to use a passkey: of this person, or of anyone if None."""
    return _begun(_USE, *passkeys.assertion_options(person_id))


def enrolment_options(person: Person) -> HttpResponse:
    """Begin to add a passkey to the person's account."""
    return _begun(_NEW, *passkeys.registration_options(person))


def passkey_response(request: HttpRequest) -> PasskeyResponse:
    """Return what the authenticator sent to use a passkey, untrusted."""
    return PasskeyResponse(response=request.POST.get(PASSKEY, ""), sealed=cookies.read(request, _USE))


def new_passkey_response(request: HttpRequest) -> PasskeyResponse:
    """Return what the authenticator sent of a new passkey, untrusted."""
    return PasskeyResponse(response=request.POST.get(PASSKEY, ""), sealed=cookies.read(request, _NEW))


def _begun(cookie: str, options: dict[str, Any], sealed: str) -> HttpResponse:
    response = JsonResponse(options)
    cookies.leave(response, cookie, sealed, kept=CEREMONY_LIFETIME)
    return response


def typed_factor(request: HttpRequest) -> TypedFactor:
    """Return what the form sent, untrusted."""
    return TypedFactor(
        code=request.POST.get("code", ""),
        recovery_code=request.POST.get("recovery_code", ""),
        passkey=passkey_response(request) if request.POST.get(PASSKEY) else None,
    )
