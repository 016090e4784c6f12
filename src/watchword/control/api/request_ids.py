"""The id of a request: the client's if it is well-formed, else a random one. Responses and audit events have it."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from django.http import HttpRequest

HEADER: Final = "X-Request-ID"

# Short and without spaces, quotes and control characters, because it goes into logs and into the audit log.
_FORM: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def request_id(sent: str | None) -> str:
    """Return the id for a request whose client sent this one, or None."""
    return sent if sent is not None and _FORM.fullmatch(sent) else secrets.token_hex(8)


def request_id_of(request: HttpRequest) -> str:
    """Return the request's id. The server's entrance has replaced the header by the id; other callers may not have."""
    chosen: str = request.META.setdefault("watchword.request_id", request_id(request.headers.get(HEADER)))
    return chosen
