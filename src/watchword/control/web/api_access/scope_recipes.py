"""Where each product writes the scope that names an API role."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Recipe:
    """Attributes: `claim` is where the scope then stands in tokens; `sentence` says where to enter it."""

    product: str
    claim: str
    sentence: str


RECIPES: Final = (
    Recipe("Okta", "scp", "On the custom authorization server, add a scope of this name; the client requests it."),
    Recipe(
        "Entra ID",
        "roles",
        "On the API's app registration, create an app role for applications with this value; "
        "give the client this permission with admin consent.",
    ),
    Recipe(
        "PingFederate",
        "scp",
        "Add a scope of this name and allow the client to request it. In the access token manager, set Scope Claim "
        "Name to scp or scope.",
    ),
    Recipe(
        "Keycloak",
        "scope",
        "Create a client scope of this name with Include in token scope on; add it to the client as a default scope.",
    ),
    Recipe(
        "Auth0",
        "scope",
        "On the API, add a permission of this name; authorize the machine-to-machine application for it.",
    ),
    Recipe(
        "Cognito",
        "scope",
        "Its own scopes contain a slash, so a pre token generation trigger must add this one to the access token.",
    ),
)
