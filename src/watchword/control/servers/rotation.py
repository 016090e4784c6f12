"""Warnings about key rotation. Pure: the clock is an argument.

Every warning follows from stored state and the time, so it disappears when it no longer applies.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final

from watchword.control.base.times import duration, spoken
from watchword.jwks.schedule import MAX_AGE_BOUNDS, STALE_AFTER
from watchword.outbound.certificate import EXPIRES_SOON

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

FAILING_LONG: Final = timedelta(seconds=STALE_AFTER)
"""A single failed fetch means little; after this time an administrator should act."""

REPLACED_SHOWN: Final = timedelta(days=7)
"""How long to show an abrupt rotation: so that the administrator sees it and changes the procedure."""

WITHDRAWN_WATCHED: Final = timedelta(days=7)
"""How long tokens with a withdrawn kid are noted: longer than the lifetime of access tokens."""

ASKED_EVERY: Final = timedelta(minutes=1)
"""At most one write per key in this time, however many tokens name it."""

ASKED_SHOWN: Final = timedelta(hours=1)
"""How long after the last such token the warning is shown."""

HISTORY_KEPT: Final = timedelta(days=184)
"""Of a withdrawn key: as long as the default retention of the audit log."""

HISTORY_SHOWN: Final = 10
"""Withdrawn keys on the page, the last withdrawn first."""

NAMED_SHOWN: Final = 3
"""Key IDs named in one sentence."""

_OVERLAP: Final = duration(timedelta(seconds=MAX_AGE_BOUNDS[1]))


class Place(Enum):
    """The cell of the row that shows a warning's short form."""

    LOCATION = "location"
    KEYS = "keys"
    FETCH = "fetch"


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationWarning:
    """One warning. `short` is for the row, `fact` says what happened, `meaning` what follows, `fix` what to do.

    `tone` is warn or bad.
    """

    place: Place
    tone: str
    short: str
    fact: str
    meaning: str
    fix: str

    @property
    def sentence(self) -> str:
        return f"{self.fact} {self.meaning}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawnKey:
    """A withdrawn key. `asked_at`: when a token with its kid was last reported, or None."""

    kid: str | None
    withdrawn_at: datetime
    asked_at: datetime | None


def warnings(
    *,
    now: datetime,
    host: str,
    verify_certificate: bool,
    failing_since: datetime | None,
    keys_good_until: datetime | None,
    certificate_expires_at: datetime | None,
    replaced_at: datetime | None,
    withdrawn: Iterable[WithdrawnKey],
) -> tuple[RotationWarning, ...]:
    """Return the warnings at `now`, the most urgent first.

    Args:
        now: the time of the page.
        host: of the JWKS location.
        verify_certificate: without it nothing depends on the certificate's expiry.
        failing_since: None unless the latest fetch failed.
        keys_good_until: when the keys expire; None without keys.
        certificate_expires_at: of the server's last certificate.
        replaced_at: the last fetch that found none of the previous keys.
        withdrawn: the withdrawn keys.
    """
    found = [
        _failing(now, failing_since, keys_good_until),
        _certificate(now, host, certificate_expires_at) if verify_certificate else None,
        _named(now, withdrawn),
        _replaced(now, replaced_at),
    ]
    return tuple(warning for warning in found if warning is not None)


def failing_long(failing_since: datetime | None, now: datetime) -> bool:
    return failing_since is not None and now - failing_since >= FAILING_LONG


def certificate_ends_soon(expires_at: datetime | None, now: datetime) -> bool:
    """Whether it expires within 14 days, or has expired already."""
    return expires_at is not None and expires_at - now <= EXPIRES_SOON


def is_watched(withdrawn_at: datetime | None, now: datetime) -> bool:
    """Whether tokens that name this key are noted."""
    return withdrawn_at is not None and now - withdrawn_at <= WITHDRAWN_WATCHED


