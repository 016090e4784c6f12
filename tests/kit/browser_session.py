"""A person's browser at the portal, without scripts or as htmx: pages by the name of their route."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC
from html import unescape
from typing import TYPE_CHECKING, Any

from django.test import Client
from django.urls import reverse

from kit.sample_portal import session_of

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.identity.models import Person

_HTMX = {"HX-Request": "true"}


def utc(at: datetime) -> str:
    """Return a time as pages show it without scripts."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


@dataclass
class BrowserSession:
    """A signed-in browser; with `scripts` it requests parts of pages, as htmx does."""

    client: Client
    scripts: bool = False

    @classmethod
    def of(cls, person: Person) -> BrowserSession:
        client = Client()
        client.cookies["watchword_session"] = session_of(person)
        return cls(client)

    @property
    def scripted(self) -> BrowserSession:
        """The same browser with scripts."""
        return BrowserSession(self.client, scripts=True)

    def get(self, route: str, *place: object, **query: str) -> Shown:
        return Shown(self.client.get(reverse(route, args=place), query, headers=_HTMX if self.scripts else {}))

    def post(self, route: str, *place: object, **form: str) -> Shown:
        return Shown(self.client.post(reverse(route, args=place), form, headers=_HTMX if self.scripts else {}))


@dataclass
class Shown:
    """A response as a person reads it."""

    answer: Any

    @property
    def status(self) -> int:
        return int(self.answer.status_code)

    @property
    def html(self) -> str:
        return str(self.answer.content.decode())

    @property
    def shown_html(self) -> str:
        """The page without parts that only a script shows."""
        return re.sub(r"<template.*?</template>", "", self.html, flags=re.DOTALL)

    @property
    def text(self) -> str:
        """The words, without markup, each run of blanks as one."""
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", self.shown_html)).split())

    @property
    def leads_to(self) -> str | None:
        headers: dict[str, str] = dict(self.answer.headers)
        return headers.get("Location") or headers.get("HX-Redirect")

    def value(self, name: str) -> str:
        """The value of the field of this name."""
        found = re.search(rf'name="{name}"\s+value="([^"]*)"', self.html) or re.search(
            rf'name="{name}"[^>]*?>([^<]*)</textarea>', self.html
        )
        assert found is not None, f"there is no field {name}"
        return unescape(found[1])
