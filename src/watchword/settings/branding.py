"""What a provider may put in the place of Watchword's own name, mark and menu."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema

from watchword.core.characters import is_printable
from watchword.settings.logo import Logo, read_logo

LONGEST_NAME: Final = 40
LONGEST_LABEL: Final = 60


def _check_line(text: str) -> str:
    # A change of direction or an invisible character could make a page look like another one.
    if not is_printable(text) or text != text.strip():
        raise ValueError("must be one line without blanks around it, and without invisible characters")
    return text


ProductName = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME), AfterValidator(_check_line)]
MenuLabel = Annotated[str, Field(min_length=1, max_length=LONGEST_LABEL), AfterValidator(_check_line)]
LogoFile = Annotated[Logo, PlainValidator(read_logo), WithJsonSchema({"type": "string", "format": "path"})]