def may_note(asked_at: datetime | None, now: datetime) -> bool:
    """Whether to write now that a token names a watched key.

    A time in the future, from before the clock was set back, does not prevent it.
    """
    return asked_at is None or not timedelta() <= now - asked_at < ASKED_EVERY


def is_named(withdrawn_at: datetime | None, asked_at: datetime | None, now: datetime) -> bool:
    """Whether tokens that name this withdrawn key still arrive."""
    return asked_at is not None and is_watched(withdrawn_at, now) and now - asked_at <= ASKED_SHOWN


def _failing(now: datetime, since: datetime | None, good_until: datetime | None) -> RotationWarning | None:
    if since is None or not failing_long(since, now):
        return None
    if good_until is None or good_until <= now:
        meaning = "There are no keys that may still be believed, so every access token is refused."
        tone = "bad"
    else:
        meaning = (
            f"Access tokens are verified with the keys of the last good fetch, until {spoken(good_until)}. A key that "
            "the server has published since is not known here, and one that it has withdrawn is still accepted."
        )
        tone = "warn"
    return RotationWarning(
        place=Place.FETCH,
        tone=tone,
        short="Fetches fail",
        fact=f"Key fetches have failed since {spoken(since)}.",
        meaning=meaning,
        fix="Do what the problem asks for, then press Refresh now. It is also tried again by itself.",
    )


def _certificate(now: datetime, host: str, expires_at: datetime | None) -> RotationWarning | None:
    if expires_at is None or not certificate_ends_soon(expires_at, now):
        return None
    ended = expires_at <= now
    when = f"expired on {spoken(expires_at)}" if ended else f"expires on {spoken(expires_at)}"
    since = "Since then" if ended else "From then on"
    return RotationWarning(
        place=Place.LOCATION,
        tone="bad" if ended else "warn",
        short="Certificate expired" if ended else "Certificate expires soon",
        fact=f"The TLS certificate of {host} {when}.",
        meaning=f"{since} no keys can be fetched from it.",
        fix="Renew the server's certificate. The warning ends with the next fetch that meets the new one.",
    )


def _named(now: datetime, withdrawn: Iterable[WithdrawnKey]) -> RotationWarning | None:
    asked = [
        (key.asked_at, key)
        for key in withdrawn
        if key.asked_at is not None and is_named(key.withdrawn_at, key.asked_at, now)
    ]
    if not asked:
        return None
    asked.sort(key=lambda pair: pair[0], reverse=True)
    names = [f"“{key.kid}”, withdrawn on {spoken(key.withdrawn_at)}" for _, key in asked[:NAMED_SHOWN]]
    more = len(asked) - len(names)
    listed = "; ".join(names) + (f"; and {more} more" if more else "")
    kind = "a withdrawn key" if len(asked) == 1 else "withdrawn keys"
    return RotationWarning(
        place=Place.KEYS,
        tone="warn",
        short=f"Tokens use {kind}",
        fact=f"Tokens naming {kind} still arrive, the last on {spoken(asked[0][0])}: {listed}.",
        meaning=("They are refused. Nothing about these tokens is verified: their senders chose the key ID."),
        fix=(
            "If client applications report refused requests, have them get new access tokens. If the server still "
            "signs with this key, have it published again. Otherwise there is nothing to do."
        ),
    )


def _replaced(now: datetime, replaced_at: datetime | None) -> RotationWarning | None:
    if replaced_at is None or now - replaced_at > REPLACED_SHOWN:
        return None
    return RotationWarning(
        place=Place.KEYS,
        tone="warn",
        short="All keys replaced at once",
        fact=f"All keys were replaced at once on {spoken(replaced_at)}.",
        meaning=(
            "Not one of those before was kept, so access tokens signed before are refused since then, although they "
            "may not have expired."
        ),
        fix=(
            f"Have the server publish a new key at least {_OVERLAP} before it signs with it, and keep the old one "
            "published until the last access token signed with it has expired. If nobody replaced the keys on "
            "purpose, find out who did."
        ),
    )
