"""The header in which a verifier reports whose trust it cannot read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from watchword.core.trust import ORGANIZATION_ID

if TYPE_CHECKING:
    from collections.abc import Sequence

NOT_UNDERSTOOD_HEADER: Final = "watchword-not-understood"
"""A header of a verifier's request: how many organizations' trust it cannot read, and the first names."""

NOT_UNDERSTOOD_NAMED: Final = 100

_ORGANIZATION: Final = re.compile(ORGANIZATION_ID)


def encode_not_understood(organizations: Sequence[str]) -> str:
    """The value of NOT_UNDERSTOOD_HEADER, such as `2 acme globex`; `0` for none."""
    # Ids that this version does not know count too, but may not fit into a header.
    named = [name for name in organizations if _ORGANIZATION.fullmatch(name)]
    return " ".join((str(len(organizations)), *named[:NOT_UNDERSTOOD_NAMED]))
