"""What all pages behind the sign-in share: who may open one, and how it is opened again after a change.

A page is opened by its guard, which asks only whether the actor may see it. What it shows is read when it is first
needed. So a request that changes something gathers the page once, after the change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.urls import reverse

from watchword.control.base.actor import Privilege
from watchword.control.web.shell.frame import Frame, OrganizationFrame

if TYPE_CHECKING:
    from watchword.control.base.actor import Actor, Required


@dataclass(frozen=True)
class Page:
    """A page as it is now, for one actor.

    Attributes:
        template: the whole page.
        content: its part with the id `content`, which holds all that a change can alter and the place of the dialog.
        route: the URL name of the page's own address.
        entry: the route of the rail's entry, if the page is a tab of another one; "" if it has an entry of its own.
        frame: whose it is, and what stands above its content.
    """

    template: ClassVar[str]
    content: ClassVar[str]
    route: ClassVar[str]
    entry: ClassVar[str] = ""

    frame: Frame

    @classmethod
    def of(cls, actor: Actor, **place: str) -> Self:
        """Open the page; `place` is the organization in its address, if there is one.

        Raises:
            Refusal: not_found, permission_missing.
        """
        raise NotImplementedError

    def reopened(self, actor: Actor) -> Self:
        """The same page, opened anew.

        Raises:
            Refusal: the actor may no longer see it.
        """
        return type(self).of(actor, **self.place)

    @property
    def place(self) -> dict[str, str]:
        return {}

    @property
    def home(self) -> str:
        """The page's own address, without any dialog."""
        return reverse(self.route, kwargs=self.place)

    def context(self) -> dict[str, Any]:
        """All that both templates need: the frame's part, and `home` for the dialogs."""
        return self.frame.context() | {"home": self.home}


@dataclass(frozen=True)
class ProviderPage(Page):
    """A page of the provider."""

    permission: ClassVar[Required] = Privilege.OPERATOR

    @classmethod
    def of(cls, actor: Actor, **place: str) -> Self:  # noqa: ARG003 - it has no place.
        return cls(Frame.of_provider(actor, route=cls.route, permission=cls.permission))


@dataclass(frozen=True)
class OrganizationPage(Page):
    """A page of one organization, which operators see as well."""

    permission: ClassVar[Required]

    frame: OrganizationFrame

    @classmethod
    def of(cls, actor: Actor, **place: str) -> Self:
        route = cls.entry or cls.route
        return cls(OrganizationFrame.of(actor, place["organization"], route=route, permission=cls.permission))

    @property
    def organization_id(self) -> str:
        return self.frame.organization.pk

    @property
    def place(self) -> dict[str, str]:
        return {"organization": self.organization_id}
