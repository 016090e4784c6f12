"""Encrypts what the database or a browser keeps for the control plane and must not be able to read or change."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

from cryptography.fernet import Fernet, InvalidToken
from django.utils.crypto import salted_hmac

if TYPE_CHECKING:
    from datetime import timedelta

_SALT: Final = "watchword.sealing"


def seal(purpose: str, content: str) -> str:
    """Encrypt and date the content, with a key for this purpose that is derived from the secret key."""
    return _cipher(purpose).encrypt(content.encode()).decode()


def unseal(purpose: str, sealed: str, *, max_age: timedelta | None = None) -> str | None:
    """Return what was sealed for the same purpose; None for anything else, and for what is older than `max_age`."""
    seconds = None if max_age is None else int(max_age.total_seconds())
    try:
        return _cipher(purpose).decrypt(sealed.encode(errors="replace"), ttl=seconds).decode()
    except InvalidToken:
        return None


def _cipher(purpose: str) -> Fernet:
    digest = salted_hmac(f"{_SALT}.{purpose}", "key", algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(digest))
