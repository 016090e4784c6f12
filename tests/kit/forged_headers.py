"""Headers by which a client could forge an identity, or get its token through to the API.

One table for every kind of API and every gateway: it counts what reaches the API.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from kit.grpc_api import call
from kit.raw_http import exchange

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kit.client import Answer

IDENTITY: Final = ("Organization", "Server", "Issuer", "Subject", "Client-Id", "Scope", "Expires", "Role")

SPELLINGS: Final = {
    "lower case": "x-auth-{0}",
    "mixed case": "x-AUTH-{0}",
    "mixed separators": "X-Auth_{0}",
    "mixed separators the other way": "x_auth-{0}",
    "a parameter": "HTTP_X_AUTH_{0}",
    "a parameter with hyphens": "HTTP-X-AUTH-{0}",
    # Every character that a header name may have besides letters and digits (RFC 9110 section 5.6.2).
    **{f"with {mark}": f"X{mark}Auth{mark}{{0}}" for mark in "-_.!#$%&'*+^`|~"},
}
TOKENS: Final = ("HTTP_AUTHORIZATION", "HTTP-AUTHORIZATION_", "authorization_", "authorization.")
"""Names that an API may read as Authorization, under which a client sends its token once more."""

_FORGED: Final = "forged"
_IN_METADATA: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")


@dataclass
class Reached:
    """What reached the API.

    Attributes:
        requests: that reached it.
        identities: forged values that it could read as an identity.
        tokens: requests that arrived with a token.
    """

    requests: int = 0
    identities: int = 0
    tokens: int = 0


def _as_an_api_reads(name: str) -> str:
    """Some APIs read every character except letters and digits as a hyphen."""
    return re.sub(r"[^a-z0-9]", "-", name.lower())


def ask(kind: str, port: int, host: str, lines: Sequence[tuple[str, str]], *, target: str = "/api/orders") -> Any:
    """What the API saw of a request with these headers; None if it was refused."""
    if kind == "grpc":
        # This client library cannot send other names.
        spelled = [(name.lower(), value) for name, value in lines if set(name.lower()) <= _IN_METADATA]
        return call(port, host, spelled)[1]
    head = (f"GET {target} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in lines), "", "")
    answer: Answer = exchange(port, "\r\n".join(head), timeout=30)
    return answer.json() if answer.status == 200 else None


def what_reaches(kind: str, port: int, host: str, tokens: Sequence[str], *, target: str = "/api/orders") -> Reached:
    """Send every spelling of every identity header with each of these good tokens, and count what arrives."""
    reached = Reached()
    for token in tokens:
        bearer = ("Authorization", f"Bearer {token}")
        attempts = [
            [bearer, *((spelling.format(name), _FORGED) for name in (*IDENTITY, "Client_Id"))]
            for spelling in SPELLINGS.values()
        ]
        attempts += [[bearer, (name, f"Bearer {token}")] for name in TOKENS]
        for lines in attempts:
            seen = ask(kind, port, host, lines, target=target)
            if seen is None:
                continue
            reached.requests += 1
            reached.identities += sum(
                _FORGED in value and _as_an_api_reads(name).startswith("x-auth-") for name, value in seen["headers"]
            )
            reached.tokens += any(token in value for _, value in seen["headers"])
    return reached
