"""Alice at the portal, for `watchword demo --check`: signs in with the printed password, presses the row's button."""

from __future__ import annotations

import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watchword.demo.walkthrough import SignIn

PAGE_SECONDS = 10.0
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class VisitFailed(Exception):
    """The portal did not let Alice in, or does not show what the walk-through speaks of."""


def _opener() -> urllib.request.OpenerDirector:
    # No proxy of the environment: the portal is on this machine.
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar()))


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalVisit:
    """A browser session without a browser."""

    origin: str
    organization: str
    sign_in: SignIn
    _browser: urllib.request.OpenerDirector = field(default_factory=_opener)

    def says_that_tokens_are_refused(self) -> bool:
        """Whether the page on which the person lands says so; raises VisitFailed."""
        return "Tokens are refused: the API subscription expired on" in self._start()

    def enable(self) -> None:
        """Raises VisitFailed."""
        self._press("enable")

    def disable(self) -> None:
        """Raises VisitFailed."""
        self._press("disable")

    def _press(self, button: str) -> None:
        page = self._start()
        match = re.search(rf'"(/{re.escape(self.organization)}/[a-z0-9/-]+/{button}/)"', page)
        if match is None:
            raise VisitFailed(f"The page of {self.organization} has no button to {button} a server.")
        self._open(match[1], {"csrfmiddlewaretoken": self._token(page)})

    def _start(self) -> str:
        """The page on which Alice lands, signed in if she is not yet."""
        page = self._open("/")
        if 'name="password"' in page:
            form = {
                "csrfmiddlewaretoken": self._token(page),
                "email": self.sign_in.email,
                "password": self.sign_in.password,
            }
            page = self._open("/sign-in", form)
        return page

    def _open(self, path: str, form: dict[str, str] | None = None) -> str:
        body = None if form is None else urllib.parse.urlencode(form).encode()
        try:
            with self._browser.open(self.origin + path, data=body, timeout=PAGE_SECONDS) as response:
                return str(response.read().decode())
        except urllib.error.HTTPError as refused:
            with refused:
                raise VisitFailed(f"The portal answered {path} with {refused.code}.") from None
        except OSError as failure:
            raise VisitFailed(f"The portal does not answer ({failure}).") from None

    @staticmethod
    def _token(page: str) -> str:
        match = _TOKEN.search(page)
        if match is None:
            raise VisitFailed("The portal's page has no form.")
        return match[1]
