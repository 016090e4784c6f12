"""What an administrator may type into a registration. Pure: no database, no clock, no network."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final

from watchword.control.servers.acceptance import CONFIRMED_BY, AcceptedTokens
from watchword.core.trust import ANY
from watchword.jwks.schedule import is_stale

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.core.trust import Expected

SLOTS: Final = (1, 2)
NAME_MAX: Final = 64
DESCRIPTION_MAX: Final = 256
LOCATION_MAX: Final = 2048
EXPECTED_MAX: Final = 2048

REQUEST_TAKEN_UP: Final = timedelta(seconds=60)
"""A worker takes up a requested fetch within seconds and ends it within five; after a minute none seems to run."""

_ASCII_ALPHANUMERIC: Final = re.compile(r"[A-Za-z0-9]+")

# RFC 7518 section 3.1 ties each curve to one algorithm; an RSA key without a declared one fits six.
_ALGORITHM_OF_KIND: Final = {("EC", 256): "ES256", ("EC", 384): "ES384", ("EC", 521): "ES512", ("OKP", 256): "EdDSA"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFields:
    """The Add and Edit window's fields as they were typed; "" in the last three URIs means any.

    Attributes:
        accept_any: the administrator said knowingly that every token signed by the server is to be accepted. Only
            asked when `audience`, `issuer` and `client_id` are all blank.
        accept_anybody: the same, of tokens that everybody can ask the server for.
        accepts_bound_tokens: tokens bound to a key or certificate are accepted without proof of it.
        ca_bundle: CA certificates in PEM; "" for none.
    """

    enabled: bool
    name: str
    description: str
    jwks_location: str
    verify_certificate: bool
    audience: str
    issuer: str
    client_id: str
    accept_any: bool = False
    accept_anybody: bool = False
    accepts_bound_tokens: bool = False
    authority: str = field(default="", repr=False)

    @property
    def confirmed(self) -> frozenset[str]:
        """The fields in which the administrator said a knowing yes."""
        return frozenset(name for name in CONFIRMED_BY.values() if getattr(self, name))


def expected(stored: str | None) -> Expected:
    """What trust demands of a claim: the stored value, or ANY where the administrator left the field blank."""
    return ANY if stored is None else stored


def stored(typed: str) -> str | None:
    """How a typed Audience URI, Issuer URI or Client ID is kept: a blank field is NULL, all else as it was typed.

    Only the empty string is blank. A value of spaces is somebody's mistake and `check_fields` refuses it.
    """
    return typed if typed != "" else None


def check_fields(fields: ServerFields) -> dict[str, str]:
    """Find the faults of a registration's fields; of the JWKS location only whose tokens come with it.

    Args:
        fields: as typed. Nothing is trimmed, here or anywhere: a check that repairs what it sees ends up accepting
            what nobody meant.

    Returns:
        One sentence for each field at fault, by the field's name; empty when all is well.
    """
    faults = {
        "name": _fault_of_name(fields.name),
        "description": _fault_of_description(fields.description),
        "audience": _fault_of_expected("Audience URI", fields.audience),
        "issuer": _fault_of_expected("Issuer URI", fields.issuer),
        "client_id": _fault_of_expected("Client ID", fields.client_id),
    }
    accepted = AcceptedTokens.of(
        fields.jwks_location, audience=fields.audience, issuer=fields.issuer, client_id=fields.client_id
    )
    unaccepted = accepted.fault(fields.confirmed)
    if unaccepted is not None:
        faults[unaccepted[0]] = unaccepted[1]
    return {field: sentence for field, sentence in faults.items() if sentence is not None}


def _fault_of_name(name: str) -> str | None:
    if name == "":
        return "Enter a name."
    if any(character.isspace() for character in name):
        return "The name cannot contain spaces or line breaks."
    # str.isalnum() and \w would accept the letters and digits of every script.
    if _ASCII_ALPHANUMERIC.fullmatch(name) is None:
        return "The name can only contain the letters A to Z and a to z and the digits 0 to 9."
    if len(name) > NAME_MAX:
        return f"The name cannot exceed {NAME_MAX} characters; this one has {len(name)}."
    return None


def _fault_of_description(description: str) -> str | None:
    if len(description) > DESCRIPTION_MAX:
        return f"The description cannot exceed {DESCRIPTION_MAX} characters; this one has {len(description)}."
    if _has_invisible(description.replace("\n", "")):
        return "The description contains a control character or another invisible character."
    return None


def _fault_of_expected(label: str, typed: str) -> str | None:
    # The comparison with the token is exact, so an unnoticed blank would refuse every token of the organization,
    # and silently removing it would compare with a value that nobody typed.
    if typed != typed.strip():
        return f"The {label} begins or ends with a blank. Remove it, or leave the field empty to accept any value."
    if _has_invisible(typed):
        return f"The {label} contains a control character or another invisible character."
    if len(typed) > EXPECTED_MAX:
        return f"The {label} cannot exceed {EXPECTED_MAX} characters; this one has {len(typed)}."
    return None


def _has_invisible(text: str) -> bool:
    """Whether the text has a control, format or unassigned character, a lone surrogate or a line separator.

    Bidirectional overrides and zero-width characters make a value look like another one (Trojan Source,
    CVE-2021-42574), and PostgreSQL cannot store U+0000 or a surrogate at all.
    """
    return any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"} for character in text)


class FetchState(Enum):
    """How the fetching of a key set stands; exactly one holds at any time."""

    NOT_YET = "not_yet"
    FRESH = "fresh"
    UNDER_WAY = "under_way"
    FAILING = "failing"
    OVERDUE = "overdue"


def fetch_state(
    *,
    now: datetime,
    fetched_at: datetime | None,
    attempted_at: datetime | None,
    requested_at: datetime | None,
    leased_until: datetime | None,
    failing_since: datetime | None,
) -> FetchState:
    """What to tell about the fetching of a key set.

    Args:
        now: the time of the page.
        fetched_at: the last good fetch.
        attempted_at: the last fetch begun.
        requested_at: when an administrator last pressed "Refresh now".
        leased_until: until when a worker holds the fetch; None while none does.
        failing_since: None unless the latest fetch failed.
    """
    asked = requested_at is not None and _later(requested_at, attempted_at) and _later(requested_at, fetched_at)
    fetching = leased_until is not None and now < leased_until
    if requested_at is not None and timedelta() <= now - requested_at < REQUEST_TAKEN_UP and (asked or fetching):
        return FetchState.UNDER_WAY
    if failing_since is not None:
        return FetchState.FAILING
    if asked or (fetched_at is not None and is_stale(now.timestamp(), fetched_at.timestamp())):
        return FetchState.OVERDUE
    return FetchState.NOT_YET if fetched_at is None else FetchState.FRESH


def _later(moment: datetime, other: datetime | None) -> bool:
    return other is None or moment > other


def algorithm_label(*, kty: str, alg: str | None, bits: int) -> str:
    """What the key summary calls a key: its declared algorithm, else the one its kind allows, else its kind.

    Args:
        kty: as admitted: RSA, EC or OKP.
        alg: the declared algorithm, if any.
        bits: size of the modulus or of the curve's field.
    """
    return alg or _ALGORITHM_OF_KIND.get((kty, bits), kty)
