"""Trust and tokens by the real clock, for tests with real processes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from kit import acme, forge
from watchword.core.trust import SubscriptionPeriod

if TYPE_CHECKING:
    from watchword.core.trust import Trust

KEY = forge.rsa_key("live")


def trust(*keys: forge.Key, **changes: Any) -> Trust:
    """Acme as in `kit.acme.trust`, good for a day around now."""
    now = int(time.time())
    good: dict[str, Any] = {
        "subscription": SubscriptionPeriod(now - acme.DAY, now + acme.DAY),
        "server": acme.server(*(keys or (KEY,)), keys_good_until=now + acme.DAY),
    }
    return acme.trust(**{**good, **changes})


def token(key: forge.Key = KEY, alg: str = "RS256", **changes: Any) -> str:
    """A token for that trust, good for five minutes; `changes` as in `forge.token`."""
    now = int(time.time())
    return forge.token(key, alg, **{"iat": now - 10, "exp": now + 300, **changes})


def in_an_hour() -> int:
    """An expiry that no test reaches."""
    return int(time.time()) + 3600
