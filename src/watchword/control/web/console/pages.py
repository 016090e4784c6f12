"""The console's screens, each gathered once per request."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import urlencode

from watchword.control.activity.usage_queries import calls_per_second
from watchword.control.base.paging import AFTER, BEFORE
from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.fleet import console_queries
from watchword.control.fleet.queries import verifiers_that_do_not_understand
from watchword.control.identity.single_sign_on.queries import email_domains_of
from watchword.control.organizations.models import Organization
from watchword.control.organizations.queries import entitlement_of, terms_of
from watchword.control.servers.queries import list_servers
from watchword.control.web.activity.page import calls_context
from watchword.control.web.activity.presentation import gauge, spoken_rate
from watchword.control.web.console import queries
from watchword.control.web.console.presentation import calls_allowed, countdown, look_of, look_of_verifier
from watchword.control.web.console.queries import Search, StateFilter
from watchword.control.web.servers.page import token_acceptance
from watchword.control.web.shell.frame import Frame
from watchword.control.web.shell.page import ProviderPage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchword.control.base.actor import Actor
    from watchword.control.base.paging import Page
    from watchword.control.identity.models import EmailDomain
    from watchword.control.organizations.models import Subscription, Suspension
    from watchword.control.organizations.rules import Entitlement
    from watchword.control.servers.queries import ServerRow


@dataclass(frozen=True)
class OrganizationsPage(ProviderPage):
    """The organizations that fit a search."""

    template: ClassVar[str] = "console/organizations.html"
    content: ClassVar[str] = "console/organizations_content.html"
    route: ClassVar[str] = "console:organizations"

    search: Search = field(default_factory=Search)

    def searched(self, asked: Mapping[str, str]) -> OrganizationsPage:
        """The page as the address's query asks for it; a state that does not exist is not asked for."""
        state = asked.get("state", "")
        known = StateFilter(state) if state in StateFilter.values else None
        return replace(self, search=Search(asked.get("q", ""), known, asked))

    def context(self) -> dict[str, Any]:
        page = queries.list_organizations(self.search, self.frame.now)
        shown = [
            {
                "organization": row,
                "look": look_of(row.standing.situation, row.terms, self.frame.now),
                "countdown": countdown(row.terms, self.frame.now),
                "gauge": gauge(row.calls_today, row.api_call_threshold),
                "enabled": next((server.name for server in row.servers if server.enabled), None),
                "failing": any(server.failing for server in row.servers),
            }
            for row in page.rows
        ]
        narrowed = {"q": self.search.text, "state": self.search.state or ""}
        return super().context() | {
            "rows": shown,
            "page": page,
            "search": self.search,
            "states": StateFilter.choices,
            "searching": bool(self.search.text or self.search.state),
            **_steps(self.home, page, narrowed),
        }


@dataclass(frozen=True)
class OrganizationPage(ProviderPage):
    """One organization, as the provider sees it."""

    template: ClassVar[str] = "console/organization.html"
    content: ClassVar[str] = "console/organization_content.html"
    route: ClassVar[str] = "console:organization"

    organization: Organization

    @classmethod
    def of(cls, actor: Actor, **place: str) -> Self:
        # First, so that the response does not reveal what exists.
        frame = Frame.of_provider(actor, route=OrganizationsPage.route)
        found = Organization.objects.filter(pk=place["organization"]).first()
        if found is None:
            raise Refusal(RefusalReason.NOT_FOUND)
        return cls(frame, found)

    @property
    def place(self) -> dict[str, str]:
        return {"organization": self.organization.pk}

    @cached_property
    def standing(self) -> Entitlement:
        return entitlement_of(self.organization.pk, self.frame.now)

    @cached_property
    def subscription(self) -> Subscription | None:
        return queries.subscription_of(self.organization.pk)

    @cached_property
    def suspensions(self) -> tuple[Suspension, ...]:
        return queries.suspensions_of(self.organization.pk)

    @cached_property
    def servers(self) -> tuple[ServerRow, ...]:
        return list_servers(self.organization.pk, self.frame.now)

    @cached_property
    def email_domains(self) -> tuple[EmailDomain, ...]:
        return email_domains_of(self.organization.pk)

    @property
    def live_suspension(self) -> Suspension | None:
        return next((suspension for suspension in self.suspensions if suspension.lifted_at is None), None)

    @property
    def enabled_server(self) -> str | None:
        """The name of the server that is enabled, or would be if the organization were not suspended."""
        return next((server.name for server in self.servers if server.enabled), None)

    def context(self) -> dict[str, Any]:
        terms = terms_of(self.subscription)
        threshold = None if self.subscription is None else self.subscription.api_call_threshold
        not_understanding, following = verifiers_that_do_not_understand(self.organization.pk, self.frame.now)
        return super().context() | {
            "crumb": self.organization.name,
            "organization": self.organization,
            "standing": self.standing,
            "tokens": token_acceptance(self.standing, self.servers),
            "not_understanding": not_understanding,
            "following": following,
            "look": look_of(self.standing.situation, terms, self.frame.now),
            "subscription": self.subscription,
            "countdown": countdown(terms, self.frame.now),
            "calls_allowed": calls_allowed(threshold),
            "suspension": self.live_suspension,
            "earlier_suspensions": [row for row in self.suspensions if row.lifted_at is not None],
            "servers": self.servers,
            "email_domains": self.email_domains,
            "administrators": queries.administrators_of(self.organization.pk),
            **calls_context(self.organization.pk, threshold, self.frame.now),
        }


@dataclass(frozen=True)
class VerifiersPage(ProviderPage):
    """The verifiers and how they follow."""

    template: ClassVar[str] = "console/verifiers.html"
    content: ClassVar[str] = "console/verifiers_content.html"
    route: ClassVar[str] = "console:verifiers"

    asked: Mapping[str, str] = field(default_factory=dict)

    def context(self) -> dict[str, Any]:
        page = console_queries.list_verifiers(self.asked, self.frame.now)
        rates = calls_per_second([row.id for row in page.rows], self.frame.now)
        rows = [
            {"verifier": row, "look": look_of_verifier(row.state), "rate": spoken_rate(rates.get(row.id))}
            for row in page.rows
        ]
        trouble = console_queries.fleet_trouble(self.frame.now)
        return super().context() | {
            "rows": rows,
            "page": page,
            "trouble": trouble,
            **_steps(self.home, page, {}),
        }


@dataclass(frozen=True)
class KeySetsPage(ProviderPage):
    """The key sets that fail."""

    template: ClassVar[str] = "console/key_sets.html"
    content: ClassVar[str] = "console/key_sets_content.html"
    route: ClassVar[str] = "console:key-sets"

    asked: Mapping[str, str] = field(default_factory=dict)

    def context(self) -> dict[str, Any]:
        page = console_queries.list_failing(self.asked, self.frame.now)
        return super().context() | {"page": page, **_steps(self.home, page, {})}


def _steps(home: str, page: Page[Any], narrowed: Mapping[str, str]) -> dict[str, str | None]:
    """Where Next and Previous lead; None for a step that there is not."""
    kept = {name: value for name, value in narrowed.items() if value}

    def step(name: str, position: str | None) -> str | None:
        return None if position is None else f"{home}?{urlencode({**kept, name: position})}"

    return {"next_url": step(AFTER, page.after), "previous_url": step(BEFORE, page.before)}
