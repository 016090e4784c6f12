"""Which part of the documentation explains a page."""

from __future__ import annotations

from typing import Final

ALL_PAGES: Final = "portal.md"

DOCUMENTS: Final = {
    "servers:list": "portal.md#authorization-servers",
    "servers:calling": "portal.md#call-the-api",
    "access:administrators": "portal.md#administrators",
    "access:roles": "portal.md#role-management",
    "access:sessions": "portal.md#your-sessions",
    "activity:list": "portal.md#activity",
    "audit:list": "portal.md#audit-logs",
    "audit:provider": "portal.md#audit-logs",
    "console:organizations": "portal.md#organizations",
    "console:organization": "portal.md#organizations",
    "console:verifiers": "portal.md#verifiers",
    "console:gateways": "portal.md#gateways",
    "console:key-sets": "portal.md#key-sets",
    "console:operators": "portal.md#operators",
}
"""By the route of the page."""


def document_of(route: str) -> str:
    return DOCUMENTS.get(route, ALL_PAGES)
