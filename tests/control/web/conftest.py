from __future__ import annotations

from kit.committing import append_only_again, committing
from kit.metadata_portal import allow, metadata_server

__all__ = ["allow", "append_only_again", "committing", "metadata_server"]
