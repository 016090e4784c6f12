"""Authorization servers that sign tokens for the whole world, as of 25 November 2026.

Anybody on the internet can obtain tokens from them that are signed with the same keys, so a registration must ask for
something that nobody else's token can carry. What that is differs, and each entry says where it is documented:

- An issuer is everybody's, unless it names one customer.
- An audience tells an organization's tokens apart where it must be registered, and says nothing where whoever asks for
  a token chooses it.
- A client ID does so only where the server itself writes it into `client_id`, `cid` or `appid`.

The table goes by host and not by path: it must not be got around by another spelling of the path. Where such a host
has a key set of one customer too, the same is asked for it. The table knows nothing of what other organizations have
registered, so nobody can learn from a refusal, or block anyone by a registration (M-06).

Not in the table, because their keys belong to one customer: Okta and Auth0 (a host of its own), Amazon Cognito (a path
per user pool), Azure AD B2C and Microsoft Entra External ID (a host of its own).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from watchword.outbound.address import LocationRefused, parse_location

if TYPE_CHECKING:
    from re import Pattern


class AudienceIs(Enum):
    """Who decides on the `aud` of a token."""

    REGISTERED = "registered"
    CHOSEN = "chosen"
    """Whoever asks for the token. An administrator may accept that knowingly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedServer:
    """One operator of such servers.

    Attributes:
        name: as people call it.
        hosts: lower-case and without a final dot.
        reason: whose tokens the keys sign; a whole sentence.
        remedy: what makes the tokens the organization's own; a whole sentence.
        audience: who decides on it.
        chosen: where whoever asks for a token does, what that means; a whole sentence.
        client_id: whether the server itself writes a claim that the Client ID is compared with.
        own_issuer: matches the issuers that belong to one customer alone, if there are any.
    """

    name: str
    hosts: frozenset[str]
    reason: str
    remedy: str
    audience: AudienceIs
    chosen: str = ""
    client_id: bool = False
    own_issuer: Pattern[str] | None = None


