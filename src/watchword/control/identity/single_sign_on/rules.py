"""Rules of single sign-on: e-mail domains, what a configuration may say, and roles by claim. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from watchword.control.identity.single_sign_on_models import CLAIM_MAX, CLIENT_ID_MAX
from watchword.core.characters import is_printable
from watchword.outbound.address import LocationRefused, parse_location

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

SECRET_MAX: Final = 1024
ROLE_VALUES_MAX: Final = 32
"""A form has at most 100 fields."""

ROLE_VALUE_MAX: Final = 200

_CLIENT_TEXT: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?")
"""VSCHAR of RFC 6749, appendix A, without blanks around it."""

_CLAIM: Final = re.compile(r"[!-~]+")
_ADDRESS_OR_PATH: Final = re.compile(r"[@/?#:\[\]*\s]")
_DOMAIN_FAULT: Final = "Enter a domain such as acme.example, without “@”."


def domain_fault(typed: str) -> str | None:
    """Return why the text is no domain of e-mail addresses; None if it is one."""
    return None if normalised_domain(typed) is not None else _DOMAIN_FAULT


def normalised_domain(typed: str) -> str | None:
    """Return the domain in ASCII and lower case; None for an address, a single label, or anything else."""
    typed = typed.strip(" ")
    if _ADDRESS_OR_PATH.search(typed):
        return None
    try:
        # The same reading of a host name as everywhere else, in other scripts too.
        location = parse_location(f"https://{typed}/")
    except LocationRefused:
        return None
    # A single label is a public suffix or a name inside a network: it belongs to no organization.
    return location.host if location.address is None and "." in location.host else None


def domain_of(email: str) -> str:
    """Return what follows the last “@” of an address that `rules.check_person` accepts."""
    return email.rpartition("@")[2].lower()


def configuration_faults(
    *, issuer: str, client_id: str, client_secret: str, role_claim: str, role_values: Sequence[tuple[str, str]]
) -> dict[str, str]:
    """Return one sentence for each invalid field, by the field's name. Roles are checked against the database."""
    faults = {}
    if (fault := issuer_fault(issuer)) is not None:
        faults["issuer"] = fault
    if len(client_id) > CLIENT_ID_MAX or _CLIENT_TEXT.fullmatch(client_id) is None:
        faults["client_id"] = f"Enter the client ID of at most {CLIENT_ID_MAX} characters, without blanks around it."
    if client_secret and (len(client_secret) > SECRET_MAX or _CLIENT_TEXT.fullmatch(client_secret) is None):
        faults["client_secret"] = f"A client secret has at most {SECRET_MAX} characters, none of them invisible."
    if role_claim and (len(role_claim) > CLAIM_MAX or _CLAIM.fullmatch(role_claim) is None):
        faults["role_claim"] = f"The name of a claim has at most {CLAIM_MAX} characters without blanks, such as groups."
    if (fault := _role_values_fault(role_claim, role_values)) is not None:
        faults["role_values"] = fault
    return faults


def issuer_fault(issuer: str) -> str | None:
    """Return why the text cannot be the issuer of an identity provider (OpenID Connect Discovery 1.0, section 3)."""
    try:
        parse_location(issuer)
    except LocationRefused:
        return "Enter the issuer as the provider states it, such as https://login.acme.example."
    if "?" in issuer or issuer != issuer.strip(" "):
        return "An issuer has no query and no blanks around it."
    if "/.well-known/" in issuer:
        return "Enter the issuer itself, without “/.well-known/…”."
    return None


def _role_values_fault(role_claim: str, role_values: Sequence[tuple[str, str]]) -> str | None:
    values = [value for value, _ in role_values]
    if values and not role_claim:
        return "Name the claim that holds these values, or remove them."
    if len(values) > ROLE_VALUES_MAX:
        return f"At most {ROLE_VALUES_MAX} values can have a role."
    if not all(value and len(value) <= ROLE_VALUE_MAX and is_printable(value) for value in values):
        return f"A value has 1 to {ROLE_VALUE_MAX} characters, none of them invisible."
    twice = next((value for value in values if values.count(value) > 1), None)
    return None if twice is None else f"The value “{twice}” has two roles."


def role_by_claim(values: Collection[str], role_values: Sequence[tuple[str, int]]) -> int | None:
    """Return the role of the first configured value that the claim holds, compared exactly; None for none."""
    return next((role for value, role in role_values if value in values), None)
