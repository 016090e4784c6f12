"""A key that its publisher binds to one issuer: the member `issuer` of a JWK, which Entra ID writes.

One location of Entra ID publishes the keys of many directories, personal accounts among them. A key for one of them
must not verify the tokens of another: that is the shape of Storm-0558 (FL-03, A-21).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from watchword.core.characters import is_printable

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_ISSUER_LENGTH: Final = 512
"""Characters, as of a kid."""

_TENANT_ID: Final = "{tenantid}"
_TENANT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")
"""An id or a domain of a directory, and nothing that could change the URL around it."""

_OLDER_ISSUERS: Final = (
    ("https://login.microsoftonline.com/", "https://sts.windows.net/"),
    ("https://login.microsoftonline.us/", "https://sts.windows.net/"),
    ("https://login.partner.microsoftonline.cn/", "https://sts.chinacloudapi.cn/"),
)
"""Of the public cloud, the United States government's and China's: where issuers of version 2.0 begin, and those of
version 1.0, whose tokens are signed with the same keys."""

_VERSION_2: Final = "/v2.0"


class BindingRefused(Exception):
    """The member is there and says nothing that could be held to."""


def issuer_of(value: object) -> str | None:
    """The issuer that a key is bound to, None if it is bound to none.

    An issuer is a URI (RFC 7519 section 2, RFC 8414 section 2). A text that is none, such as the name of the issuer of
    a certificate, binds the key to nothing.

    Raises:
        BindingRefused: for a value that is no text, or not one that an issuer can have.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise BindingRefused
    if ":" not in value:
        return None
    if len(value) > MAX_ISSUER_LENGTH or not is_printable(value):
        raise BindingRefused
    return value


def is_met(issuer: str, claims: Mapping[str, object]) -> bool:
    """Say whether a token claims to be of the issuer that its key is bound to. Nothing else follows from its claims."""
    claimed = claims.get("iss")
    if _TENANT_ID in issuer:
        tenant = claims.get("tid")
        if not isinstance(tenant, str) or _TENANT.fullmatch(tenant) is None:
            return False
        issuer = issuer.replace(_TENANT_ID, tenant)
    return claimed == issuer or (claimed is not None and claimed == _older(issuer))


def _older(issuer: str) -> str | None:
    """The issuer of the same directory in tokens of version 1.0, None if it has none."""
    for begins, older in _OLDER_ISSUERS:
        tenant = issuer.removeprefix(begins).removesuffix(_VERSION_2)
        if issuer == f"{begins}{tenant}{_VERSION_2}" and _TENANT.fullmatch(tenant) is not None:
            return f"{older}{tenant}/"
    return None
