"""The OAuth 2.0 Authorization Servers page: what it shows, gathered once per request, and who may open it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.conf import settings

from watchword.control.activity.usage_queries import InUse, servers_in_use
from watchword.control.base.actor import Actor, Permission
from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.base.times import spoken
from watchword.control.base.unit_of_work import check_permission
from watchword.control.organizations.queries import check_entitlement
from watchword.control.servers import queries
from watchword.control.servers.rules import SLOTS
from watchword.control.web.servers import known_products
from watchword.control.web.shell.page import OrganizationPage
from watchword.control.web.shell.page_responses import guarded_by

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from watchword.control.organizations.rules import Entitlement
    from watchword.control.servers.queries import ServerDetail, ServerRow

_ONLY_VIEWING: Final = (
    f"Your role has no {Permission.API_KEY_MANAGEMENT.value} permission here: "
    "you can view everything and change nothing."
)

_ALL_USED: Final = "Both are used: delete one to add another."


@dataclass(frozen=True, slots=True)
class TokenAcceptance:
    """Attributes: `accepted` is whether any token can be accepted now; `sentence` says it, with the reason if not."""

    accepted: bool
    sentence: str


def token_acceptance(standing: Entitlement, servers: Sequence[ServerRow]) -> TokenAcceptance:
    """Decide for an organization whose `servers` are all that it has, as they are now.

    It says what verifiers decide: the preconditions of `core/trust.py`, in the same order.
    """
    enabled = next((row for row in servers if row.enabled), None)
    refused = standing.tokens_refused or _refused_for(enabled)
    if refused is not None or enabled is None:
        return TokenAcceptance(accepted=False, sentence=f"Tokens are refused: {refused}.")
    return TokenAcceptance(accepted=True, sentence=f"Tokens are accepted from {enabled.name}.")


def _refused_for(enabled: ServerRow | None) -> str | None:
    """Why an entitled organization's tokens are refused; None if they are not."""
    if enabled is None:
        return "no authorization server is enabled"
    if enabled.last_successful_fetch is None:
        return f"the signing keys of {enabled.name} have not been fetched yet"
    if not enabled.keys_believed:
        fetched = spoken(enabled.last_successful_fetch)
        return f"the signing keys of {enabled.name} are too old, last fetched on {fetched}"
    return None


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


guarded: Final = guarded_by(ServersPage)
"""Let in who is signed in and may look at the page; call `view(request, actor, page, …)`."""


def check_may_change(actor: Actor, page: ServersPage) -> None:
    """Refuse to open a dialog whose command would be refused anyway.

    Raises:
        Refusal: permission_missing, subscription_inactive, organization_suspended.
    """
    check_permission(actor, page.organization_id, Permission.API_KEY_MANAGEMENT)
    check_entitlement(page.organization_id, page.frame.now)


def stored_server(page: ServersPage, server: UUID) -> ServerDetail:
    """The server that an address names.

    Raises:
        Refusal: not_found.
    """
    detail = queries.server_of(page.organization_id, server)
    if detail is None:
        raise Refusal(RefusalReason.NOT_FOUND)
    return detail
