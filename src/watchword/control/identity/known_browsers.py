"""Browsers that a person has signed in with before: what strangers do to the account does not slow them down.

Attempts at an account are slowed down from wherever they come, so somebody could keep the right person waiting by
guessing once a minute for ever. After a sign-in the browser therefore keeps a cookie, and its attempts are counted by
themselves (OWASP's "device cookies"). The cookie opens nothing: a stolen one is worth a few guesses.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Final

from django.core import signing
from django.utils.crypto import constant_time_compare, salted_hmac

from watchword.control.identity.models import Person

KEPT: Final = timedelta(days=180)
_SALT: Final = "watchword.access.known-browser"


def mark_for(person: Person) -> str:
    """What to leave in the browser that the person has just signed in with."""
    return signing.dumps([secrets.token_urlsafe(16), _bound_to(person)], salt=_SALT)


def known_as(mark: str, email: str) -> str | None:
    """Under what this browser's attempts at the account are counted; None for a browser unknown to the account."""
    try:
        number, bound_to = signing.loads(mark, salt=_SALT, max_age=KEPT)
    except signing.BadSignature:
        return None
    person = Person.objects.filter(email=email, is_active=True).first()
    if person is None or not constant_time_compare(bound_to, _bound_to(person)):
        return None
    return str(number)


def _bound_to(person: Person) -> str:
    # To the password as well: else whoever once knew it could have collected marks to guess the next one with.
    return salted_hmac(_SALT, f"{person.pk}:{person.password}", algorithm="sha256").hexdigest()
