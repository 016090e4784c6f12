"""The dialogs' forms. They only carry text: what is right or wrong about it is decided by the commands."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from watchword.control.base.actor import ApiCategory
from watchword.control.identity.api_rules import KEY_LIFETIME
from watchword.control.web.shell.form_fields import WHOLE_NUMBER, Text, Typed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchword.control.identity.api_queries import ApiRoleRow

_DAYS: Final = re.compile(r"[0-9]{1,4}")


def field_of(category: ApiCategory) -> str:
    """The name of the category's field."""
    return category.name.lower()


class ApiRoleForm(Typed):
    """The name of an API role and the level of each category; a blank level is no access."""

    name = Text()
    authorization_servers = Text()
    audit_logs = Text()
    activity = Text()
    api_roles = Text()
    version = Text()

    @property
    def rights(self) -> dict[str, str]:
        levels = {category.value: self.text(field_of(category)) for category in ApiCategory}
        return {category: level for category, level in levels.items() if level}

    @property
    def expected_version(self) -> int:
        """The version that the edit was made from; 0, which no role ever has, if it was tampered with."""
        version = self.text("version")
        return int(version) if WHOLE_NUMBER.fullmatch(version) else 0


class ApiKeyForm(Typed):
    """A new API key."""

    name = Text()
    api_role = Text()
    days = Text()

    def expires_at(self, now: datetime) -> datetime:
        """The expiry; for what is no number of days the present time, which the command refuses."""
        typed = self.text("days")
        return now + timedelta(days=int(typed)) if _DAYS.fullmatch(typed) else now

    def refuse(self, field_errors: Mapping[str, str]) -> None:
        super().refuse({"days" if name == "expires_at" else name: text for name, text in field_errors.items()})


def of_role(row: ApiRoleRow | None) -> ApiRoleForm:
    """The form as Edit opens it, or Create for None."""
    if row is None:
        return ApiRoleForm()
    levels = {field_of(category): level.value for category, level in row.rights.items()}
    return ApiRoleForm(initial={"name": row.name, "version": str(row.version), **levels})


def of_new_key() -> ApiKeyForm:
    return ApiKeyForm(initial={"days": str(KEY_LIFETIME.days)})
