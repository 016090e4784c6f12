"""The choice of a second factor, and what its form sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword.control.identity.second_factor_commands import TypedFactor
from watchword.control.web.shell.factor_choice import FactorChoice
from watchword.control.web.sign_in.ceremony_cookies import PASSKEY, passkey_response

if TYPE_CHECKING:
    from django.http import HttpRequest

__all__ = ["FactorChoice", "typed_factor"]


def typed_factor(request: HttpRequest) -> TypedFactor:
    """Return what the form sent, untrusted."""
    return TypedFactor(
        code=request.POST.get("code", ""),
        recovery_code=request.POST.get("recovery_code", ""),
        passkey=passkey_response(request) if request.POST.get(PASSKEY) else None,
    )
