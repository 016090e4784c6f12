"""The CA certificates attached to a registration: their stored form and their description. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchword.outbound.ca_bundle import PRIVATE_KEY_PASTED, CaBundleRefused, holds_private_key, read_ca_bundle

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachedCertificate:
    """One attached certificate, as the dialog and the list show it. `state` is good, soon or expired."""

    name: str
    fingerprint: str
    expires_at: datetime
    of_a_server: bool
    state: str


def checked_ca_bundle(typed: str, now: datetime, *, kept: str | None = None) -> str | None:
    """Return the canonical PEM to store; None for a blank field.

    Args:
        typed: as typed.
        now: when the certificates must be valid.
        kept: the stored certificates. If unchanged, they may have expired: other fields can still be changed.

    Raises:
        CaBundleRefused: with a sentence about the fault.
    """
    if typed == "":
        return None
    ca_bundle = read_ca_bundle(typed)
    if ca_bundle.pem != kept:
        ca_bundle.check_dates(now)
    return ca_bundle.pem


def canonical(typed: str) -> str | None:
    """Return the stored form for comparing; unreadable text is returned unchanged."""
    try:
        return read_ca_bundle(typed).pem if typed else None
    except CaBundleRefused:
        return typed


def with_another(typed: str, offered: str) -> str:
    """Return the typed text with one more certificate, which Validate has offered.

    Raises:
        CaBundleRefused: the offered certificate may not be attached.
    """
    another = read_ca_bundle(offered).pem
    if holds_private_key(typed):
        raise CaBundleRefused(PRIVATE_KEY_PASTED)
    try:
        return read_ca_bundle(f"{typed}\n{another}").pem
    except CaBundleRefused:
        # The typed text is invalid. Keep it: the next Validate reports it at the field.
        return f"{typed}\n{another}"


def fingerprints(stored: str | None) -> str | None:
    """Return the certificates' fingerprints, which people can compare, unlike PEM; None for none."""
    if stored is None:
        return None
    try:
        return read_ca_bundle(stored).fingerprints
    except CaBundleRefused:
        return "unreadable"


def described(stored: str | None, now: datetime) -> tuple[AttachedCertificate, ...]:
    """Describe each certificate; none for unreadable text, which is reported elsewhere."""
    try:
        ca_bundle = read_ca_bundle(stored or "")
    except CaBundleRefused:
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
    """Return the state of the certificate that is valid longest, because the others may be its predecessors."""
    return max(certificates, key=lambda each: each.expires_at).state if certificates else None
