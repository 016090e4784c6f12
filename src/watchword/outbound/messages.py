"""What goes into a guarded exchange and what comes out of it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from watchword.outbound.address import Address, Location
    from watchword.outbound.deadline import Deadline
    from watchword.outbound.policy import OutboundPolicy

OK: Final = frozenset({200})

MAX_BODY_BYTES: Final = 64 * 1024
MAX_HEADERS: Final = 8
MAX_HEADER_LENGTH: Final = 8 * 1024

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_RESERVED: Final = frozenset(
    {"host", "user-agent", "accept", "accept-encoding", "connection", "content-length", "transfer-encoding"}
)
"""The exchange itself sends these. A second one could end the request elsewhere, or send it to another host."""
_VALUE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
"""One line of ASCII: a line break in a value would begin another header or another request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. The exchange itself adds the headers that every request has.

    Attributes:
        method: GET has no body.
        accept: the value of the Accept header.
        headers: the other headers; may contain credentials.
        body: may contain credentials.

    Raises:
        ValueError: a part is too long or cannot be sent. The message repeats none of it.
    """

    method: Literal["GET", "POST"] = "GET"
    accept: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        if bool(self.body) != (self.method == "POST") or len(self.body) > MAX_BODY_BYTES:
            raise ValueError("A POST has a body, of at most 64 KiB, and a GET has none.")
        lines = (("Accept", self.accept), *self.headers)
        if len(lines) > MAX_HEADERS or not all(_is_header(name, value) for name, value in lines):
            raise ValueError("A header is not one line of printable ASCII characters, or too long.")
        if not _RESERVED.isdisjoint(name.lower() for name, _ in self.headers):
            raise ValueError("The exchange itself sends this header.")


def _is_header(name: str, value: str) -> bool:
    return bool(_NAME.fullmatch(name) and len(value) <= MAX_HEADER_LENGTH and _VALUE.fullmatch(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A complete response, not validated yet.

    Attributes:
        headers: names in lower case, in the order of the response.
        untrusted_body: as sent; empty for 304 Not Modified.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    untrusted_body: bytes = field(repr=False)

    def values(self, name: str) -> list[str]:
        """The values of all headers of this name, which is in lower case."""
        return [value for each, value in self.headers if each == name]

    @property
    def claims_html(self) -> bool:
        """Whether the Content-Type says that the body is a web page, such as the sign-in page of a proxy (J-13)."""
        return any("html" in value.lower() for value in self.values("content-type"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A location whose port and addresses were checked.

    Attributes:
        addresses: to connect to; empty if only the proxy can look the name up.
        internal: whether it is perhaps not on the Internet, so that details about it could reveal something.
        deadline: of the whole exchange.
    """

    location: Location
    addresses: tuple[Address, ...]
    internal: bool
    deadline: Deadline
    policy: OutboundPolicy
