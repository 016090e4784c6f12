"""The left rail. A page that does not exist yet has no entry: no dead link."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.conf import settings

from watchword.control.base.actor import Permission, Privilege

if TYPE_CHECKING:
    from watchword.control.base.actor import Actor, Required


@dataclass(frozen=True, slots=True)
class Leaf:
    """An entry that opens a page.

    Attributes:
        route: the URL name, reversed with the organization where the tree is an organization's.
        permission: what opens it. Whoever lacks it still sees the entry, and on its page what is missing.
    """

    label: str
    route: str
    permission: Required


@dataclass(frozen=True, slots=True)
class Branch:
    label: str
    icon: str
    entries: tuple[Branch | Leaf, ...]


def administration() -> Branch:
    """Of one organization; the way to its authorization servers has the provider's labels."""
    labels = settings.WATCHWORD
    return Branch(
        labels.menu_administration,
        "cog-6-tooth",
        (
            Branch(
                labels.menu_api_configuration,
                "code-bracket",
                (
                    Branch(
                        labels.menu_legacy_api,
                        "archive-box",
                        (Leaf(labels.menu_api, "servers:list", Permission.API_KEY_MANAGEMENT),),
                    ),
                ),
            ),
            Leaf("Administrators", "people:administrators", Permission.ADMINISTRATORS),
            Leaf("Role Management", "people:roles", Permission.ADMINISTRATORS),
            Leaf("Sign-In Settings", "sign_in_settings:settings", Permission.ADMINISTRATORS),
            Leaf("Activity", "activity:list", Permission.ACTIVITY),
            Leaf("Audit Logs", "audit:list", Permission.AUDIT_LOGS),
            # For everyone in the organization; last, so that it is the start page only without any permission.
            Leaf("Company Profile", "api_access:company-profile", Privilege.SELF),
        ),
    )


CONSOLE: Final = Branch(
    "Operator Console",
    "building-office-2",
    (
        Leaf("Organizations", "console:organizations", Privilege.OPERATOR),
        Leaf("Verifiers", "console:verifiers", Privilege.OPERATOR),
        Leaf("Gateways", "console:gateways", Privilege.OPERATOR),
        Leaf("Key Sets", "console:key-sets", Privilege.OPERATOR),
        Leaf("Operators", "console:operators", Privilege.OPERATOR),
        Leaf("API Keys", "console:api-keys", Privilege.OPERATOR),
        Leaf("Audit Logs", "audit:provider", Privilege.OPERATOR),
    ),
)
"""Of the provider."""


def leaves(branch: Branch) -> tuple[Leaf, ...]:
    """All entries below, from top to bottom."""
    return tuple(
        leaf for entry in branch.entries for leaf in ((entry,) if isinstance(entry, Leaf) else leaves(entry))
    )  # fmt: skip


def home_route(actor: Actor) -> str:
    """The first page that the actor may open; where there is none, the one that says which permission is missing."""
    mine = leaves(CONSOLE if actor.operator else administration())
    return next((leaf.route for leaf in mine if actor.may(leaf.permission, actor.organization)), mine[0].route)


def path_to(route: str, branch: Branch) -> tuple[Branch | Leaf, ...]:
    """The entries from the root to the page of `route`, for the breadcrumbs; empty when the tree does not hold it."""
    for entry in branch.entries:
        if isinstance(entry, Leaf):
            if entry.route == route:
                return (branch, entry)
        elif below := path_to(route, entry):
            return (branch, *below)
    return ()


ALL_PAGES: Final = "portal.md"

DOCUMENTS: Final = {
    "servers:list": "portal.md#authorization-servers",
    "servers:calling": "portal.md#call-the-api",
    "people:administrators": "portal.md#administrators",
    "people:roles": "portal.md#role-management",
    "api_access:roles": "portal.md#api-roles",
    "api_access:keys": "portal.md#api-keys",
    "api_access:company-profile": "portal.md#company-profile",
    "sign_in_settings:settings": "portal.md#sign-in-settings",
    "people:sessions": "portal.md#your-sessions",
    "people:your-sign-in": "portal.md#your-sign-in",
    "activity:list": "portal.md#activity",
    "audit:list": "portal.md#audit-logs",
    "audit:provider": "portal.md#audit-logs",
    "console:organizations": "portal.md#organizations",
    "console:organization": "portal.md#organizations",
    "console:verifiers": "portal.md#verifiers",
    "console:gateways": "portal.md#gateways",
    "console:key-sets": "portal.md#key-sets",
    "console:operators": "portal.md#operators",
    "console:api-keys": "portal.md#api-keys",
}
"""By the route of the page."""


def document_of(route: str) -> str:
    return DOCUMENTS.get(route, ALL_PAGES)
