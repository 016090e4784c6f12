"""Keys that are bound to one issuer by the member `issuer` of their JWK, which Entra ID writes.

One location of Entra ID publishes the keys of many directories, including personal accounts. A key of one directory
must not verify the tokens of another, as in the Storm-0558 attack (FL-03, A-21).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from watchword.core.characters import is_printable

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_ISSUER_LENGTH: Final = 512
"""Characters, like a kid."""

_TENANT_ID: Final = "{tenantid}"
_TENANT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")
"""The id or domain of a directory, without characters that could change the URL around it."""

_OLDER_ISSUERS: Final = (
    ("https://login.microsoftonline.com/", "https://sts.windows.net/"),
    ("https://login.microsoftonline.us/", "https://sts.windows.net/"),
    ("https://login.partner.microsoftonline.cn/", "https://sts.chinacloudapi.cn/"),
)
"""For the public cloud, the United States government's and China's: the prefix of version 2.0 issuers, and of version
1.0 issuers, whose tokens are signed with the same keys."""

_VERSION_2: Final = "/v2.0"


class BindingRefused(Exception):
    """The member `issuer` is present, but its value cannot be an issuer."""


def issuer_of(value: object) -> str | None:
    """The issuer that a key is bound to; None if it is not bound.

    An issuer is a URI (RFC 7519 section 2, RFC 8414 section 2). Another text, such as the name of a certificate's
    issuer, does not bind the key.

    Raises:
        BindingRefused: the value is not a text, or cannot be an issuer.
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
    """Whether a token claims to come from the issuer that its key is bound to. Its claims prove nothing else."""
    claimed = claims.get("iss")
    if _TENANT_ID in issuer:
        tenant = claims.get("tid")
        if not isinstance(tenant, str) or _TENANT.fullmatch(tenant) is None:
            return False
        issuer = issuer.replace(_TENANT_ID, tenant)
    return claimed == issuer or (claimed is not None and claimed == _older(issuer))


def _older(issuer: str) -> str | None:
    """The issuer of the same directory in tokens of version 1.0; None if there is none."""
    for begins, older in _OLDER_ISSUERS:
        tenant = issuer.removeprefix(begins).removesuffix(_VERSION_2)
        if issuer == f"{begins}{tenant}{_VERSION_2}" and _TENANT.fullmatch(tenant) is not None:
            return f"{older}{tenant}/"
    return None
