"""What a person typed into a form that was sent after the session had ended: it comes back after the sign-in.

Without JavaScript the browser sends the form and leaves the page. The response is the sign-in page, which carries the
text in one encrypted field. After the same person has signed in, the form opens again with the text in it. Nothing is
sent again by itself: the person presses the button.

Every form with text carries `{% typed_by %}`, signed: who opened it, and at which address it opens.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.core import signing

from watchword.control.identity.sealing import seal as sealed_text
from watchword.control.identity.sealing import unseal
from watchword.outbound.ca_bundle import holds_private_key

if TYPE_CHECKING:
    from django.http import HttpRequest

    from watchword.control.identity.models import Person

TYPED_BY: Final = "typed_by"
"""The field of a form that says who opened it."""

UNSENT: Final = "unsent"
"""The field of the sign-in page that carries the text, and the place in the session where it waits for the form."""

KEPT: Final = timedelta(hours=1)
CHARACTERS_MAX: Final = 64 * 1024
"""Four times the longest field, the CA certificates."""

_SALT: Final = "watchword.portal.unsent"
_PURPOSE: Final = "unsent form"
_NOT_KEPT: Final = frozenset({"csrfmiddlewaretoken", TYPED_BY, "receipt"})
_SECRETS: Final = frozenset({"password", "code", "secret"})
"""Words of the names of fields that are never kept."""


@dataclass(frozen=True, slots=True)
class Unsent:
    """Attributes: the person who typed it, the address at which the form opens, and its fields as sent."""

    person: int
    where: str
    fields: dict[str, list[str]]


def typed_by(person: Person, where: str) -> str:
    """The value of a form's field TYPED_BY."""
    return signing.dumps([person.pk, where], salt=_SALT)


def seal(request: HttpRequest) -> str | None:
    """The form that the request sends, encrypted; None if it is not one of ours or too long.

    Encrypted and not only signed, so that the next person at the same machine cannot read it from the sign-in page.
    """
    try:
        person, where = signing.loads(request.POST.get(TYPED_BY, ""), salt=_SALT)
    except signing.BadSignature:
        return None
    fields = {name: values for name, values in request.POST.lists() if not _is_secret(name, values)}
    content = json.dumps([person, where, fields])
    if len(content) > CHARACTERS_MAX:
        return None
    return sealed_text(_PURPOSE, content)


def is_kept(sealed: str) -> bool:
    """Whether `seal` made it, within the last hour."""
    return _opened(sealed) is not None


def leave(request: HttpRequest, sealed: str, person: Person) -> str | None:
    """Keep the text in the session of the person who has just signed in, until the form opens.

    Returns:
        The form's address; None for the text of another person, which is dropped, and for no text.
    """
    unsent = _opened(sealed)
    if unsent is None or unsent.person != person.pk:
        return None
    request.session[UNSENT] = sealed
    return unsent.where


def waiting(request: HttpRequest) -> Unsent | None:
    """The text that waits for the form at the request's address."""
    sealed = request.session.get(UNSENT)
    if sealed is None or request.method != "GET":
        return None
    unsent = _opened(sealed)
    if unsent is None or unsent.person != request.user.pk:
        del request.session[UNSENT]
        return None
    return unsent if unsent.where == request.path else None


def take(request: HttpRequest) -> Unsent | None:
    """Return the waiting text and forget it."""
    unsent = waiting(request)
    if unsent is not None:
        del request.session[UNSENT]
    return unsent


def _is_secret(name: str, values: list[str]) -> bool:
    # A private key that was pasted by mistake is not kept anywhere.
    return name in _NOT_KEPT or not _SECRETS.isdisjoint(name.split("_")) or any(map(holds_private_key, values))


def _opened(sealed: str) -> Unsent | None:
    content = unseal(_PURPOSE, sealed, max_age=KEPT)
    if content is None:
        return None
    person, where, fields = json.loads(content)
    return Unsent(person, where, fields)
