"""Addresses of the provider that pages link to."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

_EMAIL = re.compile(r"[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
# Printable ASCII: what is shown is what a click leads to.
_LINK = re.compile(r"[!-~]+")


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
