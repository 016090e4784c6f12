"""Which passwords are hard enough to guess. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from zxcvbn import zxcvbn

if TYPE_CHECKING:
    from collections.abc import Iterable

LENGTH_MIN: Final = 12
LENGTH_MAX: Final = 1024
"""Characters. Without a bound, a client could make the server hash megabytes."""

SCORED_PREFIX: Final = 72
"""Characters that are scored. The work grows steeply with the length; 72 characters take two seconds at worst."""

SCORE_MIN: Final = 3
"""Of 0 to 4: more than 10^8 guesses, which keeps a stolen Argon2id hash safe (zxcvbn's "safely unguessable")."""

_ALWAYS_KNOWN: Final = frozenset({"watchword", "admin", "administrator", "operator", "portal", "password"})
_WORD: Final = re.compile(r"[^\W_]{3,}")


def context_words(texts: Iterable[str]) -> frozenset[str]:
    """Return words that an attacker of this account tries first.

    Args:
        texts: id and name of the organization, e-mail address and name of the person.

    Returns:
        Words in lower case of at least three letters or digits, always including this product's own.
    """
    return _ALWAYS_KNOWN | {word for text in texts for word in _WORD.findall(text.lower())}


def password_fault(password: str, context: Iterable[str]) -> str | None:
    """Return why the password is refused, in one or two sentences; None when it is accepted.

    Words of `context` are removed before the rest is scored, so that `Acme-2027-Acme` is worth no more than its
    year.
    """
    if len(password) < LENGTH_MIN:
        return f"A password has at least {LENGTH_MIN} characters."
    if len(password) > LENGTH_MAX:
        return f"A password has at most {LENGTH_MAX} characters."
    unknown = _without(password, context)
    scored = zxcvbn(unknown[:SCORED_PREFIX]) if unknown else None
    if scored is not None and scored["score"] >= SCORE_MIN:
        return None
    if unknown != password:
        why = "Words such as the organization's name, “admin” or parts of the e-mail address do not count."
    else:
        why = "" if scored is None else scored["feedback"]["warning"]
    return " ".join(
        sentence for sentence in ("This password is easy to guess.", why, "Add unrelated words.") if sentence
    )


def _without(password: str, context: Iterable[str]) -> str:
    # The longest first: removing `admin` from `administrator` would leave `istrator`.
    words = sorted(context, key=lambda word: (-len(word), word))
    return re.sub("|".join(map(re.escape, words)), "", password, flags=re.IGNORECASE) if words else password
