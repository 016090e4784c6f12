"""Whether tokens are accepted now, and if not, why: the first line of a page about servers. Pure.

It says what verifiers decide: the preconditions of `core/trust.py`, in the same order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchword.control.base.times import spoken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword.control.organizations.rules import Entitlement
    from watchword.control.servers.queries import ServerRow


@dataclass(frozen=True, slots=True)
class TokenAcceptance:
    """Attributes: `accepted` is whether any token can be accepted now; `sentence` says it, with the reason if not."""

    accepted: bool
    sentence: str


def token_acceptance(standing: Entitlement, servers: Sequence[ServerRow]) -> TokenAcceptance:
    """Decide for an organization whose `servers` are all that it has, as they are now."""
    enabled = next((row for row in servers if row.enabled), None)
    refused = standing.tokens_refused or _refused_for(enabled)
    if refused is not None or enabled is None:
        return TokenAcceptance(accepted=False, sentence=f"Tokens are refused: {refused}.")
    return TokenAcceptance(accepted=True, sentence=f"Tokens are accepted from {enabled.name}.")


def _refused_for(enabled: ServerRow | None) -> str | None:
    """Why an entitled organization's tokens are refused; None if they are not."""
    if enabled is None:
        return "no authorization server is enabled"
    if enabled.last_successful_fetch is None:
        return f"the signing keys of {enabled.name} have not been fetched yet"
    if not enabled.keys_believed:
        fetched = spoken(enabled.last_successful_fetch)
        return f"the signing keys of {enabled.name} are too old, last fetched on {fetched}"
    return None
