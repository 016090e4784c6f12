"""One look at a JWKS location, for the Validate button and the refresher alike."""

from __future__ import annotations

from watchword.jwks.fetch import FetchPolicy
from watchword.jwks.findings import Findings, Outcome, Step, StepFinding
from watchword.jwks.problem import Problem

__all__ = ["FetchPolicy", "Findings", "Outcome", "Problem", "Step", "StepFinding", "probe"]


def probe(location: str, *, verify_certificate: bool, policy: FetchPolicy, etag: str | None = None) -> Findings:
    """Fetch the key set at `location` under `policy` and admit its keys; never raises for what a server does."""
    raise NotImplementedError
