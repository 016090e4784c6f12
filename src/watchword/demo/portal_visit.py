"""People at the portal, for `watchword demo --check`: they sign in, press buttons and confirm who they are."""

from __future__ import annotations

import html
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING

from watchword.demo.openid_provider import SIGN_IN_BUTTON

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from watchword.demo.walkthrough import SignIn

PAGE_SECONDS = 30.0
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class VisitFailed(Exception):
    """The portal did not let the person in, or does not show what the walk-through speaks of."""


def new_browser(authority: Path | None = None) -> urllib.request.OpenerDirector:
    """A browser with cookies of its own, which also trusts the certificate authority in this file."""
    # No proxy of the environment: the portal is on this machine.
    handlers = [urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar())]
    if authority is not None:
        handlers.append(urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(authority))))
    return urllib.request.build_opener(*handlers)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalVisit:
    """A browser session without a browser.

    Attributes:
        code: gives a code of the person's authenticator app; None for a person without one.
    """

    origin: str
    organization: str
    sign_in: SignIn
    code: Callable[[], str] | None = None
    browser: urllib.request.OpenerDirector = field(default_factory=new_browser)

    def shows(self, words: str) -> bool:
        """Whether the page on which the person lands has these words; raises VisitFailed."""
        return words in self._start()

    def enable(self) -> None:
        """Raises VisitFailed."""
        self._press("enable")

    def disable(self) -> None:
        """Raises VisitFailed."""
        self._press("disable")

    def signs_in_at_provider(self, provider: str) -> bool:
        """Whether the provider's page has a button that leads into the portal; raises VisitFailed.

        Args:
            provider: the issuer of the organization's identity provider.
        """
        query = urllib.parse.urlencode({"organization": self.organization})
        page = self._open(f"/sign-in/single-sign-on?{query}")
        if f"{SIGN_IN_BUTTON}</button>" not in page:
            return False
        form = {name: html.unescape(value) for name, value in _HIDDEN.findall(page)}
        return f'"/{self.organization}/' in self._open("/authorize", form, origin=provider)

    def confirms_before_disabling(self) -> bool:
        """Whether the portal demands proof before it disables the server, and does it after the proof.

        Raises:
            VisitFailed.
        """
        page = self._press("disable", expected=HTTPStatus.FORBIDDEN)
        if "Confirm that it is you" not in page:
            return False
        form = {name: html.unescape(value) for name, value in _HIDDEN.findall(page)}
        self._open("/confirm", {**form, "password": self.sign_in.password})
        self.disable()
        self.enable()
        return True

    def _press(self, button: str, expected: HTTPStatus = HTTPStatus.OK) -> str:
        page = self._start()
        match = re.search(rf'"(/{re.escape(self.organization)}/[a-z0-9/-]+/{button}/)"', page)
        if match is None:
            raise VisitFailed(f"The page of {self.organization} has no button to {button} a server.")
        return self._open(match[1], {"csrfmiddlewaretoken": self._token(page)}, expected)

    def _start(self) -> str:
        """The page on which the person lands, after the sign-in if there was none yet."""
        page = self._open("/")
        # Every page has a form to sign in again, so the address tells them apart.
        if 'action="/sign-in"' in page:
            form = {
                "csrfmiddlewaretoken": self._token(page),
                "email": self.sign_in.email,
                "password": self.sign_in.password,
            }
            page = self._open("/sign-in", form)
        if 'action="/sign-in/second-factor"' in page:
            if self.code is None:
                raise VisitFailed(f"The portal asks for a second factor of {self.sign_in.email}.")
            form = {"csrfmiddlewaretoken": self._token(page), "code": self.code()}
            page = self._open("/sign-in/second-factor", form)
        return page

    def _open(
        self,
        path: str,
        form: dict[str, str] | None = None,
        expected: HTTPStatus = HTTPStatus.OK,
        origin: str | None = None,
    ) -> str:
        body = None if form is None else urllib.parse.urlencode(form).encode()
        try:
            with self.browser.open((origin or self.origin) + path, data=body, timeout=PAGE_SECONDS) as response:
                page, status = str(response.read().decode()), response.status
        except urllib.error.HTTPError as refused:
            with refused:
                page, status = refused.read().decode(), refused.code
        except OSError as failure:
            raise VisitFailed(f"The portal does not answer ({failure}).") from None
        if status != expected:
            raise VisitFailed(f"The portal answered {path} with {status}.")
        return page

    @staticmethod
    def _token(page: str) -> str:
        match = _TOKEN.search(page)
        if match is None:
            raise VisitFailed("The portal's page has no form.")
        return match[1]
