"""Authorization servers that sign tokens for the whole world, as of November 2026.

A registration of one of these that checks neither audience nor issuer nor client would accept a token that anybody on
the internet can obtain for themselves. The table goes by host and not by path: it must not be got around by another
spelling of the path, and none of these hosts has a key set that belongs to one customer alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedServer:
    """One operator of such servers; `hosts` are lower-case and without a final dot."""

    name: str
    hosts: frozenset[str]


SHARED_SERVERS: Final = (
    SharedServer(
        name="Google",
        # The `jwks_uri` of https://accounts.google.com/.well-known/openid-configuration is on this host, and so are the
        # keys of Firebase: https://firebase.google.com/docs/auth/admin/verify-id-tokens
        hosts=frozenset({"www.googleapis.com"}),
    ),
    SharedServer(
        name="Microsoft Entra ID",
        # https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-tokens: the keys below /common and
        # /organizations sign for all organizations, and so do those below the path of a single one. The national
        # clouds are listed in https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud.
        hosts=frozenset(
            {
                "login.microsoftonline.com",
                "login.microsoft.com",
                "login.windows.net",
                "sts.windows.net",
                "login.microsoftonline.us",
                "login.partner.microsoftonline.cn",
                "login.chinacloudapi.cn",
            }
        ),
    ),
    SharedServer(
        name="GitHub Actions",
        # https://docs.github.com/actions/reference/security/oidc
        hosts=frozenset({"token.actions.githubusercontent.com"}),
    ),
    SharedServer(
        name="GitLab.com",
        # https://docs.gitlab.com/ci/secrets/id_token_authentication/: job tokens of every project, with the keys at
        # /oauth/discovery/keys and at /-/jwks.
        hosts=frozenset({"gitlab.com"}),
    ),
)

_BY_HOST: Final = {host: shared for shared in SHARED_SERVERS for host in shared.hosts}


def shared_server(host: str) -> SharedServer | None:
    """Find the entry that a JWKS location's host belongs to; None for a host that is not known to be shared."""
    return _BY_HOST.get(host.lower().rstrip("."))
