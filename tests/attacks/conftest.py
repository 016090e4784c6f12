from __future__ import annotations

from kit.committing import append_only_again, committing
from kit.hostile import few_authorities, loopback_is_public

__all__ = ["append_only_again", "committing", "few_authorities", "loopback_is_public"]
