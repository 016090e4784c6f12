"""The organization in the host or path that Traefik hands over, and every other spelling of both."""

from __future__ import annotations

import pytest

from watchword.settings.load import load_verifier_settings
from watchword.verifier import http_contract as wire
from watchword.verifier.traefik_routing import TraefikRouting, traefik_routing

BY_HOST = TraefikRouting("host", "api.example")
BY_PATH = TraefikRouting("path", None)
ACME = "/verify/traefik/acme"


def test_each_way_has_its_path_and_reads_one_header() -> None:
    assert BY_HOST.header == b"x-forwarded-host"
    assert set(BY_HOST.paths) == {"/verify-by-host/traefik", "/.well-known/oauth-protected-resource"}
    assert BY_PATH.header == b"x-forwarded-uri"
    assert set(BY_PATH.paths) == {"/verify-by-path/traefik"}


def path_of(routing: TraefikRouting, *forwarded: str) -> str | wire.Response:
    return routing.path_of(next(iter(routing.paths)), forwarded)


def test_by_host_the_document_is_the_organizations_too() -> None:
    well_known = "/.well-known/oauth-protected-resource"
    assert BY_HOST.path_of(well_known, ["acme.api.example"]) == f"{well_known}/acme"
    assert BY_HOST.path_of(well_known, ["api.example"]) is wire.NO_ORGANIZATION


def test_only_the_settings_allow_it() -> None:
    assert traefik_routing(load_verifier_settings()) is None
    assert traefik_routing(load_verifier_settings(api_domain="api.example")) is None
    by_host = traefik_routing(load_verifier_settings(traefik_routing="host", api_domain="api.example"))
    by_path = traefik_routing(load_verifier_settings(traefik_routing="path"))
    assert by_host is not None
    assert by_path is not None
    assert path_of(by_host, "acme.api.example") == path_of(by_path, "/o/acme") == ACME


@pytest.mark.parametrize("routing", [BY_HOST, BY_PATH], ids=["host", "path"])
@pytest.mark.parametrize("values", [[], ["acme.api.example"] * 2, ["/o/acme", "/o/acme"], ["acme.api.example", ""]])
def test_header_that_is_missing_or_repeated_is_refused(routing: TraefikRouting, values: list[str]) -> None:
    assert path_of(routing, *values) is wire.FORWARDED_AMBIGUOUS


@pytest.mark.parametrize(
    "host", ["acme.api.example", "ACME.api.example", "Acme.Api.Example", "acme.api.example:443", "acme.api.example:8"]
)
def test_host_names_the_organization_in_any_case_and_with_a_port(host: str) -> None:
    assert path_of(BY_HOST, host) == ACME


HOSTS = [
    "",
    "api.example",
    ".api.example",
    "-.api.example",
    "a.api.example",
    "9acme.api.example",
    "acme-.api.example",
    "-acme.api.example",
    f"{'a' * 33}.api.example",
    "acme.globex.api.example",
    "acme.api.example.",
    "acme.api.example.:443",
    "acme.api.example:",
    "acme.api.example:123456",
    "acme.api.example:http",
    "acme.api.example:80:80",
    "acme.api.example:\u0661",
    "acme.api.example ",
    " acme.api.example",
    "acme.api.example\n",
    "acme.api.example,globex.api.example",
    "acme.api.example, globex.api.example",
    "globex.api.example@acme.api.example",
    "acme@globex.api.example",
    "acme.api.example/",
    "acme.api.example/globex.api.example",
    "acme.api.example#.globex.api.example",
    "acme.api.example%00",
    "%61cme.api.example",
    "acme%2eapi.example",
    "acmeXapiXexample",
    "acme.apiXexample",
    "acme.xapi.example",
    "acme_.api.example",
    "acme..api.example",
    "acme.api.example.evil.example",
    "evil.example",
    "[::1]",
    "127.0.0.1",
    # Letters of other scripts, and those that become ASCII when lower-cased.
    "\u0430cme.api.example",
    "\u212aey.api.example",
    "ac\u017fme.api.example",
    "\uff41cme.api.example",
    "acme\u3002api.example",
    "acme.api.ex\u0430mple",
    "http://acme.api.example",
]


@pytest.mark.parametrize("host", HOSTS)
def test_every_other_host_names_no_organization(host: str) -> None:
    assert path_of(BY_HOST, host) is wire.NO_ORGANIZATION


def test_host_below_localhost_and_no_characters_of_the_domain_are_patterns() -> None:
    routing = TraefikRouting("host", "localhost")
    assert path_of(routing, "acme.localhost:8088") == ACME
    assert path_of(TraefikRouting("host", "a.b"), "acme.aXb") is wire.NO_ORGANIZATION


