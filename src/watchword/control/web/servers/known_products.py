"""Where well-known authorization servers show the values that a registration needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One product and what it calls each value.

    Attributes:
        location, issuer: with their variable parts in braces; exactly as in tokens, also the slash at the end.
        issuer_note: where the issuer is another one; "" if it never is.
        audience, client_id: where the values stand, or why to leave the field blank.
        guide: our page about it, in docs/authorization-servers.
        documentation: the maker's own page.
    """

    name: str
    location: str
    issuer: str
    issuer_note: str = ""
    audience: str
    client_id: str
    guide: str
    documentation: str


PRODUCTS: Final = (
    Product(
        name="Okta",
        location="https://{domain}/oauth2/{authorization server}/v1/keys",
        issuer="https://{domain}/oauth2/{authorization server}",
        issuer_note="Shown under Security > API > Authorization Servers. No trailing slash.",
        audience="The Audience of the authorization server there, such as api://default.",
        client_id="The Client ID of the application (claim cid).",
        guide="okta.md",
        documentation="https://developer.okta.com/docs/concepts/auth-servers/",
    ),
    Product(
        name="Microsoft Entra ID",
        location="https://login.microsoftonline.com/{directory}/discovery/v2.0/keys",
        issuer="https://login.microsoftonline.com/{directory}/v2.0",
        issuer_note="Tokens of version 1.0: https://sts.windows.net/{directory}/ with a trailing slash. The API's "
        "manifest decides the version (requestedAccessTokenVersion).",
        audience="The Application (client) ID of the API; for tokens of version 1.0 its Application ID URI, such as "
        "api://orders.",
        client_id="Tokens of version 2.0 name the client only in azp: leave it blank. Version 1.0: the Application "
        "(client) ID of the client (claim appid).",
        guide="entra-id.md",
        documentation="https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc",
    ),
    Product(
        name="PingFederate",
        location="https://{host}/pf/JWKS",
        issuer="https://{host}",
        issuer_note="The Issuer Claim Value of the access token manager. If it has a JWKS Endpoint Path of its own, "
        "the JWKS location is https://{host}/ext/{path}.",
        audience="The Audience Claim Value of the access token manager.",
        client_id="The ID of the client, if the Client ID Claim Name of the access token manager is client_id.",
        guide="pingfederate.md",
        documentation="https://docs.pingidentity.com/pingfederate/",
    ),
    Product(
        name="Auth0",
        location="https://{domain}/.well-known/jwks.json",
        issuer="https://{domain}/",
        issuer_note="With a trailing slash.",
        audience="The Identifier of the API, such as https://api.example.com.",
        client_id="The Client ID of the application, if the JWT Profile of the API is RFC 9068. Otherwise tokens name "
        "the client only in azp: leave it blank.",
        guide="auth0.md",
        documentation="https://auth0.com/docs/secure/tokens/json-web-tokens/json-web-key-sets",
    ),
    Product(
        name="Keycloak",
        location="https://{host}/realms/{realm}/protocol/openid-connect/certs",
        issuer="https://{host}/realms/{realm}",
        issuer_note="No trailing slash. Before Keycloak 17, /auth stands before /realms.",
        audience="What an Audience mapper of the client's scopes adds, such as orders-api. Without one it is account, "
        "or missing.",
        client_id="Tokens name the client only in azp: leave it blank. For service accounts: the Client ID (claim "
        "client_id).",
        guide="keycloak.md",
        documentation="https://www.keycloak.org/securing-apps/oidc-layers",
    ),
    Product(
        name="Amazon Cognito",
        location="https://cognito-idp.{region}.amazonaws.com/{user pool}/.well-known/jwks.json",
        issuer="https://cognito-idp.{region}.amazonaws.com/{user pool}",
        issuer_note="No trailing slash.",
        audience="Access tokens have no aud claim by default: leave it blank, and enter the Client ID.",
        client_id="The Client ID of the app client (claim client_id).",
        guide="cognito.md",
        documentation="https://docs.aws.amazon.com/cognito/latest/developerguide/"
        "amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html",
    ),
)
