"""Where well-known authorization servers publish their keys: for people who add their first one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Product:
    """Attributes: the `location` has its variable parts in braces; `documentation` is the maker's own page on it."""

    name: str
    location: str
    documentation: str


PRODUCTS: Final = (
    Product(
        "Okta",
        "https://{domain}/oauth2/{authorization server}/v1/keys",
        "https://developer.okta.com/docs/concepts/key-rotation/",
    ),
    Product(
        "Microsoft Entra ID",
        "https://login.microsoftonline.com/{directory}/discovery/v2.0/keys",
        "https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc",
    ),
    Product("PingFederate", "https://{host}/pf/JWKS", "https://docs.pingidentity.com/pingfederate/"),
    Product(
        "Auth0",
        "https://{domain}/.well-known/jwks.json",
        "https://auth0.com/docs/secure/tokens/json-web-tokens/json-web-key-sets",
    ),
    Product(
        "Keycloak",
        "https://{host}/realms/{realm}/protocol/openid-connect/certs",
        "https://www.keycloak.org/securing-apps/oidc-layers",
    ),
    Product(
        "Amazon Cognito",
        "https://cognito-idp.{region}.amazonaws.com/{user pool}/.well-known/jwks.json",
        "https://docs.aws.amazon.com/cognito/latest/developerguide/"
        "amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html",
    ),
)
