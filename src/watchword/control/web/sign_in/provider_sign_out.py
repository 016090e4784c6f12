"""The offer on the sign-in page to end the session at the identity provider, too, after signing out here."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode, urlsplit

from watchword.control.identity.sealing import seal, unseal
from watchword.control.web.shell import cookies

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from watchword.control.identity.single_sign_on.ceremony import ProviderResponse

_IN_SESSION: Final = "provider_sign_out"
_COOKIE: Final = "provider_sign_out"
_PURPOSE: Final = "provider sign-out"
_OFFERED: Final = timedelta(minutes=10)
_URL_MAX: Final = 2048


def keep_sign_out_address(request: HttpRequest, response: ProviderResponse) -> None:
    """Keep in the new session where the person can sign out at the provider."""
    endpoint = response.sign_out_url
    if endpoint is None:
        return
    query = urlencode({"client_id": response.provider.client_id})
    url = f"{endpoint}{'&' if '?' in endpoint else '?'}{query}"
    if len(url) <= _URL_MAX:
        request.session[_IN_SESSION] = url


def sign_out_address(request: HttpRequest) -> str:
    """Return the address that the session keeps; "" without one. Read it before the session ends."""
    return str(request.session.get(_IN_SESSION, ""))


def offer(answer: HttpResponse, url: str) -> None:
    """Let the next sign-in page offer the address. Sealed, so that no link of another origin gets onto that page."""
    if url:
        cookies.leave(answer, _COOKIE, seal(_PURPOSE, url), kept=_OFFERED)


def offered(request: HttpRequest) -> dict[str, str] | None:
    """Return `url` and `host` to offer; None without an offer."""
    url = unseal(_PURPOSE, cookies.read(request, _COOKIE), max_age=_OFFERED)
    return None if url is None else {"url": url, "host": urlsplit(url).hostname or ""}
