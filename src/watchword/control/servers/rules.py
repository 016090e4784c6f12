"""Rules for the fields of a registration, and the state of its fetches. Pure."""

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
ROLE_MAX: Final = 16

REQUEST_TAKEN_UP: Final = timedelta(seconds=60)
"""A worker begins a requested fetch within seconds and ends it within five; after a minute no worker seems to run."""

_ASCII_ALPHANUMERIC: Final = re.compile(r"[A-Za-z0-9]+")

# RFC 7518 section 3.1 ties each curve to one algorithm; an RSA key without a declared one fits six.
_ALGORITHM_OF_KIND: Final = {("EC", 256): "ES256", ("EC", 384): "ES384", ("EC", 521): "ES512", ("OKP", 256): "EdDSA"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFields:
    """The fields of the Add and Edit dialogs as typed; "" in the last three URIs means any.

    Attributes:
        accept_any: the administrator confirms that every token signed by the server is accepted. Needed only if
            `audience`, `issuer` and `client_id` are all blank.
        accept_anybody: the same for tokens that any user of the server can request.
        accepts_bound_tokens: accept tokens bound to a key or certificate without proof.
        required_role: the API role that each token must carry; "" for none.
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
    required_role: str = ""
    authority: str = field(default="", repr=False)

    @property
    def confirmed(self) -> frozenset[str]:
        """The fields that the administrator confirmed."""
        return frozenset(name for name in CONFIRMED_BY.values() if getattr(self, name))


def expected(stored: str | None) -> Expected:
    """Return what a claim must equal: the stored value, or ANY for a blank field."""
    return ANY if stored is None else stored


def stored(typed: str) -> str | None:
    """Return an Audience URI, Issuer URI, Client ID or API role as it is stored: NULL for a blank field, else as typed.

    Only the empty string is blank: `check_fields` refuses a value of spaces as a mistake.
    """
    return typed if typed != "" else None


def check_fields(fields: ServerFields) -> dict[str, str]:
    """Check the fields; of the JWKS location only whose tokens it accepts.

    Args:
        fields: as typed. Nothing is trimmed: a check that repairs its input ends up accepting unintended values.

    Returns:
        One sentence for each invalid field, by the field's name.
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
    # str.isalnum() and \w would accept letters and digits of every script.
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
    # The comparison with the token is exact, so an unnoticed space would refuse every token. Removing it silently would
    # compare with a value that the administrator did not enter.
    if typed != typed.strip():
        return f"The {label} begins or ends with a space. Remove it, or leave the field blank to accept any value."
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
    """The state of a key set's fetches; exactly one applies at any time."""

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
    """Return the state of a key set's fetches.

    Args:
        now: the time of the page.
        fetched_at: the last good fetch.
        attempted_at: when the last fetch began.
        requested_at: when an administrator last pressed "Refresh now".
        leased_until: until when a worker holds the lease; None if none does.
        failing_since: None unless the latest fetch failed.
    """
    is_pending = requested_at is not None and _later(requested_at, attempted_at) and _later(requested_at, fetched_at)
    fetching = leased_until is not None and now < leased_until
    if requested_at is not None and timedelta() <= now - requested_at < REQUEST_TAKEN_UP and (is_pending or fetching):
        return FetchState.UNDER_WAY
    if failing_since is not None:
        return FetchState.FAILING
    if is_pending or (fetched_at is not None and is_stale(now.timestamp(), fetched_at.timestamp())):
        return FetchState.OVERDUE
    return FetchState.NOT_YET if fetched_at is None else FetchState.FRESH


def _later(moment: datetime, other: datetime | None) -> bool:
    return other is None or moment > other


def algorithm_label(*, kty: str, alg: str | None, bits: int) -> str:
    """Return a key's label: its declared algorithm, else the only one of its type, else its type.

    Args:
        kty: as admitted: RSA, EC or OKP.
        alg: the declared algorithm, if any.
        bits: size of the modulus or of the curve's field.
    """
    return alg or _ALGORITHM_OF_KIND.get((kty, bits), kty)
