"""Reads the words of a token that name an organization and an API role: `<cloud name>::<organization>::<API role>`.

An unverified token's word only selects the keys that must verify the token, if the request itself names no
organization: a token that names another organization fails against that organization's keys. The issuer cannot select
them: every organization may register any issuer, so one customer's calls could count for another.

A verified token's word proves that the organization's authorization server granted the API role.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from watchword.core.decision import Reason
from watchword.core.trust import API_ROLE, ORGANIZATION_ID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchword.core.claims import SignedClaims, UnverifiedClaims
    from watchword.core.strict_json import JsonValue

CLAIMS: Final = ("scope", "scp", "roles")
"""`scope` of RFC 8693 and RFC 9068, `scp` of Okta and Entra ID, `roles` of Entra ID's application permissions."""

_AFTER_CLOUD_NAME: Final = re.compile(f"({ORGANIZATION_ID})::{API_ROLE}")
_ROLE: Final = re.compile(API_ROLE)


def organization_named(claims: UnverifiedClaims, cloud_name: str) -> str | Reason:
    """The one organization named in CLAIMS, each a text of words or a list of them.

    Words of other clouds, or of another form, are ignored. Nothing is normalised. A token may name the same
    organization several times, for instance once for each API role.
    """
    named = None
    begins = f"{cloud_name}::"
    for word in _words(claims, begins):
        found = _AFTER_CLOUD_NAME.fullmatch(word, len(begins))
        if found is None or found[1] == named:
            continue
        if named is not None:
            return Reason.ORGANIZATION_AMBIGUOUS
        named = found[1]
    return Reason.ORGANIZATION_NOT_NAMED if named is None else named


def roles_named(claims: SignedClaims, cloud_name: str, organization: str) -> tuple[str, ...]:
    """The API roles of this organization that CLAIMS name, each once, in the order of their first appearance.

    Words of other organizations and other clouds, and words of another form, are ignored. Nothing is normalised.

    Args:
        claims: of a token that a key of this organization has signed.
        cloud_name: never empty.
        organization: its id.
    """
    begins = f"{cloud_name}::{organization}::"
    words = _words(claims, begins)
    if not words:
        return ()
    return tuple(dict.fromkeys([word[len(begins) :] for word in words if _ROLE.fullmatch(word, len(begins))]))


def check_role(
    claims: SignedClaims, required_role: str | None, cloud_name: str, organization: str
) -> str | Reason | None:
    """Step 13: the role for `Allow.role`, if the required one, if any, is among those that the token names.

    The verifier cannot know the scope of a required role without the cloud name, so it denies.
    """
    if not cloud_name:
        return None if required_role is None else Reason.CLOUD_NAME_MISSING
    if required_role is None:
        named = roles_named(claims, cloud_name, organization)
        return named[0] if len(named) == 1 else None
    word = scope_of(cloud_name, organization, required_role)
    for claim in CLAIMS:
        written = claims.get(claim)
        if isinstance(written, str):
            # A text is split only if it contains the word, perhaps as a part of another one.
            if word in written and word in written.split(" "):
                return required_role
        elif isinstance(written, list) and word in written:
            return required_role
    return Reason.INSUFFICIENT_SCOPE


def scope_of(cloud_name: str, organization: str, role: str) -> str:
    """The word that names this API role of this organization."""
    return f"{cloud_name}::{organization}::{role}"


def _words(claims: Mapping[str, JsonValue], begins: str) -> list[str]:
    """The words of CLAIMS with this beginning."""
    found: list[str] = []
    for claim in CLAIMS:
        written = claims.get(claim)
        # Most tokens contain at most one such word, so a text without the beginning is not split.
        if isinstance(written, str):
            if begins in written:
                found += [word for word in written.split(" ") if word.startswith(begins)]
        elif isinstance(written, list):
            found += [word for word in written if isinstance(word, str) and word.startswith(begins)]
    return found
