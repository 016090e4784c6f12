"""The sessions of the portal: Django's session interface over a table of our own.

Django's own table knows a session by its key alone, so that a person's sessions could only be found by decoding
everybody's, and it holds the keys as the browsers send them, so that a copy of the database would open every session.
Here a row is found by the SHA-256 of its key, names its person, and ends by its own columns. A second table beside
Django's would have had to be kept in step with it, and Django's AbstractBaseSession prescribes the key in clear.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import CreateError, SessionBase
from django.db import IntegrityError, transaction
from django.utils import timezone

from watchword.control.base.refusals import AccessLost, Refusal, RefusalReason
from watchword.control.identity.models import Session
from watchword.control.identity.session_rules import SEEN_STEP, Ended, browser_name, ended_by

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


KEY_MAX: Final = 128
"""Characters of a cookie that are looked at; our keys have 32."""


class SessionStore(SessionBase):
    """One browser's session.

    Attributes:
        ended: why the session that the browser named is over; None before it was looked for, and when it lives.
    """

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self.ended: Ended | None = None
        self._row: Session | None = None

    @property
    def public_id(self) -> UUID | None:
        """What pages call the session by. Its key never leaves the cookie."""
        row = self._loaded()
        return None if row is None else row.public_id

    def begin(self, now: datetime, *, address: str | None, user_agent: str) -> None:
        """Note where somebody has just signed in."""
        row = self._loaded()
        if row is None:
            raise RuntimeError("nobody has signed in")
        _note(row, now, address, user_agent)

    def note_seen(self, now: datetime, *, address: str | None, user_agent: str) -> None:
        """Note when and where the session was last used, at most once a minute."""
        row = self._loaded()
        if row is not None and now - row.seen_at >= SEEN_STEP:
            _note(row, now, address, user_agent)

    def leave(self, ended: Ended) -> None:
        """Go on without the session, which was found to be over after it was loaded."""
        self.ended = ended
        self._session_key = None
        self._session_cache: dict[str, Any] = {}

    def cycle_key(self) -> None:
        """Go on under another key, in place: a session that was ended meanwhile is not brought back under a new one.

        Raises:
            AccessLost: it was ended.
        """
        old = self.session_key
        if old is None:
            self.create()
            return
        new = self._get_new_session_key()  # type: ignore[attr-defined]  # Not in Django's types.
        if Session.objects.filter(key_hash=_hash(old)).update(key_hash=_hash(new)) != 1:
            raise AccessLost(Refusal(RefusalReason.SESSION_ENDED, ended=Ended.GONE))
        self._session_key = new
        self.modified = True

    def exists(self, session_key: str) -> bool:
        return Session.objects.filter(key_hash=_hash(session_key)).exists()

    def load(self) -> dict[str, Any]:
        """What is kept in the session; nothing, and no key any more, when it is over.

        The limits are enforced here and nowhere else, so that a cookie replayed after them opens nothing. A key that
        is not in the table is never adopted: somebody else may have chosen it.
        """
        row = self._find()
        self.ended = _why_over(row, timezone.now())
        if row is None or self.ended is not None:
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
        """Write what is kept.

        Raises:
            CreateError: the key is in use already.
        """
        if self.session_key is None:
            self.create()
            return
        kept = self._get_session(no_load=must_create)  # type: ignore[attr-defined]  # Not in Django's types.
        key_hash, columns = _hash(self.session_key), {"content": self.encode(kept), "person_id": _person_in(kept)}
        if not must_create:
            # A session that was ended meanwhile is not brought back. What the request did stands, so it is answered.
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
        # Reading the content loads the row. A session that was flushed has no key any more, whatever its row was.
        self._get_session()  # type: ignore[attr-defined]  # Not in Django's types.
        return None if self.session_key is None else self._row


def _why_over(row: Session | None, now: datetime) -> Ended | None:
    if row is None or (row.person is not None and not row.person.is_active):
        return Ended.GONE
    return ended_by(row.started_at, row.seen_at, now)


def _note(row: Session, now: datetime, address: str | None, user_agent: str) -> None:
    """Only a live session is noted: of two requests that cross the end of one, neither brings it back."""
    row.seen_at, row.address, row.browser = now, address, browser_name(user_agent)
    Session.objects.live(now).filter(pk=row.pk).update(seen_at=now, address=address, browser=row.browser)


def _person_in(kept: dict[str, Any]) -> int | None:
    person = kept.get(SESSION_KEY)
    return None if person is None else int(person)


def _hash(key: str) -> str:
    # A plain hash will do: a key has 165 random bits, so there is nothing to guess.
    return hashlib.sha256(key.encode()).hexdigest()
