"""Somebody's browser at the portal, without scripts or as htmx: pages by the name of their route."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING, Any

from django.test import Client
from django.urls import reverse

from kit.sample_portal import session_of

if TYPE_CHECKING:
    from watchword.control.access.models import Person

_HTMX = {"HX-Request": "true"}


@dataclass
class Desk:
    """A signed-in browser."""

    client: Client

    @classmethod
    def of(cls, person: Person) -> Desk:
        client = Client()
        client.cookies["watchword_session"] = session_of(person)
        return cls(client)

    def get(self, route: str, *place: object, htmx: bool = False, **query: str) -> Shown:
        answer = self.client.get(reverse(route, args=place), query, headers=_HTMX if htmx else {})
        return Shown(answer)

    def post(self, route: str, *place: object, htmx: bool = False, **form: str) -> Shown:
        answer = self.client.post(reverse(route, args=place), form, headers=_HTMX if htmx else {})
        return Shown(answer)


@dataclass
class Shown:
    """An answer as a person reads it."""

    answer: Any

    @property
    def status(self) -> int:
        return int(self.answer.status_code)

    @property
    def html(self) -> str:
        return str(self.answer.content.decode())

    @property
    def text(self) -> str:
        """The words, without markup, each run of blanks as one."""
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", self.html)).split())

    @property
    def leads_to(self) -> str | None:
        target: str | None = self.answer.headers.get("Location") or self.answer.headers.get("HX-Redirect")
        return target

    def value(self, name: str) -> str:
        """What the field of this name holds."""
        found = re.search(rf'name="{name}"\s+value="([^"]*)"', self.html) or re.search(
            rf'name="{name}"[^>]*?>([^<]*)</textarea>', self.html
        )
        assert found is not None, f"there is no field {name}"
        return unescape(found[1])
