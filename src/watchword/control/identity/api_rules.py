"""Rules about API roles and API keys. Pure."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db.models import TextChoices

from watchword.control.base.actor import ApiCategory
from watchword.core.trust import API_ROLE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

ROLES_MAX: Final = 16
"""API roles of one organization."""

KEYS_MAX: Final = 32
"""API keys in use of one organization, and of the provider."""

ENDED_KEYS_KEPT: Final = 32
"""Expired and revoked keys that stay in the list. Without a bound, a client that creates keys would fill the table."""

CLIENTS_KEPT: Final = 50
"""Clients seen per API role."""

KEY_LIFETIME: Final = timedelta(days=90)
KEY_LIFETIME_MAX: Final = timedelta(days=400)

EXPIRES_SOON: Final = timedelta(days=14)
"""From when on the page marks a key that will expire."""

SEEN_STEP: Final = timedelta(minutes=1)
"""How often the use of a key or a client is written, so that not every request writes."""

_ROLE_NAME: Final = re.compile(API_ROLE)
_KEY_NAME: Final = re.compile(r"[0-9A-Za-z._-]{1,64}")


class ApiLevel(TextChoices):
    """How much of a category an API role gives. No access is the absence of the category."""

    FULL = "full", "Full"
    VIEW = "view", "View Only"


def is_role_name(text: str) -> bool:
    return _ROLE_NAME.fullmatch(text) is not None


def check_api_role(*, name: str, rights: Mapping[str, str]) -> dict[str, str]:
    """Return one sentence for each invalid field, by the field's name."""
    faults = {}
    if not is_role_name(name):
        faults["name"] = "The name has 1 to 16 characters: letters A to Z and a to z, and digits."
    unknown = sorted(set(rights) - set(ApiCategory.values))
    if unknown:
        faults["rights"] = f"There is no category “{unknown[0]}”."
    elif not set(rights.values()) <= set(ApiLevel.values):
        faults["rights"] = "The level is “full” or “view”. For no access, leave the category out."
    return faults


def check_api_key(*, name: str, expires_at: datetime, now: datetime) -> dict[str, str]:
    """Return one sentence for each invalid field, by the field's name."""
    faults = {}
    if _KEY_NAME.fullmatch(name) is None:
        faults["name"] = "The name has 1 to 64 characters: letters A to Z and a to z, digits, dot, underscore, hyphen."
    if not now < expires_at <= now + KEY_LIFETIME_MAX:
        faults["expires_at"] = f"The key must expire in the future, at most {KEY_LIFETIME_MAX.days} days from now."
    return faults
