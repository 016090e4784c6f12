"""What a verifier must know of one organization. Immutable; a change is a new `Trust` with a higher revision."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from watchword.core.jwk import SigningKey


class Unchecked(Enum):
    """The named absence of a check: the administrator left the field blank, which the portal explains as "any"."""

    ANY = "any"


ANY: Final = Unchecked.ANY
"""Neither `""` nor `None` ever stands for "do not check"; a value that got lost therefore refuses."""

Expected = str | Unchecked

ORGANIZATION_ID: Final = "[a-z][a-z0-9-]{0,30}[a-z0-9]"
"""A pattern of all ids that an organization can have."""


@dataclass(frozen=True, slots=True)
class SubscriptionPeriod:
    """The API subscription as half-open interval [starts_at, expires_at) in Unix seconds."""

    starts_at: int
    expires_at: int

    def is_active(self, now: float) -> bool:
        return self.starts_at <= now < self.expires_at


@dataclass(frozen=True, slots=True)
class ServerTrust:
    """The organization's one enabled authorization server.

    Attributes:
        id: stable identifier of the registration.
        name: the administrator's name for it, `[A-Za-z0-9]{1,64}`; sent to the gateway as X-Auth-Server.
        issuer, audience, client_id: the value demanded, or ANY. An empty or lost one is a ValueError.
        accepts_bound_tokens: whether a token that is bound to a key or certificate passes without proof of that key.
        keys: the admitted keys of the last good fetch, at most MOST_KEYS.
        keys_good_until: Unix seconds; from then on the keys are too old to be believed.
    """

    id: str
    name: str
    issuer: Expected
    audience: Expected
    client_id: Expected
    accepts_bound_tokens: bool
    keys: tuple[SigningKey, ...]
    keys_good_until: int

    def __post_init__(self) -> None:
        for expected in (self.issuer, self.audience, self.client_id):
            if not expected:
                # An empty or lost value would match an empty or absent claim (C-10).
                raise ValueError("Demand a non-empty text, or say ANY.")


@dataclass(frozen=True, slots=True)
class Trust:
    """All that decides about the tokens of one organization, as of one revision of the feed."""

    organization: str
    revision: int
    suspended: bool
    subscription: SubscriptionPeriod | None
    server: ServerTrust | None


@dataclass(frozen=True, slots=True)
class NotUnderstood(Trust):
    """An organization's newest trust, in a document that this version cannot read.

    Its members are those of an organization whose tokens are refused. The older trust is no substitute: what could not
    be read may be a suspension.

    Attributes:
        document: JSON, one line of ASCII, as it came; a later version may read it.
        problem: which part was not understood. Never what it said.
    """

    suspended: bool = field(default=True, init=False)
    subscription: SubscriptionPeriod | None = field(default=None, init=False)
    server: ServerTrust | None = field(default=None, init=False)
    document: str = field(default="{}", repr=False)
    problem: str = ""
