"""All mutants, room by room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mutants import (
    core_claims,
    core_keys,
    core_token,
    feed,
    jwks_address,
    jwks_certificate,
    jwks_fetch,
    jwks_metadata,
    jwks_proxy,
    jwks_schedule,
    usage,
    verifier_gateway_port,
    verifier_routing,
    verifier_verified,
    verifier_waiting,
)

if TYPE_CHECKING:
    from mutants.mutant import Mutant

ALL: Final[tuple[Mutant, ...]] = (
    *core_token.MUTANTS,
    *core_keys.MUTANTS,
    *core_claims.MUTANTS,
    *jwks_address.MUTANTS,
    *jwks_certificate.MUTANTS,
    *jwks_fetch.MUTANTS,
    *jwks_metadata.MUTANTS,
    *jwks_proxy.MUTANTS,
    *jwks_schedule.MUTANTS,
    *feed.MUTANTS,
    *usage.MUTANTS,
    *verifier_gateway_port.MUTANTS,
    *verifier_routing.MUTANTS,
    *verifier_verified.MUTANTS,
    *verifier_waiting.MUTANTS,
)
