"""Secrets of verifiers: how they look and how they are kept."""

from __future__ import annotations

import hashlib
from typing import Final

SECRET_PREFIX: Final = "wwv_"  # noqa: S105 - the part of a secret that is public.
"""Lets secret scanners recognise a verifier's credential that was committed somewhere by mistake."""

SECRET_MAX: Final = 200


def secret_hash(secret: str) -> str:
    """SHA-256, hexadecimal. A plain hash will do: the secret has 256 random bits, so there is nothing to guess."""
    return hashlib.sha256(secret.encode()).hexdigest()
