"""What people type into a form, exactly as it was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms

from watchword.control.base.refusals import Refusal, RefusalReason

if TYPE_CHECKING:
    from django.http import QueryDict


class Text(forms.Field):
    """Text exactly as it was sent. Django's own text field trims, and refuses U+0000 with a sentence of its own."""

    def __init__(self) -> None:
        super().__init__(required=False, initial="")

    def clean(self, value: object) -> str:
        return value if isinstance(value, str) else ""


def typed_twice(form: QueryDict) -> str:
    """The new password of a form that asks for it twice.

    Raises:
        Refusal: fields_invalid.
    """
    password = form.get("password", "")
    if password != form.get("password_again", ""):
        raise Refusal(RefusalReason.FIELDS_INVALID, field_errors={"password_again": "The two passwords differ."})
    return password
