"""Whose tokens a registration accepts. Pure.

The result depends only on the registration and the table of shared servers, never on other registrations.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, Self

from watchword.control.servers.shared_servers import AudienceIs, shared_server_at

if TYPE_CHECKING:
    from watchword.control.base.audit_log import Scalar
    from watchword.control.servers.models import AuthorizationServer
    from watchword.control.servers.shared_servers import SharedServer


class Acceptance(Enum):
    """Whose tokens are accepted."""

    OWN = "own"
    """Tokens that a value of the registration distinguishes from all others."""

    OTHER_SERVICES = "other_services"
    """Tokens of one client, also those issued for other services."""

    ANY = "any"
    """All tokens that the server signs; an administrator may confirm that."""

    ANYBODY = "anybody"
    """Tokens that any user of the server can request; an administrator may confirm that."""

    EVERYBODY = "everybody"
    """Tokens of the whole world; never accepted."""


CONFIRMED_BY: Final = {Acceptance.ANY: "accept_any", Acceptance.ANYBODY: "accept_anybody"}
"""The field in which an administrator confirms this; also its name in the audit log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptanceWarning:
    """A warning in the list. `short` is for the row, `sentence` explains it; `tone` is warn or bad."""

    tone: str
    short: str
    sentence: str


@dataclass(frozen=True, slots=True)
class AcceptedTokens:
    """Whose tokens are accepted, and the shared server at the JWKS location, if any."""

    whose: Acceptance
    shared: SharedServer | None

    @classmethod
    def of(cls, location: str, *, audience: str | None, issuer: str | None, client_id: str | None) -> Self:
        """From a registration's values. A blank value ("" as typed, None as stored) accepts any."""
        shared = shared_server_at(location)
        if shared is not None:
            return cls(_at_shared(shared, audience=audience, issuer=issuer, client_id=client_id), shared)
        if audience or issuer:
            return cls(Acceptance.OWN, None)
        return cls(Acceptance.OTHER_SERVICES if client_id else Acceptance.ANY, None)

    @property
    def confirmed_by(self) -> str | None:
        """The field that must be confirmed; None if none is needed or none would help."""
        return CONFIRMED_BY.get(self.whose)

    def fault(self, confirmed: frozenset[str]) -> tuple[str, str] | None:
        """Return the field and the sentence that forbid to save or enable this; None if it is allowed.

        Args:
            confirmed: the fields of `CONFIRMED_BY` that the administrator confirmed.
        """
        if self.shared is not None and self.whose is Acceptance.EVERYBODY:
            return "expectations", f"{self.shared.reason} {self.shared.remedy}"
        if self.confirmed_by is None or self.confirmed_by in confirmed:
            return None
        if self.shared is not None:
            wanted = "Confirm that this is what you want, or use a server of your own."
            return self.confirmed_by, f"{self.shared.chosen} {wanted}"
        return self.confirmed_by, (
            "Audience URI, Issuer URI and Client ID are all blank: every token that this server signs would be "
            "accepted. Fill in at least one, or confirm that this is what you want."
        )

    @property
    def warning(self) -> AcceptanceWarning | None:
        """The list's warning, if any."""
        if self.shared is not None and self.whose is Acceptance.EVERYBODY:
            return AcceptanceWarning(
                tone="bad",
                short=f"Every token that {self.shared.name} signs is accepted",
                sentence=f"{self.shared.reason} {self.shared.remedy}",
            )
        if self.shared is not None and self.whose is Acceptance.ANYBODY:
            return AcceptanceWarning(
                tone="warn",
                short=f"Anyone can request such a token from {self.shared.name}",
                sentence=self.shared.chosen,
            )
        return _OF_OTHERS.get(self.whose)


_OF_OTHERS: Final = {
    Acceptance.ANY: AcceptanceWarning(
        tone="warn",
        short="Every token this server signs is accepted",
        sentence=(
            "Audience URI, Issuer URI and Client ID are all blank: tokens issued for any service, by any issuer and to "
            "any client are accepted, as long as this server signed them. Fill in at least one of the three."
        ),
    ),
    Acceptance.OTHER_SERVICES: AcceptanceWarning(
        tone="warn",
        short="Tokens this server issued for other services are accepted too",
        sentence=(
            "Audience URI and Issuer URI are both blank: a token that the server issued to this client for another "
            "service is accepted here too. Fill in the Audience URI."
        ),
    ),
}


def _at_shared(shared: SharedServer, *, audience: str | None, issuer: str | None, client_id: str | None) -> Acceptance:
    own_issuer = shared.own_issuer is not None and shared.own_issuer.fullmatch(issuer or "") is not None
    own_audience = audience and shared.audience is AudienceIs.REGISTERED
    if own_issuer or own_audience or (client_id and shared.client_id):
        return Acceptance.OWN
    if audience and shared.audience is AudienceIs.CHOSEN:
        return Acceptance.ANYBODY
    return Acceptance.EVERYBODY


def confirmed(server: AuthorizationServer) -> dict[str, Scalar]:
    """Return the field in which accepting tokens of others was confirmed; empty if none was needed."""
    field = accepted(server).confirmed_by
    return {} if field is None else {field: True}


def accepted(server: AuthorizationServer) -> AcceptedTokens:
    return AcceptedTokens.of(
        server.jwks_location, audience=server.audience, issuer=server.issuer, client_id=server.client_id
    )
