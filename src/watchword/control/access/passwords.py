"""Which passwords can be chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from watchword.control.refusals import Refusal, RefusalReason

if TYPE_CHECKING:
    from django.http import QueryDict

    from watchword.control.access.models import Person

PASSWORD_MAX: Final = 1024
"""Characters. Hashing a novel is work that anybody could ask for."""


def typed_twice(form: QueryDict) -> str:
    """The new password of a form that asks for it twice.

    Raises:
        Refusal: fields_invalid.
    """
    password = form.get("password", "")
    if password != form.get("password_again", ""):
        raise Refusal(RefusalReason.FIELDS_INVALID, field_errors={"password_again": "The two passwords differ."})
    return password


def refuse_weak(password: str, person: Person) -> None:
    """Raises fields_invalid for a password that is easily guessed, or too long ever to sign in with."""
    if len(password) > PASSWORD_MAX:
        raise _refused(f"A password has at most {PASSWORD_MAX} characters.")
    try:
        validate_password(password, person)
    except ValidationError as weak:
        raise _refused(" ".join(weak.messages)) from None


def _refused(fault: str) -> Refusal:
    return Refusal(RefusalReason.FIELDS_INVALID, field_errors={"password": fault})
