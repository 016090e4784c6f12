"""What the page Sign-In Settings shows, gathered once per request."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.conf import settings
from django.urls import reverse

from watchword.control.base.actor import Permission
from watchword.control.identity.queries import list_roles
from watchword.control.identity.safeguards import permissions_not_held
from watchword.control.identity.single_sign_on.policy_commands import missing_factor
from watchword.control.identity.single_sign_on.queries import (
    configuration_of,
    email_domains_of,
    emergency_candidates,
    policy_of,
    sessions_to_end,
    without_second_factor,
)
from watchword.control.web.shell.page import OrganizationPage
from watchword.control.web.sign_in.single_sign_on_views import redirect_uri

if TYPE_CHECKING:
    from watchword.control.identity.models import EmailDomain, Person
    from watchword.control.identity.single_sign_on.queries import Configuration, Policy

_OF_OPERATORS: Final = "Only the organization's administrators can change this."
_LACKING: Final = "You cannot change single sign-on: your role does not have the “{permission}” permission."


@dataclass(frozen=True)
class SignInSettingsPage(OrganizationPage):
    """The organization with its sign-in settings."""

    template: ClassVar[str] = "sign_in_settings/page.html"
    content: ClassVar[str] = "sign_in_settings/content.html"
    route: ClassVar[str] = "sign_in_settings:settings"
    permission: ClassVar[Permission] = Permission.ADMINISTRATORS

    @cached_property
    def policy(self) -> Policy:
        return policy_of(self.organization_id)

    @cached_property
    def configuration(self) -> Configuration | None:
        return configuration_of(self.organization_id)

    @cached_property
    def email_domains(self) -> tuple[EmailDomain, ...]:
        return email_domains_of(self.organization_id)

    @cached_property
    def without_second_factor(self) -> tuple[Person, ...]:
        return tuple(without_second_factor(self.organization_id))

    @property
    def factor_lock(self) -> str | None:
        """Why this actor cannot change whether a second factor is required; None where it can."""
        own_factor = not self.policy.second_factor_required
        return self._of_operators or missing_factor(self.frame.actor, own_factor=own_factor)

    @property
    def provider_lock(self) -> str | None:
        """Why this actor cannot change single sign-on; None where it can."""
        missing = permissions_not_held(self.frame.actor, frozenset(Permission))
        return self._of_operators or (_LACKING.format(permission=missing[0]) if missing else None)

    @property
    def only_lock(self) -> str | None:
        """Why this actor cannot change which other ways there are to sign in; None where it can."""
        return self.provider_lock or missing_factor(self.frame.actor, own_factor=False)

    @property
    def _of_operators(self) -> str | None:
        return _OF_OPERATORS if self.frame.actor.operator else None

    @property
    def sign_in_address(self) -> str:
        """The address for bookmarks and for the identity provider's list of applications."""
        return f"{_origin()}{reverse('sign_in:single-sign-on')}?organization={self.organization_id}"

    def weak_sessions(self) -> int:
        """How many sessions end when a second factor becomes required."""
        return sessions_to_end(self.organization_id, self.frame.now)

    def candidates(self) -> tuple[Person, ...]:
        """Who can become the emergency administrator."""
        return emergency_candidates(self.organization_id)

    def roles(self) -> tuple[str, ...]:
        return tuple(role.name for role in list_roles(self.organization_id))

    def context(self) -> dict[str, Any]:
        """All that `sign_in_settings/content.html` and the frame around it need."""
        return super().context() | {
            "policy": self.policy,
            "configuration": self.configuration,
            "email_domains": self.email_domains,
            "without_second_factor": self.without_second_factor,
            "factor_lock": self.factor_lock,
            "provider_lock": self.provider_lock,
            "only_lock": self.only_lock if self.configuration is not None else None,
            "redirect_uri": redirect_uri(),
            "sign_in_address": self.sign_in_address,
        }


def _origin() -> str:
    origin: str = settings.WATCHWORD.public_origin
    return origin
