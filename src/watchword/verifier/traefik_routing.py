"""Which organization a request through Traefik is for: Traefik asks at one fixed address, whatever the request.

So the verifier reads the host or the path that the client asked for. Traefik hands it over in a header of its own,
in place of what a client sends under that name, unless `trustForwardHeader` is true.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

from watchword.core.trust import ORGANIZATION_ID
from watchword.verifier import http_contract as wire
from watchword.verifier.protected_resource import WELL_KNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword.settings.verifier import VerifierSettings
    from watchword.verifier.http_contract import Answer

_IN_PATH: Final = re.compile(f"/o/({ORGANIZATION_ID})(?:/.*)?", re.DOTALL)

# `%25` is a percent sign: a part of the path that is decoded several times may be encoded as often.
_ENCODED: Final = "%(?:25)*"
_DOT: Final = rf"(?:\.|{_ENCODED}2e)"
_SLASH: Final = rf"(?:/|{_ENCODED}2f)"
_AMBIGUOUS: Final = re.compile(
    # A backslash, which is a slash to some; and what is no UTF-8, such as the overlong dot %c0%ae.
    rf"\\|{_ENCODED}(?:5c|c[01]|u)"
    # A segment of one or two dots, also before what some cut off: a parameter, a query, a fragment, a NUL, a blank.
    rf"|{_SLASH}{_DOT}{{1,2}}(?:[^.%0-9a-z_~-]|{_ENCODED}(?:2f|3b|3f|23|0|20)|\Z)"
    # Two slashes behind the prefix: without the prefix they would begin the name of a host.
    r"|\A/o/[^/]*//",
    re.IGNORECASE | re.ASCII,
)


class TraefikRouting:
    """One of two ways, as the settings say.

    Attributes:
        paths: at which Traefik asks, and what stands before the organization in the paths that they stand for.
        header: what names the organization.
    """

    def __init__(self, routing: Literal["host", "path"], domain: str | None) -> None:
        self.paths = {f"/verify-by-{routing}/traefik": "/verify/traefik/"}
        if routing == "host":
            # Traefik can take the organization out of a path, and write another path with it, but not out of a host.
            self.paths[WELL_KNOWN] = f"{WELL_KNOWN}/"
        self.header = b"x-forwarded-host" if routing == "host" else b"x-forwarded-uri"
        self._in_host = None
        if routing == "host" and domain is not None:
            self._in_host = re.compile(rf"({ORGANIZATION_ID})\.{re.escape(domain)}(?::[0-9]{{1,5}})?")

    def path_of(self, asked: str, forwarded: Sequence[str]) -> str | Answer:
        """The path that the organization would have, or why there is none.

        Args:
            asked: one of `paths`.
            forwarded: the values of all headers named `header`.
        """
        if len(forwarded) != 1:
            return wire.FORWARDED_AMBIGUOUS
        if self._in_host is not None:
            # Only ASCII is lower-cased: the Kelvin sign would become a k.
            found = self._in_host.fullmatch(forwarded[0].lower()) if forwarded[0].isascii() else None
        else:
            path = forwarded[0].partition("?")[0]
            if _AMBIGUOUS.search(path):
                return wire.PATH_AMBIGUOUS
            # Other octets may be an overlong dot.
            found = _IN_PATH.fullmatch(path) if path.isascii() else None
        return wire.NO_ORGANIZATION if found is None else f"{self.paths[asked]}{found[1]}"


def traefik_routing(settings: VerifierSettings) -> TraefikRouting | None:
    """What the settings allow; None if Traefik must ask as the other gateways do."""
    routing = settings.traefik_routing
    return None if routing is None else TraefikRouting(routing, settings.api_domain)
