"""docs/authorization-servers: what each page tells administrators to register accepts that product's tokens, and each
mistake that a page names is refused for the reason that the page gives.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from kit import acme, forge
from watchword.core.decision import Reason
from watchword.core.trust import ANY
from watchword.core.verify import verify

PAGES: Final = Path(__file__).resolve().parents[2] / "docs" / "authorization-servers"
KEY: Final = forge.rsa_key("k1")
CODES: Final = {reason.code for reason in Reason}

DIRECTORY: Final = "72f988bf-86f1-41af-91ab-2d7cd011db47"
ENTRA_V1: Final = {"iss": f"https://sts.windows.net/{DIRECTORY}/", "aud": "api://orders", "ver": "1.0"}
POOL: Final = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI"

REGISTERED: Final[dict[str, tuple[str, str | None, str | None]]] = {
    # Issuer URI, Audience URI, Client ID.
    "okta": ("https://acme.okta.com/oauth2/default", "api://default", "0oa1"),
    "entra-id": (f"https://login.microsoftonline.com/{DIRECTORY}/v2.0", "6e74172b-be56", None),
    "pingfederate": ("https://sso.acme.example", "https://api.example", "acme-batch"),
    "auth0": ("https://acme.eu.auth0.com/", "https://api.example", None),
    "keycloak": ("https://sso.acme.example/realms/acme", "orders-api", "acme-batch"),
    "cognito": (POOL, None, "57cbishk4j"),
}
CLAIMS: Final[dict[str, dict[str, Any]]] = {
    "okta": {"ver": 1, "cid": "0oa1", "scp": ["orders.read"], "sub": "0oa1"},
    "entra-id": {"ver": "2.0", "azp": "75dbe77f", "tid": DIRECTORY, "roles": ["Orders.Read"]},
    "pingfederate": {"client_id": "acme-batch", "scope": "orders.read"},
    "auth0": {"azp": "kW1x", "gty": "client-credentials", "sub": "kW1x@clients"},
    "keycloak": {"azp": "acme-batch", "client_id": "acme-batch", "typ": "Bearer"},
    "cognito": {"client_id": "57cbishk4j", "token_use": "access", "scope": "orders/read"},
}
AT_HASH: Final = {"at_hash": "jiJmTBHd0nKPKx7iVHKlNw"}
OPAQUE: Final = "v1.M2Y0ZDYxNzgtMzUxYi00"
ENCRYPTED: Final = ".".join(["e30"] * 5)
MAC: Final = "HS512"


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A token that differs from the product's good one.

    Attributes:
        row: begins the row of the page's table.
        claims, header: replaced; a value of `...` is left out.
        registered: what is registered otherwise, by the name of `ServerTrust`.
        token: sent instead; `MAC` stands for one that is signed with a shared secret.
        published: a second key of the key set.
    """

    row: str
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    registered: dict[str, Any] = field(default_factory=dict)
    token: str = ""
    signature: bytes | None = None
    scheme: str = "Bearer"
    published: forge.Key | None = None
    expired: bool = False


