"""People at the real identity provider of `kit.authorization_server`, whose pages this drives over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from kit.client import Answer, request

if TYPE_CHECKING:
    from kit.authorization_server import AuthorizationServer

PEOPLE: Final = {
    "alice": {
        "email": "alice@acme.example", "email_verified": True, "name": "Alice", "groups": ["administrators", "staff"],
    },
    "bob": {"email": "bob@acme.example", "email_verified": True, "name": "Bob", "groups": ["staff"]},
    "charlie": {"email": "charlie@acme.example", "email_verified": False, "name": "Charlie", "groups": []},
}  # fmt: skip
"""For `AuthorizationServer.set_people`. Charlie's address is not verified."""


class AtIdentityProvider:
    """One person's browser at the provider. Its session there lasts from one sign-in to the next."""

    def __init__(self, server: AuthorizationServer) -> None:
        self._server = server
        self._cookies: dict[str, str] = {}

    def sign_in(self, authorization_url: str, user_name: str = "alice") -> str:
        """Open an authorization request, sign in if the provider asks for it, and return where it redirects to.

        The returned URL is the client's redirect URI, with a code or an error. It is not opened.
        """
        return self._go_through(authorization_url, {"user_name": user_name})

    def cancel(self, authorization_url: str) -> str:
        """Press Cancel on the provider's page, and return where it redirects to."""
        return self._go_through(authorization_url, {"cancel": "yes"})

    def _go_through(self, url: str, form: dict[str, str]) -> str:
        for _ in range(10):
            if not url.startswith(f"{self._server.issuer}/"):
                return url
            shown = self._open(url)
            if shown.status == 200:
                assert urlsplit(url).path.startswith("/interaction/"), f"no sign-in page: {shown.body!r}"
                shown = self._open(url, form)
            location = shown.header("Location")
            assert location is not None, f"no redirect: {shown.status} {shown.body!r}"
            url = urljoin(url, location)
        raise AssertionError("The provider redirects without end.")

    def _open(self, url: str, form: dict[str, str] | None = None) -> Answer:
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        headers = {"Cookie": cookies} if cookies else {}
        answer = request(url, form=form, headers=headers, context=self._server.context, timeout=60.0)
        for name, value in answer.headers:
            if name.lower() == "set-cookie":
                cookie, _, content = value.partition(";")[0].partition("=")
                self._cookies[cookie] = content
        return answer
