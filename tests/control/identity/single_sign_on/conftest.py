from __future__ import annotations

from kit.committing import append_only_again, committing

__all__ = ["append_only_again", "committing"]
