"""What a provider may put in the place of Watchword's own name, mark, menu and links."""

from __future__ import annotations

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema

from watchword.core.characters import is_printable
from watchword.settings.logo import Logo, read_logo

LONGEST_NAME: Final = 40
LONGEST_LABEL: Final = 60

_EMAIL = re.compile(r"[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
# Printable ASCII: what is shown is what a click leads to.
_LINK = re.compile(r"[!-~]+")


def _check_line(text: str) -> str:
    # A change of direction or an invisible character could make a page look like another one.
    if not is_printable(text) or text != text.strip():
        raise ValueError("must be one line without blanks around it, and without invisible characters")
    return text


ProductName = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME), AfterValidator(_check_line)]
MenuLabel = Annotated[str, Field(min_length=1, max_length=LONGEST_LABEL), AfterValidator(_check_line)]
LogoFile = Annotated[Logo, PlainValidator(read_logo), WithJsonSchema({"type": "string", "format": "path"})]


def _is_link(text: str) -> bool:
    try:
        parts = urlsplit(text)
        linkable = parts.scheme == "https" and bool(parts.hostname) and parts.username is None
    except ValueError:
        return False
    return linkable and _LINK.fullmatch(text) is not None


def _check_contact(contact: str) -> str:
    if _EMAIL.fullmatch(contact) is None and not _is_link(contact):
        raise ValueError(
            "must be an e-mail address such as support@provider.example, or a URL such as https://provider.example/help"
        )
    return contact


def _check_folder(url: str) -> str:
    if url != "" and (not _is_link(url) or "?" in url or "#" in url):
        raise ValueError("must be the https URL of a folder, such as https://intranet.example/watchword/docs")
    return url.rstrip("/")


SupportContact = Annotated[str, AfterValidator(_check_contact)]
FolderUrl = Annotated[str, AfterValidator(_check_folder)]
"""Empty to show no links."""
