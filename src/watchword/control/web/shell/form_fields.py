"""What people type into a form, exactly as it was sent."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Self

from django import forms

from watchword.control.base.refusals import Refusal, RefusalReason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import QueryDict


WHOLE_NUMBER: Final = re.compile(r"[0-9]{1,16}")


class Text(forms.Field):
    """Text exactly as it was sent. Django's own text field trims, and refuses U+0000 with a sentence of its own."""

    def __init__(self) -> None:
        super().__init__(required=False, initial="")

    def clean(self, value: object) -> str:
        return value if isinstance(value, str) else ""


class Typed(forms.Form):
    """What was typed into a dialog. Nothing is trimmed, so that all of it can be shown again."""

    @classmethod
    def received(cls, post: QueryDict) -> Self:
        # Browsers send line breaks as CR LF; drop the CR, which limits do not count.
        form = cls({name: post.get(name, "").replace("\r\n", "\n") for name in cls.base_fields})
        form.is_valid()
        return form

    def refuse(self, field_errors: Mapping[str, str]) -> None:
        """Put the command's sentences at their fields; a sentence for a field the form lacks stays with the form."""
        for name, sentence in field_errors.items():
            self.add_error(name if name in self.fields else None, sentence)

    def text(self, name: str) -> str:
        return str(self.cleaned_data.get(name, ""))

    def moment(self, name: str, faults: dict[str, str]) -> datetime | None:
        """The instant typed, in UTC where no zone is named; None for a blank field, or for a fault, which is noted."""
        typed = self.text(name)
        if typed == "":
            return None
        try:
            at = datetime.fromisoformat(typed)
            return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        except (ValueError, OverflowError):
            faults[name] = "Enter a date and time such as 2027-01-31T12:00, in UTC."
            return None

    def number(self, name: str, faults: dict[str, str]) -> int | None:
        """The whole number typed; None for a blank field, or for a fault, which is noted."""
        typed = self.text(name)
        if typed == "":
            return None
        if WHOLE_NUMBER.fullmatch(typed) is None:
            faults[name] = "Enter a whole number such as 1000000, or leave it blank for no limit."
            return None
        return int(typed)


def typed_twice(form: QueryDict) -> str:
    """The new password of a form that asks for it twice.

    Raises:
        Refusal: fields_invalid.
    """
    password = form.get("password", "")
    if password != form.get("password_again", ""):
        raise Refusal(RefusalReason.FIELDS_INVALID, field_errors={"password_again": "The two passwords differ."})
    return password
