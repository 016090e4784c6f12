"""How many connections a process may hold: each is an open file, and the default limit is low."""

from __future__ import annotations

import resource
from contextlib import suppress
from typing import Final

MOST: Final = 65_536
"""More than any listener here holds. Some systems refuse to raise the limit to “unlimited”."""

FOR_OTHERS: Final = 256
"""Files, database connections, pipes, and connections that the process opens itself."""


def connections_allowed(wanted: int) -> int:
    """Raise this process's own limit of open files; return how many connections fit into it, at most `wanted`.

    A server that accepts more than that fails at each further one and at everything else that needs a file.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            soft = most
    if soft == resource.RLIM_INFINITY:
        soft = MOST
    return max(1, min(wanted, max(soft - FOR_OTHERS, soft // 2)))
