"""Finds the organization of a request through Traefik, which sends all its requests to one fixed address.

The verifier reads the host or the path that the client requested. Traefik sends it in a header, and overwrites what a
client sends under that name unless `trustForwardHeader` is true.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

from watchword.core.trust import ORGANIZATION_ID
from watchword.verifier import http_contract
from watchword.verifier.protected_resource import WELL_KNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword.settings.verifier import VerifierSettings
    from watchword.verifier.http_contract import Response

_IN_PATH: Final = re.compile(f"/o/({ORGANIZATION_ID})(?:/.*)?", re.DOTALL)

# `%25` is a percent sign: a path that is decoded several times may be encoded several times.
_ENCODED: Final = "%(?:25)*"
_DOT: Final = rf"(?:\.|{_ENCODED}2e)"
_SLASH: Final = rf"(?:/|{_ENCODED}2f)"
_AMBIGUOUS: Final = re.compile(
    # A backslash, which some programs read as a slash; and invalid UTF-8, such as the overlong dot %c0%ae.
    rf"\\|{_ENCODED}(?:5c|c[01]|u)"
    # A segment of one or two dots, also if followed by what some programs cut off: a parameter, a query, a fragment, a
    # NUL, a space.
    rf"|{_SLASH}{_DOT}{{1,2}}(?:[^.%0-9a-z_~-]|{_ENCODED}(?:2f|3b|3f|23|0|20)|\Z)"
    # Two slashes after the prefix: without the prefix they would start a host name.
    r"|\A/o/[^/]*//",
    re.IGNORECASE | re.ASCII,
)


class TraefikRouting:
    """Routing by host or by path, as configured.

    Attributes:
        paths: the paths that Traefik requests, each with the prefix of the path that takes its place.
        header: the header that contains the organization.
    """

    def __init__(self, routing: Literal["host", "path"], domain: str | None) -> None:
        self.paths = {f"/verify-by-{routing}/traefik": "/verify/traefik/"}
        if routing == "host":
            # Traefik can rewrite a path with the organization in it, but cannot take the organization from a host.
            self.paths[WELL_KNOWN] = f"{WELL_KNOWN}/"
        self.header = b"x-forwarded-host" if routing == "host" else b"x-forwarded-uri"
        self._in_host = None
        if routing == "host" and domain is not None:
            self._in_host = re.compile(rf"({ORGANIZATION_ID})\.{re.escape(domain)}(?::[0-9]{{1,5}})?")

    def path_of(self, requested: str, forwarded: Sequence[str]) -> str | Response:
        """The path with the organization in it, or the response if the request names none.

        Args:
            requested: one of `paths`.
            forwarded: the values of all headers named `header`.
        """
        if len(forwarded) != 1:
            return http_contract.FORWARDED_AMBIGUOUS
        if self._in_host is not None:
            # ASCII only: `lower` turns the Kelvin sign into a k.
            found = self._in_host.fullmatch(forwarded[0].lower()) if forwarded[0].isascii() else None
        else:
            path = forwarded[0].partition("?")[0]
            if _AMBIGUOUS.search(path):
                return http_contract.PATH_AMBIGUOUS
            # Bytes outside ASCII may be an overlong dot.
            found = _IN_PATH.fullmatch(path) if path.isascii() else None
        return http_contract.NO_ORGANIZATION if found is None else f"{self.paths[requested]}{found[1]}"


def traefik_routing(settings: VerifierSettings) -> TraefikRouting | None:
    """The configured routing; None if Traefik must use the same paths as other gateways."""
    routing = settings.traefik_routing
    return None if routing is None else TraefikRouting(routing, settings.api_domain)
