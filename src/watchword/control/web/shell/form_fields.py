"""What people type into a form, exactly as it was sent."""

from __future__ import annotations

from django import forms


class Text(forms.Field):
    """Text exactly as it was sent. Django's own text field trims, and refuses U+0000 with a sentence of its own."""

    def __init__(self) -> None:
        super().__init__(required=False, initial="")

    def clean(self, value: object) -> str:
        return value if isinstance(value, str) else ""
