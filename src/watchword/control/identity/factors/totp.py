"""Codes of an authenticator app (TOTP, RFC 6238). Pure.

SHA-1, six digits and 30 seconds are what every app supports; several ignore other parameters. SHA-1's weakness against
collisions does not concern HMAC.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from datetime import datetime

SECRET_BYTES: Final = 20
"""160 bits, the length of HMAC-SHA-1's output (RFC 4226, section 4)."""

DIGITS: Final = 6
PERIOD: Final = 30
WINDOW: Final = 1
"""Steps before and after the present one that are accepted, because clocks differ and typing takes time."""

_TYPED_MAX: Final = 20


def new_secret() -> str:
    """Return a secret as apps show it: base32, 32 characters without padding."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii")


def step_at(now: datetime) -> int:
    """The number of the time step."""
    return int(now.timestamp()) // PERIOD


def code_at(secret: str, step: int) -> str:
    """The code of a step (RFC 4226, section 5.3)."""
    digest = hmac.new(base64.b32decode(secret), step.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def matching_step(secret: str, typed: str, now: datetime) -> int | None:
    """Return the step whose code was typed, among those accepted now; None for any other text.

    Blanks do not matter: apps show `123 456`.
    """
    code = "".join(typed.split()) if len(typed) <= _TYPED_MAX else ""
    if not code.isascii():
        return None
    present = step_at(now)
    steps = range(max(present - WINDOW, 0), present + WINDOW + 1)
    # The latest step with this code, and each is compared, so that the time does not show which one matched.
    found = [step for step in steps if hmac.compare_digest(code_at(secret, step), code)]
    return found[-1] if found else None


def setup_uri(secret: str, *, issuer: str, account: str) -> str:
    """Return what the QR code says: the `otpauth` URI that authenticator apps read."""
    label = f"{quote(issuer)}:{quote(account, safe='@')}"
    parameters = {"secret": secret, "issuer": issuer, "algorithm": "SHA1", "digits": DIGITS, "period": PERIOD}
    return f"otpauth://totp/{label}?{urlencode(parameters, quote_via=quote)}"
