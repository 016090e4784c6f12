"""What is read from authorization server metadata, and what is not offered."""

from __future__ import annotations

import json
from typing import Any

import pytest

from watchword.jwks.metadata import (
    Fault,
    Metadata,
    UnusableMetadata,
    UrlRefused,
    check_issuer,
    metadata_locations,
    read_metadata,
)

ISSUER = "https://login.acme.example/oauth2/default"
KEYS = "https://login.acme.example/oauth2/default/v1/keys"


def document(**members: Any) -> bytes:
    return json.dumps({"issuer": ISSUER, "jwks_uri": KEYS, "token_endpoint": ISSUER, **members}).encode()


def test_only_issuer_and_jwks_uri_are_read() -> None:
    assert read_metadata(document(unknown=[{"d": "x"}])) == Metadata(issuer=ISSUER, jwks_location=KEYS)


@pytest.mark.parametrize(
    ("issuer", "jwks_uri", "wanted"),
    [
        # Auth0 and Entra ID v1 end their issuers with a slash, which tokens have too.
        ("https://acme.eu.auth0.example/", KEYS, ("https://acme.eu.auth0.example/", KEYS)),
        (ISSUER, "HTTPS://Login.Acme.Example:443/keys", (ISSUER, "https://login.acme.example/keys")),
        # Azure AD B2C names its policy in the query.
        (ISSUER, "https://acme.example/keys?p=b2c_1", (ISSUER, "https://acme.example/keys?p=b2c_1")),
        ("HTTPS://acme.example", KEYS, ("HTTPS://acme.example", KEYS)),
    ],
)
def test_issuer_is_unchanged_and_location_normalized(issuer: str, jwks_uri: str, wanted: tuple[str, str]) -> None:
    found = read_metadata(document(issuer=issuer, jwks_uri=jwks_uri))
    assert isinstance(found, Metadata)
    assert (found.issuer, found.jwks_location) == wanted


def test_byte_order_mark_is_accepted() -> None:
    assert isinstance(read_metadata(b"\xef\xbb\xbf" + document()), Metadata)


BAD: list[tuple[Any, Fault]] = [
    (None, Fault.MISSING),
    ("", Fault.MISSING),
    ([], Fault.MISSING),
    (7, Fault.NOT_TEXT),
    (True, Fault.NOT_TEXT),
    ([KEYS], Fault.NOT_TEXT),
    ({"url": KEYS}, Fault.NOT_TEXT),
    ("http://login.acme.example/keys", Fault.NOT_HTTPS),
    ("javascript:alert(1)", Fault.NOT_HTTPS),
    ("data:application/json,{}", Fault.NOT_HTTPS),
    ("file:///etc/passwd", Fault.NOT_HTTPS),
    ("//login.acme.example/keys", Fault.NOT_HTTPS),
    ("https:/login.acme.example/keys", Fault.NOT_HTTPS),
    (f"https://login.acme.example/{'x' * 2048}", Fault.TOO_LONG),
    ("https://login.acme.example/keys\r\nHost: x", Fault.INVISIBLE),
    ("https://login.acme.example/ke\tys", Fault.INVISIBLE),
    ("https://login.acme.example/\u202eyek", Fault.INVISIBLE),
    ("https://login.acme.example/\u200bkeys", Fault.INVISIBLE),
    ("https://login.acme.example/\x00", Fault.INVISIBLE),
    ("https://login.acme.example/keys ", Fault.INVISIBLE),
    (" https://login.acme.example/keys", Fault.INVISIBLE),
    # Entra ID's metadata of all tenants.
    ("https://login.acme.example/{tenantid}/v2.0", Fault.PLACEHOLDER),
    ("https://{domain}/oauth2", Fault.PLACEHOLDER),
    ("https://login.acme.example/#keys", Fault.FRAGMENT),
    ("https://user:password@login.acme.example/keys", Fault.NOT_FETCHED),
    ("https://login.acme.example\\@evil.example/", Fault.NOT_FETCHED),
    ("https://login.acme.example:99999/", Fault.NOT_FETCHED),
    ("https://2130706433/keys", Fault.NOT_FETCHED),
    ("https://", Fault.NOT_FETCHED),
    ("https://login.acme.example/<script>", Fault.NOT_FETCHED),
]


@pytest.mark.parametrize(("value", "fault"), BAD, ids=lambda each: repr(each)[:40])
@pytest.mark.parametrize("member", ["issuer", "jwks_uri"])
def test_other_urls_are_not_offered_or_repeated(member: str, value: Any, fault: Fault) -> None:
    found = read_metadata(document(**{member: value}))
    assert found == UnusableMetadata(member, fault)
    assert found.sentence == f"The {member} in the metadata {fault.predicate}."


def test_issuer_with_a_query_is_refused() -> None:
    assert read_metadata(document(issuer=f"{ISSUER}?tenant=acme")) == UnusableMetadata("issuer", Fault.QUERY)


def test_metadata_of_a_protected_resource_is_refused() -> None:
    resource = {"resource": "https://api.example", "jwks_uri": KEYS, "authorization_servers": [ISSUER]}
    assert read_metadata(json.dumps(resource).encode()) == UnusableMetadata("issuer", Fault.MISSING)


@pytest.mark.parametrize("octets", [b"", b"[]", b"null", b"<html>", b'{"issuer":1,"issuer":2}', b"{" * 5000, b"\xff"])
def test_invalid_json_is_no_metadata(octets: bytes) -> None:
    assert read_metadata(octets) is None


@pytest.mark.parametrize(
    ("issuer", "appended", "inserted"),
    [
        ("https://acme.example", "", ""),
        ("https://acme.example/", "", ""),
        ("https://acme.example/realms/prod", "/realms/prod", "/realms/prod"),
        ("https://acme.example/realms/prod/", "/realms/prod", "/realms/prod"),
    ],
)
def test_metadata_locations_follow_both_specifications(issuer: str, appended: str, inserted: str) -> None:
    assert metadata_locations(issuer) == (
        f"https://acme.example{appended}/.well-known/openid-configuration",
        f"https://acme.example/.well-known/oauth-authorization-server{inserted}",
    )


def test_metadata_location_keeps_the_issuers_port() -> None:
    assert metadata_locations("https://acme.example:8443/a")[0].startswith("https://acme.example:8443/a/.well-known/")


def test_invalid_issuer_has_no_metadata_location() -> None:
    with pytest.raises(UrlRefused):
        metadata_locations("https://acme.example/?p=1")
    with pytest.raises(UrlRefused):
        check_issuer("http://acme.example/")
    assert check_issuer("https://acme.example/") == "https://acme.example/"


def test_metadata_must_be_at_its_issuers_location() -> None:
    found = Metadata(issuer=ISSUER, jwks_location=KEYS)
    assert found.stands_at(f"{ISSUER}/.well-known/openid-configuration")
    assert found.stands_at("https://LOGIN.acme.example/.well-known/oauth-authorization-server/oauth2/default")
    assert not found.stands_at("https://login.evil.example/oauth2/default/.well-known/openid-configuration")
    assert not found.stands_at("https://login.acme.example/.well-known/openid-configuration")
