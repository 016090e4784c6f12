"""One sentence for the next page: what a change did, after the redirect that follows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from django.http import HttpRequest

_KEY: Final = "portal_notices"
_KEPT: Final = 5


@dataclass(frozen=True, slots=True)
class Notice:
    """Attributes: `sentence` for people; `warning` draws it as something that did not go as asked."""

    sentence: str
    warning: bool = False


def leave(request: HttpRequest, notice: Notice) -> None:
    """Keep the notice in the session until a page shows it. Bounded, so that no session grows by it."""
    waiting = [*request.session.get(_KEY, []), [notice.sentence, notice.warning]]
    request.session[_KEY] = waiting[-_KEPT:]


def take(request: HttpRequest) -> tuple[Notice, ...]:
    """The waiting notices, each given out once."""
    return tuple(Notice(sentence, warning) for sentence, warning in request.session.pop(_KEY, []))
