"""All mutants, room by room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mutants import (
    control_proof,
    core_claims,
    core_keys,
    core_token,
    factors,
    factors_in_database,
    feed,
    jwks_fetch,
    jwks_metadata,
    jwks_schedule,
    openid,
    outbound_address,
    outbound_certificate,
    outbound_exchange,
    outbound_proxy,
    proof_in_database,
    sign_ins,
    single_sign_on,
    usage,
    verifier_credential,
    verifier_gateway_port,
    verifier_pending_requests,
    verifier_routing,
    verifier_token_cache,
)

if TYPE_CHECKING:
    from mutants.mutant import Mutant

ALL: Final[tuple[Mutant, ...]] = (
    *core_token.MUTANTS,
    *core_keys.MUTANTS,
    *core_claims.MUTANTS,
    *outbound_address.MUTANTS,
    *outbound_certificate.MUTANTS,
    *outbound_exchange.MUTANTS,
    *jwks_fetch.MUTANTS,
    *jwks_metadata.MUTANTS,
    *outbound_proxy.MUTANTS,
    *jwks_schedule.MUTANTS,
    *openid.MUTANTS,
    *feed.MUTANTS,
    *usage.MUTANTS,
    *control_proof.MUTANTS,
    *proof_in_database.MUTANTS,
    *factors.MUTANTS,
    *factors_in_database.MUTANTS,
    *sign_ins.MUTANTS,
    *single_sign_on.MUTANTS,
    *verifier_credential.MUTANTS,
    *verifier_gateway_port.MUTANTS,
    *verifier_routing.MUTANTS,
    *verifier_token_cache.MUTANTS,
    *verifier_pending_requests.MUTANTS,
)
