"""The API keys that a person created: they belong to the organization or the provider and outlive the account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword.control.identity.api_queries import ApiKeyState, list_api_keys
from watchword.control.identity.rules import listed

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.identity.queries import PersonRow


def about_created_keys(person: PersonRow, organization_id: str | None, now: datetime) -> list[str]:
    """Say before a person is deactivated which of their API keys keep working, as they know the secrets."""
    created = [
        key.name
        for key in list_api_keys(organization_id, now)
        if key.state is ApiKeyState.USABLE and key.created_by == person.email
    ]
    if not created:
        return []
    label, works = ("API key", "keeps") if len(created) == 1 else ("API keys", "keep")
    return [f"The {label} {listed(created)}, created by {person.called}, {works} working until revoked."]
