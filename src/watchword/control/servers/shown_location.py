"""A JWKS location for lists, audit events and logs: different ones look different, and possible secrets are hidden."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from django.utils.crypto import salted_hmac

from watchword.outbound.address import masked

PATH_MAX: Final = 96
"""Characters of path and query in a list; longer ones lose their middle."""

_MARK_DIGITS: Final = 6
_SALT: Final = "watchword.servers.shown_location"


@dataclass(frozen=True, slots=True)
class ShownLocation:
    """A location in parts.

    Attributes:
        host: with the port, if any.
        path: the path and the masked query.
        mark: digits that depend on the hidden part; None if nothing is hidden.
    """

    host: str
    path: str
    mark: str | None


def shown_location(location: str) -> ShownLocation:
    """Return the location in parts. The mark is keyed, so that a reader cannot test guesses of the hidden part."""
    whole = masked(location)
    parts = urlsplit(location)
    path = whole[len(f"{parts.scheme}://{parts.netloc}") :]
    cut = len(path) > PATH_MAX
    hidden = cut or whole != location
    half = PATH_MAX // 2
    path = f"{path[:half]}…{path[-half:]}" if cut else path
    return ShownLocation(parts.netloc, path, _mark(location) if hidden else None)


def on_one_line(location: str) -> str:
    """Return the location for audit events and log lines, with the same mark as in the lists."""
    whole = masked(location)
    return whole if whole == location else f"{whole} (hidden part: {_mark(location)})"


def _mark(location: str) -> str:
    return salted_hmac(_SALT, location, algorithm="sha256").hexdigest()[:_MARK_DIGITS]
