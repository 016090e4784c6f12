"""The new password of a form that asks for it twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword.control.base.refusals import Refusal, RefusalReason

if TYPE_CHECKING:
    from django.http import QueryDict


def typed_twice(form: QueryDict) -> str:
    """The new password of a form that asks for it twice.

    Raises:
        Refusal: fields_invalid.
    """
    password = form.get("password", "")
    if password != form.get("password_again", ""):
        raise Refusal(RefusalReason.FIELDS_INVALID, field_errors={"password_again": "The two passwords differ."})
    return password
