"""Trust: what a verifier must know of one organization, and whether its tokens may be accepted (steps 5 and 7).

Immutable; a change is a new `Trust` with a higher revision.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final

from watchword.core.decision import Reason

if TYPE_CHECKING:
    from watchword.core.jwk import SigningKey


class Unchecked(Enum):
    """A check that is deliberately off: the administrator left the field blank, which the portal explains as "any"."""

    ANY = "any"


ANY: Final = Unchecked.ANY
"""`""` and `None` never mean "do not check", so a lost value refuses tokens."""

Expected = str | Unchecked

ORGANIZATION_ID: Final = "[a-z][a-z0-9-]{0,30}[a-z0-9]"
"""The pattern of organization ids."""

API_ROLE: Final = "[0-9A-Za-z]{1,16}"
"""The pattern of the names of API roles."""

_API_ROLE: Final = re.compile(API_ROLE)


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
        issuer, audience, client_id: the required value, or ANY. An empty or lost one is a ValueError.
        accepts_bound_tokens: whether to accept a token that is bound to a key or certificate without proof of that key.
        required_role: the API role that each token must carry, of the form API_ROLE; None if none is required.
        keys: the admitted keys of the last good fetch, at most MOST_KEYS.
        keys_good_until: Unix seconds; from then on the keys are too old to be used.
    """

    id: str
    name: str
    issuer: Expected
    audience: Expected
    client_id: Expected
    accepts_bound_tokens: bool
    required_role: str | None
    keys: tuple[SigningKey, ...]
    keys_good_until: int

    def __post_init__(self) -> None:
        for expected in (self.issuer, self.audience, self.client_id):
            if not expected:
                # An empty or lost value would match an empty or absent claim (C-10).
                raise ValueError("Give a non-empty text, or ANY.")
        if self.required_role is not None and _API_ROLE.fullmatch(self.required_role) is None:
            # In the response it stands in a challenge and in a header.
            raise ValueError("Give a role of 1 to 16 ASCII letters and digits, or None.")


@dataclass(frozen=True, slots=True)
class Trust:
    """Everything that decides about the tokens of one organization, as of one revision of the feed."""

    organization: str
    revision: int
    suspended: bool
    subscription: SubscriptionPeriod | None
    server: ServerTrust | None


@dataclass(frozen=True, slots=True)
class NotUnderstood(Trust):
    """An organization's newest trust, in a document that this version cannot read.

    Its attributes refuse all tokens. The older trust must not be used instead: the unreadable part may be a suspension.

    Attributes:
        document: the JSON document as received, one line of ASCII; a later version may be able to read it.
        problem: the part that was not understood, never its content.
    """

    suspended: bool = field(default=True, init=False)
    subscription: SubscriptionPeriod | None = field(default=None, init=False)
    server: ServerTrust | None = field(default=None, init=False)
    document: str = field(default="{}", repr=False)
    problem: str = ""


def verifying_server(trust: Trust | None) -> tuple[Trust, ServerTrust] | Reason:
    """Step 5: the server whose keys may verify the organization's tokens, or why there is none."""
    if trust is None:
        return Reason.ORGANIZATION_UNKNOWN
    if isinstance(trust, NotUnderstood):
        return Reason.TRUST_NOT_UNDERSTOOD
    server = trust.server
    if server is None:
        return Reason.NO_ENABLED_SERVER
    return (trust, server) if server.keys else Reason.KEYS_MISSING


def entitled(trust: Trust, server: ServerTrust, now: float) -> tuple[float, float] | Reason:
    """Step 7: when the organization's tokens are accepted, or why they are refused now.

    Suspension and subscription come before the age of the keys, so that old keys never hide the provider's decision.
    All times are Unix seconds. The comparisons refuse a NaN.

    Returns:
        good_from, good_until: the organization is entitled at all times in [good_from, good_until).
    """
    if trust.suspended:
        return Reason.ORGANIZATION_SUSPENDED
    subscription = trust.subscription
    if subscription is None or not subscription.is_active(now):
        return Reason.SUBSCRIPTION_INACTIVE
    if not now < server.keys_good_until:
        return Reason.KEYS_STALE
    return subscription.starts_at, min(subscription.expires_at, server.keys_good_until)
