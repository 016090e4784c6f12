"""What the pages of API keys show, gathered once per request: of an organization, and of the provider."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from watchword.control.base.actor import Permission
from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.identity.api_queries import ApiKeyState, list_api_keys, list_api_roles
from watchword.control.identity.api_rules import KEYS_MAX
from watchword.control.identity.safeguards import api_rights_not_held
from watchword.control.web.api_access.roles_page import ROLE_MANAGEMENT, Choice
from watchword.control.web.shell.page import OrganizationPage, ProviderPage

if TYPE_CHECKING:
    from uuid import UUID

    from watchword.control.identity.api_queries import ApiKeyRow


@dataclass(frozen=True)
class ApiKeysPage(OrganizationPage):
    """The organization with its API keys: a tab of Role Management."""

    template: ClassVar[str] = "api_access/keys/page.html"
    content: ClassVar[str] = "api_access/keys/content.html"
    route: ClassVar[str] = "api_access:keys"
    entry: ClassVar[str] = ROLE_MANAGEMENT
    permission: ClassVar[Permission] = Permission.ADMINISTRATORS

    @cached_property
    def keys(self) -> tuple[ApiKeyRow, ...]:
        return list_api_keys(self.organization_id, self.frame.now)

    @cached_property
    def choices(self) -> tuple[Choice, ...]:
        """The API roles that a key can have, those that the actor cannot give with the reason."""
        actor, organization = self.frame.actor, self.organization_id
        return tuple(
            Choice(
                role.name,
                role.name,
                "more rights than you have" if api_rights_not_held(actor, organization, role.rights) else None,
            )
            for role in list_api_roles(organization, self.frame.now)
        )

    def context(self) -> dict[str, Any]:
        return (
            super().context()
            | {"crumb": "API Keys", "document_route": self.route, "has_roles": bool(self.choices)}
            | lists_of(self.keys)
        )


@dataclass(frozen=True)
class OperatorKeysPage(ProviderPage):
    """The API keys of the provider, which have an operator's rights."""

    template: ClassVar[str] = "api_access/keys/provider_page.html"
    content: ClassVar[str] = "api_access/keys/provider_content.html"
    route: ClassVar[str] = "console:api-keys"

    @cached_property
    def keys(self) -> tuple[ApiKeyRow, ...]:
        return list_api_keys(None, self.frame.now)

    def context(self) -> dict[str, Any]:
        return super().context() | lists_of(self.keys)


def lists_of(keys: tuple[ApiKeyRow, ...]) -> dict[str, Any]:
    """What the templates show of the keys: those in use, those that ended, and why no more can be created."""
    usable = [key for key in keys if key.state is ApiKeyState.USABLE]
    return {
        "usable": usable,
        "ended": [key for key in keys if key.state is not ApiKeyState.USABLE],
        "most": KEYS_MAX,
        "add_refused": "Revoke one to create another." if len(usable) >= KEYS_MAX else None,
    }


def usable_key(keys: tuple[ApiKeyRow, ...], key_id: UUID) -> ApiKeyRow:
    """One of the keys that can be revoked: also an expired one, as a clock may be set back.

    Raises:
        Refusal: not_found.
    """
    for key in keys:
        if key.id == key_id and key.state is not ApiKeyState.REVOKED:
            return key
    raise Refusal(RefusalReason.NOT_FOUND)