SHARED_SERVERS: Final = (
    SharedServer(
        name="Google",
        # The `jwks_uri` of https://accounts.google.com/.well-known/openid-configuration is on this host, and so are the
        # keys of Firebase and Identity Platform, whose issuer and audience name the project:
        # https://firebase.google.com/docs/auth/admin/verify-id-tokens
        # A service account, which everybody can have, gets tokens for any audience from the same issuer:
        # https://docs.cloud.google.com/sdk/gcloud/reference/auth/print-identity-token (--audiences).
        # Google writes no client_id, cid or appid, while every Firebase project may write claims of such names:
        # https://firebase.google.com/docs/auth/admin/custom-claims
        hosts=frozenset({"www.googleapis.com"}),
        reason="Google signs the tokens of all Google accounts with these keys, and names the same issuer.",
        remedy=(
            "Enter the Audience URI of your application, or the Issuer URI of your own Firebase or Identity Platform "
            "project (https://securetoken.google.com/ and the project ID)."
        ),
        audience=AudienceIs.CHOSEN,
        chosen=(
            "Anyone can create a Google service account, and service accounts choose the audience of their tokens: "
            "anyone who learns yours can call your API."
        ),
        own_issuer=re.compile(r"https://securetoken\.google\.com/[a-z][a-z0-9-]{4,28}[a-z0-9]"),
    ),
    SharedServer(
        name="Microsoft Entra ID",
        # https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-tokens: the keys below /common and
        # /organizations sign for all organizations, and so do those below the path of a single one; the issuer names
        # the directory by its ID. The national clouds are listed in
        # https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud. The directory of all
        # personal accounts is nobody's own: https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference
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
        reason="Microsoft Entra ID signs the tokens of all organizations with these keys.",
        remedy=(
            "Enter the Issuer URI of your directory, with its ID and not “common” or “organizations” "
            "(https://login.microsoftonline.com/{directory ID}/v2.0 or https://sts.windows.net/{directory ID}/), or "
            "the Audience URI or Client ID of your application."
        ),
        audience=AudienceIs.REGISTERED,
        client_id=True,
        own_issuer=re.compile(
            r"https://(?:login\.microsoftonline\.com|login\.microsoftonline\.us|login\.partner\.microsoftonline\.cn"
            r"|sts\.windows\.net|sts\.chinacloudapi\.cn)"
            r"/(?!9188040d-6c67-4c5b-b112-36a304b66dad)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/(?:v2\.0)?"
        ),
    ),
    SharedServer(
        name="GitHub Actions",
        # https://docs.github.com/enterprise-cloud@latest/actions/reference/security/oidc: a workflow sets the audience
        # by core.getIDToken(audience), no claim names a client, and an enterprise may have its slug in the issuer.
        hosts=frozenset({"token.actions.githubusercontent.com"}),
        reason="GitHub Actions signs the tokens of every repository's workflows with these keys.",
        remedy=(
            "Enter the Issuer URI of your enterprise (https://token.actions.githubusercontent.com/ and its name), if "
            "GitHub has given it one, or the Audience URI of your API."
        ),
        audience=AudienceIs.CHOSEN,
        chosen=(
            "A workflow in any repository chooses the audience of its token: anyone who learns yours can call your API."
        ),
        own_issuer=re.compile(
            r"https://token\.actions\.githubusercontent\.com/[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
        ),
    ),
    SharedServer(
        name="GitLab.com",
        # https://docs.gitlab.com/ci/secrets/id_token_authentication/: every job of every project sets the audience by
        # `id_tokens: aud`, the issuer is the instance, and no claim names a client. The keys are at
        # /oauth/discovery/keys and at /-/jwks.
        hosts=frozenset({"gitlab.com"}),
        reason="GitLab.com signs the tokens of every project's jobs with these keys, and names the same issuer.",
        remedy="Enter the Audience URI of your API, or use a GitLab of your own.",
        audience=AudienceIs.CHOSEN,
        chosen=(
            "A job in any GitLab project chooses the audience of its token: anyone who learns yours can call your API."
        ),
    ),
    SharedServer(
        name="Buildkite",
        # https://buildkite.com/docs/agent/cli/reference/oidc (--audience), and
        # https://buildkite.com/docs/apis/workload-identity-federation/buildkite-agents: all share one issuer.
        hosts=frozenset({"agent.buildkite.com"}),
        reason="Buildkite signs the tokens of every organization's jobs with these keys, and names the same issuer.",
        remedy="Enter the Audience URI of your API.",
        audience=AudienceIs.CHOSEN,
        chosen="Any organization's job chooses the audience of its token: anyone who learns yours can call your API.",
    ),
    SharedServer(
        name="HCP Terraform",
        # https://developer.hashicorp.com/terraform/cloud-docs/workspaces/dynamic-provider-credentials/manual-generation:
        # a workspace sets the audience by TFC_WORKLOAD_IDENTITY_AUDIENCE; the issuer is the host.
        hosts=frozenset({"app.terraform.io"}),
        reason="HCP Terraform signs the tokens of every organization's runs with these keys, and names one issuer.",
        remedy="Enter the Audience URI of your API.",
        audience=AudienceIs.CHOSEN,
        chosen="Any workspace chooses the audience of its token: anyone who learns yours can call your API.",
    ),
    SharedServer(
        name="Google Cloud Identity-Aware Proxy",
        # https://docs.cloud.google.com/iap/docs/signed-headers-howto: one issuer, and the audience names the project.
        hosts=frozenset({"www.gstatic.com"}),
        reason="Google signs what passes any Identity-Aware Proxy with these keys, and names the same issuer.",
        remedy="Enter the Audience URI, which names your project and service.",
        audience=AudienceIs.REGISTERED,
    ),
    SharedServer(
        name="Apple",
        # https://developer.apple.com/documentation/signinwithapple/verifying-a-user: one issuer, and the audience is
        # the identifier under which the application is registered.
        hosts=frozenset({"appleid.apple.com"}),
        reason="Apple signs the tokens of all applications with these keys, and names the same issuer.",
        remedy="Enter the Audience URI, which is the identifier of your application.",
        audience=AudienceIs.REGISTERED,
    ),
    SharedServer(
        name="Facebook",
        # https://developers.facebook.com/docs/facebook-login/limited-login/token/: one issuer; the audience is the app.
        hosts=frozenset({"www.facebook.com", "limited.facebook.com"}),
        reason="Facebook signs the tokens of all apps with these keys, and names the same issuer.",
        remedy="Enter the Audience URI, which is the ID of your app.",
        audience=AudienceIs.REGISTERED,
    ),
    SharedServer(
        name="LinkedIn",
        # https://learn.microsoft.com/linkedin/consumer/integrations/self-serve/sign-in-with-linkedin-v2: one issuer;
        # the audience is the client ID of the application.
        hosts=frozenset({"www.linkedin.com"}),
        reason="LinkedIn signs the tokens of all applications with these keys, and names the same issuer.",
        remedy="Enter the Audience URI, which is the client ID of your application.",
        audience=AudienceIs.REGISTERED,
    ),
)

_BY_HOST: Final = {host: shared for shared in SHARED_SERVERS for host in shared.hosts}


def shared_server_at(location: str) -> SharedServer | None:
    """Find the entry for a JWKS location as it was typed; None also for what is no location."""
    try:
        return shared_server(parse_location(location).host)
    except LocationRefused:
        return None


def shared_server(host: str) -> SharedServer | None:
    """Find the entry that a JWKS location's host belongs to; None for a host that is not known to be shared."""
    return _BY_HOST.get(host.lower().rstrip("."))
