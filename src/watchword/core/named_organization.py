"""Finds the organization that a token names, if the request itself names none.

The token is not verified yet, so the name proves nothing: it only selects the keys that must verify the token. A token
that names another organization fails against that organization's keys. The issuer cannot select them: every
organization may register any issuer, so one customer's calls could count for another.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from watchword.core.decision import Reason
from watchword.core.trust import ORGANIZATION_ID

if TYPE_CHECKING:
    from watchword.core.claims import UnverifiedClaims

CLAIMS: Final = ("scope", "scp", "roles")
"""`scope` of RFC 8693 and RFC 9068, `scp` of Okta and Entra ID, `roles` of Entra ID's application permissions."""

_AFTER_CLOUD_NAME: Final = re.compile(f"({ORGANIZATION_ID})::[0-9A-Za-z]{{1,16}}")
"""The organization and the API role of `<cloud name>::<organization>::<API role>`."""


def organization_named(claims: UnverifiedClaims, cloud_name: str) -> str | Reason:
    """The one organization named in CLAIMS, each a text of words or a list of them.

    Words of other clouds, or of another form, are ignored. Nothing is normalised. A token may name the same
    organization several times, for instance once for each API role.
    """
    named = None
    begins = f"{cloud_name}::"
    for claim in CLAIMS:
        written = claims.get(claim)
        # Most tokens contain at most one such word, so a text without the cloud's name is not split.
        if isinstance(written, str):
            words = written.split(" ") if begins in written else []
        elif isinstance(written, list):
            words = [entry for entry in written if isinstance(entry, str)]
        else:
            continue
        for word in words:
            if not word.startswith(begins):
                continue
            found = _AFTER_CLOUD_NAME.fullmatch(word, len(begins))
            if found is None or found[1] == named:
                continue
            if named is not None:
                return Reason.ORGANIZATION_AMBIGUOUS
            named = found[1]
    return Reason.ORGANIZATION_NOT_NAMED if named is None else named
