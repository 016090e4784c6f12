"""A verifier's trust in Acme in the normal state, and its decisions: for tests that change one thing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kit import forge
from watchword.core.decision import Allow, Decision, Deny, Reason
from watchword.core.jwk import SigningKey, admit
from watchword.core.trust import ServerTrust, SubscriptionPeriod, Trust
from watchword.core.verify import verify_token

if TYPE_CHECKING:
    from collections.abc import Mapping

DAY = 86_400


def keys(*published: forge.Key | Mapping[str, object]) -> tuple[SigningKey, ...]:
    """The keys that admission makes of a published set."""
    return admit(forge.key_set(*published)).keys


def server(*published: forge.Key | Mapping[str, object], **changes: Any) -> ServerTrust:
    """Acme's enabled authorization server with these keys; the claims of `forge.claims` satisfy it."""
    good: dict[str, Any] = {
        "id": "5f0d7c52-3a0e-4a52-9d3c-0d8f3d1f2b11",
        "name": "ProdOkta",
        "issuer": "https://login.acme.example/",
        "audience": "https://api.example/",
        "client_id": "acme-batch",
        "accepts_bound_tokens": False,
        "required_role": None,
        "keys": keys(*published) if published else (),
        "keys_good_until": forge.NOW + DAY,
    }
    return ServerTrust(**{**good, **changes})


def trust(*published: forge.Key | Mapping[str, object], **changes: Any) -> Trust:
    """Acme, entitled, with that server."""
    good: dict[str, Any] = {
        "organization": "acme",
        "revision": 1,
        "suspended": False,
        "subscription": SubscriptionPeriod(forge.NOW - DAY, forge.NOW + DAY),
    }
    if "server" not in changes:
        good["server"] = server(*published)
    return Trust(**{**good, **changes})


def decide(token: str, known: Trust | None, *, now: float = forge.NOW, cloud_name: str = "") -> Decision:
    return verify_token(token, known, now=now, snapshot_good_until=forge.NOW + DAY, cloud_name=cloud_name)


def reason(decision: Decision) -> Reason | None:
    """The reason of a denial; None if it was allowed."""
    match decision:
        case Allow():
            return None
        case Deny(reason=why):
            return why
