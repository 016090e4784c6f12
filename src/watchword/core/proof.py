"""The call that decides step 6, and how the library says no: by an exception, which ends here.

This module is never compiled (docs/decisions/0011). A compiled function writes the traceback of every exception that
passes through it, which would make a wrong signature dearer than a good one.
"""

from __future__ import annotations

from typing import Any

from cryptography.exceptions import InvalidSignature


def proves(public_key: Any, arguments: tuple[Any, ...]) -> bool:
    """Say whether a signature is by a key.

    Args:
        public_key: one of `cryptography`'s, of any kind.
        arguments: what the `verify` of its kind takes.
    """
    try:
        public_key.verify(*arguments)
    except InvalidSignature:
        return False
    return True
