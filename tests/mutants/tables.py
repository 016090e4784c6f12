"""All mutants, room by room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mutants import jwks_address, jwks_certificate, jwks_fetch

if TYPE_CHECKING:
    from mutants.mutant import Mutant

ALL: Final[tuple[Mutant, ...]] = (
    *jwks_address.MUTANTS,
    *jwks_certificate.MUTANTS,
    *jwks_fetch.MUTANTS,
)
