"""Batches of counted calls, as verifiers send them, and one verifier that sends them to the commands directly."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from watchword.control.activity.batches import decode_batch
from watchword.control.activity.commands import apply_batch, review_thresholds
from watchword.control.base.actor import command_line
from watchword.control.fleet.models import VerifierCredential
from watchword.control.fleet.verifier_commands import CreateVerifier

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.activity.commands import Applied

BOOT = "0123456789abcdef0123456789abcdef"
OKTA = {
    "issuer": "https://login.acme.example/",
    "audience": "https://api.example/",
    "client_claim": "cid",
    "client_id": "acme-batch",
    "kid": "okta-2026",
    "alg": "RS256",
    "typ": "JWT",
}
KEPT_DAYS = 31


def line(at: datetime, calls: int = 1, **changes: Any) -> dict[str, Any]:
    """Allowed calls of Acme in the minute of `at`; `changes` replace members."""
    seconds = int(at.timestamp())
    good = {
        "begins": seconds - seconds % 60,
        "organization": "acme",
        "server": "5f0d7c52-3a0e-4a52-9d3c-0d8f3d1f2b11",
        "revision": 1,
        "outcome": None,
        "profile": OKTA,
        "calls": calls,
    }
    return good | changes


def batch(sequence: object, *lines: dict[str, Any], boot: str = BOOT, node: object = "edge-1", **changes: Any) -> bytes:
    document = {"schema": 1, "node": node, "boot": boot, "sequence": sequence, "lines": list(lines)}
    return json.dumps(document | changes).encode()


class CountingVerifier:
    """Sends one batch after the other, and a batch twice only on demand."""

    def __init__(self, name: str = "edge-1") -> None:
        CreateVerifier(name=name).run(command_line())
        credential = VerifierCredential.objects.get(name=name)
        self.id, self.known_since = credential.pk, credential.created_at
        self.boot = hashlib.sha256(name.encode()).hexdigest()[:32]
        self.sequence = 0

    def send(self, now: datetime, *lines: dict[str, Any]) -> Applied:
        """Send the next batch, and return its effect."""
        self.sequence += 1
        return self.send_again(now, *lines)

    def send_again(self, now: datetime, *lines: dict[str, Any]) -> Applied:
        applied = self.apply(now, batch(self.sequence, *lines, boot=self.boot))
        review_thresholds(applied.touched, now)
        return applied

    def apply(self, now: datetime, body: bytes) -> Applied:
        return apply_batch(self.id, decode_batch(body), now, kept_days=KEPT_DAYS, known_since=self.known_since)