@pytest.mark.parametrize(
    "uri",
    [
        "/o/acme",
        "/o/acme/",
        "/o/acme?x",
        "/o/acme?x=/o/globex/../",
        "/o/acme/orders?next=..%2f..%2f",
        "/o/acme/orders/1",
        "/o/acme/x//o/globex",
        "/o/acme/.well-known/x",
        "/o/acme/..x/.../...x/x../x./.x",
        "/o/acme/a%2fb",
        "/o/acme/%25",
        "/o/acme/caf%C3%A9",
        "/o/acme/%",
        "/o/acme/;x",
        "/o/acme/x;..x",
    ],
)
def test_path_names_the_organization(uri: str) -> None:
    assert path_of(BY_PATH, uri) == ACME


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "/",
        "*",
        "acme",
        "o/acme",
        "/o",
        "/o/",
        "/o//acme",
        "//o/acme",
        "/x/o/acme",
        "/O/acme/",
        "/o/ACME/",
        "/o/Acme",
        "/o/a",
        "/o/-/x",
        "/o/acme-/x",
        "/o/9acme/x",
        f"/o/{'a' * 33}/x",
        "/o/acme;x/y",
        "/o/acme,globex/",
        "/o/acme%2fx",
        "/o/acme%2f",
        "/o/acme%00/x",
        "/o/acme#x",
        "/o/acme x",
        "/o/%61cme/x",
        "/%6f/acme/x",
        "/o%2facme/x",
        "/o/acme.api.example/",
        "/o/\u0430cme/x",
        "/o/acme\u2044x",
        "/o/acme/\xc0\xae\xc0\xae/globex",
        "/o/acme/\xff",
        "http://api.example/o/acme/x",
        "//api.example/o/acme/x",
        "/?/o/acme",
    ],
)
def test_every_other_path_names_no_organization(uri: str) -> None:
    assert path_of(BY_PATH, uri) is wire.NO_ORGANIZATION


SPELLINGS_OF_DOTS = ["..", "%2e%2e", "%2E%2e", ".%2e", "%2e.", "%252e%252e", "%25252e.", ".", "%2e", "%252E"]
ENDS = ["", "/globex/x", ";/globex/x", ";x=1/y", "%2fglobex", "%2Fglobex/x", "%252f", "%3b/x", "%00/x", "%20/x", "%23"]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("dots", SPELLINGS_OF_DOTS)
@pytest.mark.parametrize("slash", ["/", "%2f", "%2F", "%252f", "//"])
def test_dot_segments_are_refused_in_every_spelling(slash: str, dots: str, end: str) -> None:
    for begin in ("/o/acme", "/o/acme/x", "/o", ""):
        assert path_of(BY_PATH, f"{begin}{slash}{dots}{end}") is wire.PATH_AMBIGUOUS
    assert path_of(BY_PATH, f"/o/acme/x{slash}{dots}?x") is wire.PATH_AMBIGUOUS


@pytest.mark.parametrize("backslash", ["\\", "%5c", "%5C", "%255c", "%25255C"])
@pytest.mark.parametrize(
    "path", ["/o/acme/..{}globex/x", "/o/acme{}..{}globex", "/o/acme/x{}", "{}o{}acme", "/o/acme{}"]
)
def test_backslashes_are_refused_in_every_spelling(path: str, backslash: str) -> None:
    assert path_of(BY_PATH, path.replace("{}", backslash)) is wire.PATH_AMBIGUOUS


@pytest.mark.parametrize("odd", ["%c0%ae%c0%ae", "%C1%9C", "%u002e%u002e", "%25c0%25ae"])
def test_spellings_that_are_no_utf_8_are_refused(odd: str) -> None:
    assert path_of(BY_PATH, f"/o/acme/{odd}/globex") is wire.PATH_AMBIGUOUS


def test_two_slashes_behind_the_prefix_are_refused() -> None:
    for path in ("/o/acme//globex.api.example/x", "/o/acme//", "/o/acme///x", "/o/-//x"):
        assert path_of(BY_PATH, path) is wire.PATH_AMBIGUOUS
    for path in ("/o/acme/x//y", "/o/acme/o/acme//x", "/o/acme/?//"):
        assert path_of(BY_PATH, path) == ACME


@pytest.mark.parametrize("piece", ["%25", "/.", "%2e", "/%252e", "a.api.example", "..%25"])
def test_long_values_take_no_longer_than_their_length(piece: str) -> None:
    """The headers of a request have 64 KiB; a pattern that tries again for each character would take minutes."""
    for routing in (BY_HOST, BY_PATH):
        for end in ("", "x", "/o/acme"):
            assert path_of(routing, piece * 20_000 + end) in (wire.NO_ORGANIZATION, wire.PATH_AMBIGUOUS)
