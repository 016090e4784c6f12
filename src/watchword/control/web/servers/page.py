"""What the OAuth 2.0 Authorization Servers page shows, gathered once per request."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.conf import settings

from watchword.control.activity.usage_queries import servers_in_use
from watchword.control.base.actor import Permission
from watchword.control.servers import queries
from watchword.control.servers.rules import SLOTS
from watchword.control.web.servers import known_products
from watchword.control.web.servers.token_acceptance import token_acceptance
from watchword.control.web.shell.page import OrganizationPage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from watchword.control.activity.usage_queries import InUse
    from watchword.control.organizations.rules import Entitlement
    from watchword.control.servers.queries import ServerRow

_ONLY_VIEWING: Final = (
    f"Your role has no {Permission.API_KEY_MANAGEMENT.value} permission here: "
    "you can view everything and change nothing."
)

_ALL_USED: Final = "Both are used: delete one to add another."


@dataclass(frozen=True)
class ServersPage(OrganizationPage):
    """The organization with its standing and its servers."""

    template: ClassVar[str] = "servers/page.html"
    content: ClassVar[str] = "servers/content.html"
    route: ClassVar[str] = "servers:list"
    permission: ClassVar[Permission] = Permission.API_KEY_MANAGEMENT

    @cached_property
    def servers(self) -> tuple[ServerRow, ...]:
        return queries.list_servers(self.organization_id, self.frame.now)

    @cached_property
    def in_use(self) -> Mapping[str, InUse]:
        """By the id of a server, how much its tokens are used; servers whose tokens are not used are not in it."""
        return servers_in_use(self.organization_id, self.frame.now)

    @property
    def standing(self) -> Entitlement:
        return self.frame.standing

    @property
    def may_manage(self) -> bool:
        return self.frame.actor.may(Permission.API_KEY_MANAGEMENT, self.organization_id)

    def enabled_besides(self, server_id: UUID | None) -> str | None:
        """The name of the enabled server other than this one: the one that enabling this one disables."""
        return next((row.name for row in self.servers if row.enabled and row.id != server_id), None)

    def use_of(self, server_id: UUID) -> InUse | None:
        """How much a server's tokens are used; None if they are not."""
        return self.in_use.get(str(server_id))

    @property
    def is_full(self) -> bool:
        return len(self.servers) >= len(SLOTS)

    def context(self) -> dict[str, Any]:
        """All that `servers/content.html` and the frame around it need."""
        return super().context() | {
            "tokens": token_acceptance(self.standing, self.servers),
            "banners": self.banners(tokens_shown=True),
            "lock": self._lock(),
            "suspended": self.standing.suspended,
            "add_refused": self._why_not_add(),
            "servers": [(row, self.use_of(row.id)) for row in self.servers],
            # While suspended the servers appear disabled, each and all.
            "enabled_count": 0 if self.standing.suspended else sum(row.enabled for row in self.servers),
            "products": known_products.PRODUCTS,
            "documentation_url": settings.WATCHWORD.documentation_url,
        }

    def banners(self, *, tokens_shown: bool) -> list[dict[str, Any]]:
        viewing: list[dict[str, Any]] = [] if self.may_manage else [{"sentence": _ONLY_VIEWING, "tone": "note"}]
        return self.frame.banners(tokens_shown=tokens_shown) + viewing

    def _lock(self) -> str | None:
        """Why nothing can be changed here; None when it can."""
        if not self.may_manage:
            return _ONLY_VIEWING
        return None if self.standing.may_change else self.standing.banner

    def _why_not_add(self) -> str | None:
        if self._lock() is not None:
            return "Changes are locked."
        return _ALL_USED if self.is_full else None
