"""The portal's sessions: Django's session interface over a table of our own.

Django's table has no column for the person, so finding a person's sessions means decoding all of them. It also stores
the keys in clear, so a copy of the database would open every session. Our rows have the SHA-256 of the key, the person
and the times. AbstractBaseSession cannot be used because it stores the key.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import VALID_KEY_CHARS, CreateError, SessionBase
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import get_random_string

from watchword.control.base.refusals import AccessLost, Refusal, RefusalReason
from watchword.control.identity.factor_rules import is_strong, read, stored
from watchword.control.identity.models import Session
from watchword.control.identity.session_rules import LIVE_MAX, SEEN_STEP, SessionEnd, browser_name, session_end

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from watchword.control.identity.factor_rules import Factor

KEY_MAX: Final = 128
"""Characters of a cookie that are looked at."""

_KEY_LENGTH: Final = 32


class SessionStore(SessionBase):
    """One browser's session.

    Attributes:
        session_end: why the browser's session is over; None before the first look, and while it is alive.
    """

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self.session_end: SessionEnd | None = None
        self._row: Session | None = None

    @property
    def public_id(self) -> UUID | None:
        """The id on pages and in URLs. The session's key never leaves the cookie."""
        row = self._loaded()
        return None if row is None else row.public_id

    @property
    def proven_at(self) -> datetime | None:
        """When the person last proved who they are in this session, as of the request's beginning."""
        row = self._loaded()
        return None if row is None else row.proven_at

    def begin(self, now: datetime, *, address: str | None, user_agent: str, factors: Collection[Factor]) -> None:
        """Note where the person has just signed in, and which factors they have proven."""
        row = self._loaded()
        if row is None:
            raise RuntimeError("there is no session to begin")
        row.factors, row.proven_at = stored(factors), now
        _note(row, now, address, user_agent, factors=row.factors, proven_at=now)

    def note_seen(self, now: datetime, *, address: str | None, user_agent: str) -> None:
        """Note when and where the session was last used, at most once a minute."""
        row = self._loaded()
        if row is not None and now - row.seen_at >= SEEN_STEP:
            _note(row, now, address, user_agent)

    def leave(self, why: SessionEnd) -> None:
        """Drop the session, which ended after it was loaded."""
        self.session_end = why
        self._session_key = None
        self._session_cache: dict[str, Any] = {}

    def adopt(self, session_key: str) -> None:
        """Continue with the session of `store_session`. `cycle_key` refuses it if it was ended since then."""
        self._row = Session.objects.filter(key_hash=_hash(session_key)).first()
        self._session_key = session_key
        self._session_cache = {}

    def cycle_key(self) -> None:
        """Replace the key in place, so that a session that ended meanwhile does not come back under a new key.

        Raises:
            AccessLost: it was ended.
        """
        old = self.session_key
        if old is None:
            self.create()
            return
        new = self._get_new_session_key()  # type: ignore[attr-defined]  # Not in Django's types.
        if Session.objects.filter(key_hash=_hash(old)).update(key_hash=_hash(new)) != 1:
            raise AccessLost(Refusal(RefusalReason.SESSION_ENDED, session_end=SessionEnd.GONE))
        self._session_key = new
        self.modified = True

    def exists(self, session_key: str) -> bool:
        return Session.objects.filter(key_hash=_hash(session_key)).exists()

    def load(self) -> dict[str, Any]:
        """Return the session's content; empty, and without a key, when the session is over.

        This is the only place that enforces the limits, so that a cookie replayed after them opens nothing. A key that
        is not in the table is never adopted: an attacker may have chosen it.
        """
        row = self._find()
        self.session_end = _session_end_of(row, timezone.now())
        if row is None or self.session_end is not None:
            self._session_key = None
            return {}
        self._row = row
        return dict(self.decode(row.content))

    def create(self) -> None:
        while True:
            self._session_key = self._get_new_session_key()  # type: ignore[attr-defined]  # Not in Django's types.
            try:
                self.save(must_create=True)
            except CreateError:
                continue
            self.modified = True
            return

    def save(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002 - the signature is Django's.
        """Write the content.

        Raises:
            CreateError: the key is in use already.
        """
        if self.session_key is None:
            self.create()
            return
        kept = self._get_session(no_load=must_create)  # type: ignore[attr-defined]  # Not in Django's types.
        key_hash, columns = _hash(self.session_key), {"content": self.encode(kept), "person_id": _person_in(kept)}
        if not must_create:
            # A session that ended meanwhile stays ended. What the request did stands, so it gets its response.
            Session.objects.filter(key_hash=key_hash).update(**columns)
            return
        now = timezone.now()
        try:
            with transaction.atomic():
                self._row = Session.objects.create(key_hash=key_hash, started_at=now, seen_at=now, **columns)
        except IntegrityError:
            raise CreateError from None

    def delete(self, session_key: str | None = None) -> None:
        key = self.session_key if session_key is None else session_key
        if key is not None:
            Session.objects.filter(key_hash=_hash(key)).delete()

    @classmethod
    def clear_expired(cls) -> None:
        Session.objects.forgotten(timezone.now()).delete()

    def _find(self) -> Session | None:
        if self.session_key is None or len(self.session_key) > KEY_MAX:
            return None
        return Session.objects.select_related("person").filter(key_hash=_hash(self.session_key)).first()

    def _loaded(self) -> Session | None:
        # Reading the content loads the row. A flushed session has a row here but no key.
        self._get_session()  # type: ignore[attr-defined]  # Not in Django's types.
        return None if self.session_key is None else self._row


def live_sessions(person_id: int | None, now: datetime) -> QuerySet[Session]:
    """The person's sessions that a browser can still use, the most recently used first. None without a person."""
    if person_id is None:
        return Session.objects.none()
    return Session.objects.live(now).filter(person_id=person_id).order_by("-seen_at", "-pk")


def end_sessions(person_id: int, *, except_for: UUID | None = None) -> None:
    """End the person's sessions on the server, in all browsers or in all but one.

    Every command that takes a person's access away calls this in its transaction.
    """
    own = Session.objects.filter(person_id=person_id)
    (own if except_for is None else own.exclude(public_id=except_for)).delete()


def end_weak_sessions(person_id: int, *, except_for: UUID | None) -> None:
    """End the person's sessions that were begun with a password alone, in all browsers but one."""
    own = Session.objects.filter(person_id=person_id)
    others = own if except_for is None else own.exclude(public_id=except_for)
    end_where(others, lambda session: not is_strong(read(session.factors)))


def end_where(sessions: QuerySet[Session], ends: Callable[[Session], bool]) -> None:
    """End those of a few sessions for which `ends` holds. Their factors are JSON, which SQLite cannot search."""
    Session.objects.filter(pk__in=[session.pk for session in sessions if ends(session)]).delete()


def store_session(person_id: int, factors: Collection[Factor], now: datetime) -> str:
    """Store the session of a sign-in within the transaction that completes it. Returns its key, for `adopt`."""
    session_key = get_random_string(_KEY_LENGTH, VALID_KEY_CHARS)
    Session.objects.create(
        key_hash=_hash(session_key),
        person_id=person_id,
        content=SessionStore().encode({}),
        started_at=now,
        seen_at=now,
        factors=stored(factors),
        proven_at=now,
    )
    return session_key


def end_excess_sessions(person_id: int, now: datetime) -> None:
    """Make room for a new session: end the least recently used ones beyond LIVE_MAX."""
    leaving = list(live_sessions(person_id, now).values_list("pk", flat=True)[LIVE_MAX - 1 :])
    Session.objects.filter(pk__in=leaving).delete()


def _session_end_of(row: Session | None, now: datetime) -> SessionEnd | None:
    if row is None or (row.person is not None and not row.person.is_active):
        return SessionEnd.GONE
    return session_end(row.started_at, row.seen_at, now)


def _note(row: Session, now: datetime, address: str | None, user_agent: str, **proven: object) -> None:
    """Update a live session only: two requests that run while it ends must not bring it back."""
    row.seen_at, row.address, row.browser = now, address, browser_name(user_agent)
    Session.objects.live(now).filter(pk=row.pk).update(seen_at=now, address=address, browser=row.browser, **proven)


def _person_in(kept: dict[str, Any]) -> int | None:
    person = kept.get(SESSION_KEY)
    return None if person is None else int(person)


def _hash(key: str) -> str:
    # A plain hash is enough: a key has 165 random bits and cannot be guessed.
    return hashlib.sha256(key.encode()).hexdigest()
