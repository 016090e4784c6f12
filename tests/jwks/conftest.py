from __future__ import annotations

from kit.hostile import loopback_is_public

__all__ = ["loopback_is_public"]
