"""API roles, API keys and their clients: made by the commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.utils import timezone

from watchword.control.base.actor import ApiCategory, command_line
from watchword.control.identity.api_actors import actor_of_access_token, actor_of_api_key
from watchword.control.identity.api_key_commands import CreateApiKey, NewApiKey
from watchword.control.identity.api_role_commands import CreateApiRole

if TYPE_CHECKING:
    from pytest_django import Settings

    from watchword.control.base.actor import Actor
    from watchword.control.identity.api_models import ApiRole

CLOUD: Final = "orders"
EVERYTHING: Final = dict.fromkeys(ApiCategory.values, "full")


def with_cloud_name(django_settings: Settings) -> None:
    django_settings.WATCHWORD = settings.WATCHWORD.model_copy(update={"cloud_name": CLOUD})


def api_role(name: str = "Deployer", organization_id: str = "acme", **rights: str) -> ApiRole:
    """A role with these rights: `audit_logs="view"`; without any, with all rights."""
    given = {ApiCategory[category.upper()].value: level for category, level in rights.items()}
    return CreateApiRole(organization_id=organization_id, name=name, rights=given or EVERYTHING).run(command_line())


def api_key(role: str | None = "Deployer", organization_id: str | None = "acme", name: str = "ci") -> NewApiKey:
    return CreateApiKey(organization_id=organization_id, api_role=role, name=name).run(command_line())


def key_actor(new: NewApiKey) -> Actor:
    return actor_of_api_key(new.secret, address="192.0.2.9", request_id="r-1", now=timezone.now())


def token_actor(role: str = "Deployer", organization_id: str = "acme", client: str | None = "terraform") -> Actor:
    return actor_of_access_token(
        organization_id, (role,), client=client, address="192.0.2.9", request_id="r-1", now=timezone.now()
    )
