"""What the verifier is measured beside. Each answers the same question: is this token by that key, from that issuer and
for that audience, and not expired?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from kit import forge


@dataclass(frozen=True)
class Question:
    """What every peer is set up for.

    Attributes:
        folder: for settings and logs.
        key, alg: whose signatures are good, and by which algorithm.
        issuer, audience: what a good token says.
    """

    folder: Path
    key: forge.Key
    alg: str
    issuer: str = "https://login.acme.example/"
    audience: str = "https://api.example/"


@dataclass(frozen=True)
class Peer:
    """One that runs: where it listens, and its process."""

    port: int
    pid: int
    path: str = "/"