OTHER_KEY: Final = {"kid": "another"}
MISTAKES: Final[dict[str, tuple[Mistake, ...]]] = {
    "README": (
        Mistake(row="an opaque token", token=OPAQUE),
        Mistake(row="an opaque token", token=ENCRYPTED),
        Mistake(row="a token that is signed with a shared secret", token=MAC),
        Mistake(row="the scheme is `Token`", scheme="Token"),
        Mistake(row="the scheme is `Token`", scheme="DPoP"),
        Mistake(row="a token that is bound to a key", claims={"cnf": {"jkt": "0ZcOCORZNYy"}}),
        Mistake(row="the token of another organization", header=OTHER_KEY),
        Mistake(row="an old token", expired=True),
        Mistake(
            row="a token without the API role",
            claims={"scope": "example-cloud::acme::Billing"},
            registered={"required_role": "Orders"},
        ),
    ),
    "okta": (
        Mistake(
            row="a token of the org authorization server",
            header={"typ": "application/okta-internal-at+jwt"},
            claims={"iss": "https://acme.okta.com", "aud": "https://acme.okta.com"},
        ),
        Mistake(row="a token of another custom server", header=OTHER_KEY),
        Mistake(row="the issuer is *Dynamic*", claims={"iss": "https://id.acme.example/oauth2/default"}),
        Mistake(row="Issuer URI with a trailing slash", registered={"issuer": "https://acme.okta.com/oauth2/default/"}),
        Mistake(row="the ID token was sent", claims={"aud": "0oa1", "cid": ..., "scp": ...}),
        Mistake(row="the ID token was sent", claims={"aud": "0oa1", "cid": ..., **AT_HASH}),
        Mistake(row="another application", claims={"cid": "0oa2"}),
        Mistake(row="*Require Demonstrating", claims={"cnf": {"jkt": "0ZcOCORZNYy"}}),
    ),
    "entra-id": (
        Mistake(
            row="a token for Microsoft Graph",
            header={"nonce": "AQABAAAAAAD"},
            claims={"aud": "https://graph.microsoft.com"},
            signature=b"\x01" * 256,
        ),
        Mistake(row="a token of version 1.0 where 2.0", claims=ENTRA_V1),
        Mistake(
            row="version 1.0 without the slash",
            claims=ENTRA_V1,
            registered={"issuer": f"https://sts.windows.net/{DIRECTORY}", "audience": "api://orders"},
        ),
        Mistake(row="version 2.0 and the Application ID URI", registered={"audience": "api://orders"}),
        Mistake(row="version 2.0 and a Client ID", registered={"client_id": "75dbe77f"}),
        Mistake(
            row="version 1.0 and another client",
            claims={**ENTRA_V1, "appid": "75dbe77f"},
            registered={"issuer": ENTRA_V1["iss"], "audience": "api://orders", "client_id": "11111111"},
        ),
        Mistake(row="the ID token was sent", claims={"aud": "75dbe77f", "azp": ..., "roles": ...}),
        Mistake(row="the ID token was sent", claims={"aud": "75dbe77f", **AT_HASH}),
        Mistake(row="a token of another directory", claims={"iss": "https://login.microsoftonline.com/9188040d/v2.0"}),
        Mistake(row="the API uses claims mapping", header=OTHER_KEY),
    ),
    "pingfederate": (
        Mistake(row="the ATM issues reference tokens", token=OPAQUE),
        Mistake(row="the ATM encrypts", token=ENCRYPTED),
        Mistake(row="*JWS Algorithm* is an HMAC", token=MAC),
        Mistake(row="the JWKS location is `/pf/JWKS`", header=OTHER_KEY),
        Mistake(row="*Include Key ID Header", header={"kid": ...}, published=forge.rsa_key("k2")),
        Mistake(row="*Issuer Claim Value* is blank", claims={"iss": ...}),
        Mistake(row="*Issuer Claim Value* is blank", registered={"issuer": "https://sso.acme.example:9031"}),
        Mistake(row="*Audience Claim Value* is blank", claims={"aud": ...}),
        Mistake(row="*Client ID Claim Name* is blank", claims={"client_id": ...}),
        Mistake(row="*Type Header Value*", header={"typ": "access"}),
    ),
    "auth0": (
        Mistake(row="a user signed in, and the request had no", token=OPAQUE),
        Mistake(row="a user signed in, and the request had no", token=ENCRYPTED),
        Mistake(row="*JSON Web Encryption* is on", token=ENCRYPTED),
        Mistake(row="the API signs with HS256", token=MAC),
        Mistake(row="Issuer URI without its slash", registered={"issuer": "https://acme.eu.auth0.com"}),
        Mistake(row="a custom domain", claims={"iss": "https://login.acme.example/"}),
        Mistake(row="a token for the Management API", claims={"aud": "https://acme.eu.auth0.com/api/v2/"}),
        Mistake(row="the ID token was sent", claims={"aud": "kW1x", "azp": ...}),
        Mistake(row="the ID token was sent", claims={"aud": "kW1x", "azp": ..., **AT_HASH}),
        Mistake(row="the profile Auth0 and a Client ID", registered={"client_id": "kW1x"}),
        Mistake(
            row="another application",
            header={"typ": "at+jwt"},
            claims={"azp": ..., "client_id": "kW1x"},
            registered={"client_id": "other"},
        ),
    ),
    "keycloak": (
        Mistake(row="no Audience mapper: `aud` is missing", claims={"aud": ...}),
        Mistake(row="no Audience mapper: `aud` is `account`", claims={"aud": "account"}),
        Mistake(row="*Always use lightweight", claims={"aud": ..., "scope": ...}),
        Mistake(row="a Client ID is set, and a person's token", claims={"client_id": ...}),
        Mistake(row="another client", claims={"client_id": "other"}),
        Mistake(row="the client reached Keycloak by another", claims={"iss": "http://keycloak:8080/realms/acme"}),
        Mistake(row="another realm's token", header=OTHER_KEY),
        Mistake(row="the refresh token was sent", token=MAC),
        Mistake(row="the ID token was sent", claims={"aud": "acme-batch", "client_id": ...}),
        Mistake(row="the ID token was sent", claims={"aud": "acme-batch", "client_id": ..., **AT_HASH}),
        Mistake(row="the client sent a DPoP proof", claims={"cnf": {"jkt": "0ZcOCORZNYy"}}),
        Mistake(row="the client sent a DPoP proof", claims={"cnf": {"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsX"}}),
    ),
    "cognito": (
        Mistake(row="an Audience URI is set", registered={"audience": "https://api.example"}),
        Mistake(row="the ID token was sent", claims={"aud": "57cbishk4j", "client_id": ..., "token_use": "id"}),
        Mistake(row="the ID token was sent", claims={"aud": "57cbishk4j", "client_id": ..., **AT_HASH}),
        Mistake(row="another app client", claims={"client_id": "other"}),
        Mistake(
            row="the Issuer URI is the domain",
            registered={"issuer": "https://acme.auth.eu-central-1.amazoncognito.com"},
        ),
        Mistake(row="another user pool", header=OTHER_KEY),
        Mistake(row="the refresh token was sent", token=ENCRYPTED),
    ),
}


