"""The CA certificates attached to a registration: what is stored for what was typed, and how it is told. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchword.jwks.authority import PRIVATE_KEY_PASTED, AuthorityRefused, holds_private_key, read_authority

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachedCertificate:
    """One attached certificate, as the window and the list tell it. `state` is good, soon or expired."""

    name: str
    fingerprint: str
    expires_at: datetime
    of_a_server: bool
    state: str


def checked_ca_bundle(typed: str, now: datetime, *, kept: str | None = None) -> str | None:
    """What to store for what was typed: canonical PEM; None for a blank field.

    Args:
        typed: as typed.
        now: when the certificates must be valid.
        kept: the authority in force. Left alone it may have expired: that is no reason to refuse another change.

    Raises:
        AuthorityRefused: with a sentence about what is wrong.
    """
    if typed == "":
        return None
    ca_bundle = read_authority(typed)
    if ca_bundle.pem != kept:
        ca_bundle.check_dates(now)
    return ca_bundle.pem


def canonical(typed: str) -> str | None:
    """What was typed in the form that is stored, for comparing only; as it is if it cannot be read."""
    try:
        return read_authority(typed).pem if typed else None
    except AuthorityRefused:
        return typed


def with_another(typed: str, offered: str) -> str:
    """What was typed, and one more certificate that Validate has shown.

    Raises:
        AuthorityRefused: what was offered may not be attached.
    """
    another = read_authority(offered).pem
    if holds_private_key(typed):
        raise AuthorityRefused(PRIVATE_KEY_PASTED)
    try:
        return read_authority(f"{typed}\n{another}").pem
    except AuthorityRefused:
        # What was typed is at fault. The next Validate says so at the field; it is not for us to throw it away.
        return f"{typed}\n{another}"


def fingerprints(stored: str | None) -> str | None:
    """What stands for attached certificates where PEM would be too long to compare by eye; None for none."""
    if stored is None:
        return None
    try:
        return read_authority(stored).fingerprints
    except AuthorityRefused:
        return "unreadable"


def described(stored: str | None, now: datetime) -> tuple[AttachedCertificate, ...]:
    """Each certificate; none for what cannot be read, which has a sentence of its own where it matters."""
    try:
        ca_bundle = read_authority(stored or "")
    except AuthorityRefused:
        return ()
    return tuple(
        AttachedCertificate(
            name=anchor.name,
            fingerprint=anchor.fingerprint,
            expires_at=anchor.expires_at,
            of_a_server=anchor.of_a_server,
            state="expired" if anchor.expired(now) else "soon" if anchor.expires_soon(now) else "good",
        )
        for anchor in ca_bundle.anchors
    )


def state_of(certificates: tuple[AttachedCertificate, ...]) -> str | None:
    """The state of all together, which is that of the one that lasts longest: the others may be its predecessors."""
    return max(certificates, key=lambda each: each.expires_at).state if certificates else None
