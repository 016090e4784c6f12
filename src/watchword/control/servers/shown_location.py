"""A JWKS location for lists, audit events and logs: two that differ look different, and no value that may be a secret
is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from django.utils.crypto import salted_hmac

from watchword.jwks.address import masked

PATH_MAX: Final = 96
"""Characters of path and query that a list shows; of longer ones the middle is left out."""

_MARK_DIGITS: Final = 6
_SALT: Final = "watchword.servers.shown_location"


@dataclass(frozen=True, slots=True)
class ShownLocation:
    """A location in parts.

    Attributes:
        host: with the port where one is named.
        path: the path and the masked query.
        mark: digits that differ where what is hidden differs; None if nothing is hidden.
    """

    host: str
    path: str
    mark: str | None


def shown_location(location: str) -> ShownLocation:
    """The mark is keyed with the secret key, so that nobody can try values of the query against it."""
    whole = masked(location)
    parts = urlsplit(location)
    path = whole[len(f"{parts.scheme}://{parts.netloc}") :]
    cut = len(path) > PATH_MAX
    hidden = cut or whole != location
    half = PATH_MAX // 2
    path = f"{path[:half]}…{path[-half:]}" if cut else path
    return ShownLocation(parts.netloc, path, _mark(location) if hidden else None)


def on_one_line(location: str) -> str:
    """For audit events and log lines; the mark is the one that the lists show."""
    whole = masked(location)
    return whole if whole == location else f"{whole} (hidden part: {_mark(location)})"


def _mark(location: str) -> str:
    return salted_hmac(_SALT, location, algorithm="sha256").hexdigest()[:_MARK_DIGITS]