def rows(page: str) -> list[tuple[str, set[str]]]:
    """The first column of the mistakes' table, and the reasons of the second one."""
    table = (PAGES / f"{page}.md").read_text().partition("| what happened |")[2].partition("\n\n")[0]
    cells = [line.split(" | ") for line in table.splitlines()[2:]]
    return [(row[0].removeprefix("| "), set(re.findall(r"`(\w+)`", row[1]))) for row in cells]


def reason_of(page: str, mistake: Mistake) -> Reason | None:
    product = "pingfederate" if page == "README" else page
    issuer, audience, client_id = REGISTERED[product]
    keys = acme.keys(KEY, mistake.published) if mistake.published else acme.keys(KEY)
    good = {"issuer": issuer, "audience": audience or ANY, "client_id": client_id or ANY, "keys": keys}
    trust = acme.trust(server=acme.server(**{**good, **mistake.registered}))
    claims = {"iss": issuer, "aud": audience or ..., "client_id": ..., "scope": ..., **CLAIMS[product]}
    token = mistake.token or forge.token(
        KEY, "RS256", header_changes=mistake.header, signature=mistake.signature, **{**claims, **mistake.claims}
    )
    if token == MAC:
        token = forge.hmac_token(b"a secret that client and server share", MAC)
    now = forge.NOW + 3_600 * mistake.expired
    authorization = [f"{mistake.scheme} {token}"]
    return acme.reason(verify(authorization, trust, now=now, snapshot_good_until=now + 60, cloud_name="example-cloud"))


def test_there_is_a_case_for_each_page() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} == set(MISTAKES)


@pytest.mark.parametrize("page", REGISTERED)
def test_what_a_page_registers_accepts_the_products_tokens(page: str) -> None:
    assert reason_of(page, Mistake(row="")) is None


@pytest.mark.parametrize("page", MISTAKES)
def test_each_mistake_is_refused_for_the_reason_on_the_page(page: str) -> None:
    tried: set[str] = set()
    for row, documented in rows(page):
        cases = [mistake for mistake in MISTAKES[page] if row.startswith(mistake.row)]
        assert {getattr(reason_of(page, mistake), "code", None) for mistake in cases} == documented, row
        tried |= {mistake.row for mistake in cases}
    assert tried == {mistake.row for mistake in MISTAKES[page]}


@pytest.mark.parametrize("page", MISTAKES)
def test_pages_name_only_reasons_that_exist(page: str) -> None:
    text = (PAGES / f"{page}.md").read_text()
    like_reasons = re.findall(r"`([a-z]+_(?:malformed|accepted|mismatch|missing|ambiguous|invalid|key|bound))`", text)
    assert set(like_reasons) <= CODES
