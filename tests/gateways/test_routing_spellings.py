"""One gateway for all organizations: hosts and paths that are spelled to name two of them.

For every request: if the API gets it, then its token is one of the organization that
X-Auth-Organization names, and host or path that the API sees name no other one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kit.routed import organization_of, token_of

if TYPE_CHECKING:
    from kit.client import Answer
    from kit.gateways import Site

pytestmark = pytest.mark.enable_socket


def seen_host(answer: Answer) -> str:
    (host,) = (value for name, value in answer.json()["headers"] if name == "host")
    return str(host).lower()


HOSTS = (
    "ACME.api.example",
    "acme.API.Example",
    "acme.api.example.",
    "acme.api.example..",
    "-.api.example",
    ".api.example",
    "api.example",
    "x.acme.api.example",
    "acme.globex.api.example",
    "globex.acme.api.example",
    "acmeapi.example",
    "acme.apiXexample",
    "acme.api.example.evil.example",
    "acme.api.example,globex.api.example",
    "acme.api.example globex.api.example",
    "acme@globex.api.example",
    "acme.api.example@globex.api.example",
    "acme.api.example/globex",
    "acme.api.example#.api.example",
    "acme.api.example?.api.example",
    "acme/globex.api.example",
    "acme%2fglobex.api.example",
    "%61cme.api.example",
    "acme%2eapi.example",
    "acme%00.api.example",
    "acme\\globex.api.example",
    "acme_.api.example",
    "acme;globex.api.example",
    "xn--acme-.api.example",
    "\xe0cme.api.example",
    "..api.example",
    "../globex.api.example",
    "[::1]",
    "127.0.0.1",
    "",
)


@pytest.mark.parametrize("port", ["", ":{port}", ":80", ":", ":x"])
def test_host_spellings_reach_no_other_organization(by_host: Site, port: str) -> None:
    for host in (*HOSTS, "acme.api.example", "globex.api.example"):
        for organization in ("acme", "globex"):
            sent = host + port.format(port=by_host.port)
            answer = by_host.send_target(
                f"Authorization: Bearer {token_of(organization)}", target="/api/orders", host=sent
            )
            if answer.status == 200:
                assert organization_of(answer) == organization, (sent, organization)
                assert seen_host(answer).partition(".")[0] == organization, (sent, seen_host(answer))
            else:
                assert 300 <= answer.status < 500, (sent, answer.status)


def test_two_hosts_are_refused_or_agree(by_host: Site) -> None:
    for first, second in (("acme", "globex"), ("globex", "acme")):
        for organization in ("acme", "globex"):
            bearer = f"Authorization: Bearer {token_of(organization)}"
            for lines, target in (
                ((bearer, f"Host: {by_host.host(second)}"), "/api/orders"),
                ((bearer,), f"http://{by_host.host(second)}/api/orders"),
            ):
                answer = by_host.send_target(*lines, target=target, host=by_host.host(first))
                if answer.status == 200:
                    assert organization_of(answer) == organization
                    assert seen_host(answer).partition(".")[0] == organization, (first, second, target)


DOTS = (
    "..",
    "%2e%2e",
    "%2E.",
    ".%2e",
    ".",
    "%2e",
    "..;",
    "..;x=y",
    "..%3b",
    "..%00",
    "..%20",
    "%252e%252e",
    "%252e.",
    "..%252f",
    "%25%32%65%25%32%65",
    "%2%65%2%65",
    "%%32%65%%32%65",
    "%c0%ae%c0%ae",
)
SLASHES = ("/", "%2f", "%2F", "\\", "%5c", "%5C")
TARGETS = (
    *(f"/o/acme/{dots}/globex/x" for dots in DOTS),
    *(
        f"/o/acme{between}..{after}globex/x"
        for between in ("%2f", "\\", "%5c", "/")
        for after in ("%2f", "%2F", "\\", "%5c", "%5C")
    ),
    *(f"/{dots}/o/acme/x" for dots in ("..", ".", "%2e%2e", "..;")),
    "/x/../o/acme/x",
    "/o/./acme/x",
    "/o/../o/acme/x",
    "/o/acme/x/..",
    "/o/acme/..",
    "/o/acme/x/%2e%2e",
    "/o/acme\\..\\globex/x",
    "/o/acme%2f..%2fglobex/x",
    "/o/%61cme/x",
    "/%6f/acme/x",
    "/O/acme/x",
    "/o/ACME/x",
    "/o//acme/x",
    "//o/acme/x",
    "/o/acme;globex/x",
    "/o/acme%3bglobex/x",
    "/o/acme%00/x",
    "/o/acme%20/x",
    "/o/acme%2fx",
    "/o/-/x",
    "/o//x",
    "/o/",
    "/o",
    "/",
    "/o/acme@globex/x",
    "/o/acme,globex/x",
    "/o/xn--acme/x",
    "/verify/plain/acme",
    "/verify-by-token/plain",
    "/o/acme?/../globex",
    "/o/acme/x?y=/../globex",
    "/o/acme/o/globex/x",
    "/o/acme//x",
    "/o/acme/",
    "/o/acme",
    "/o/acme/x#/../globex",
    "x/o/acme/x",
)


def test_path_spellings_reach_no_other_organization(by_path: Site) -> None:
    for target in TARGETS:
        for organization in ("acme", "globex"):
            before = len(by_path.api.requests)
            bearer = f"Authorization: Bearer {token_of(organization)}"
            answer = by_path.send_target(bearer, target=target, host=by_path.host())
            seen = by_path.api.requests[before:]
            if answer.status == 200:
                assert organization_of(answer) == organization, (target, organization)
                prefix = f"/o/{organization}"
                # Traefik decodes what needs no encoding before anything else (RFC 3986 section 6.2.2.2).
                written = target.replace("%61", "a").replace("%6f", "o")
                assert written.startswith(prefix), target
                # The rest of the path is what the client wrote, without dot segments.
                (path,) = seen
                left = written.removeprefix(prefix)
                assert path in {left, f"/{left}"}, (target, path)
                assert path.startswith("/"), (target, path)
                assert ".." not in path.partition("?")[0].lower().replace("%2e", "."), (target, path)
            else:
                assert 300 <= answer.status < 500, (target, answer.status)
                assert seen == [], (target, seen)


@pytest.mark.parametrize("dots", DOTS)
def test_dot_segments_are_400_in_every_spelling(by_path: Site, dots: str) -> None:
    target = f"/o/acme/orders/{dots}/globex"
    answer = by_path.send_target(f"Authorization: Bearer {token_of('acme')}", target=target, host=by_path.host())
    assert answer.status == 400, (dots, answer.status)


def test_preflight_with_dot_segments_is_refused(by_path: Site) -> None:
    lines = ("Origin: https://app.example", "Access-Control-Request-Method: GET")
    before = len(by_path.api.preflights)
    for target in (
        *(f"/o/acme/orders/{dots}/globex" for dots in (*DOTS, "..\\", "..%5c")),
        "/o/acme/..",
        "/o/acme//globex.api.example/x",
        "/o/acme%2f..%2fglobex",
        "/o/acme\\..\\globex",
        "/o/-/orders",
        "/orders",
    ):
        answer = by_path.send_target(*lines, target=target, host=by_path.host(), method="OPTIONS")
        assert 400 <= answer.status < 500, (target, answer.status)
    assert len(by_path.api.preflights) == before


def test_api_path_never_starts_with_two_slashes(by_path: Site) -> None:
    # To some, `//globex.api.example/x` is the path /x of that host (RFC 3986 section 4.2).
    before = len(by_path.api.requests)
    bearer = f"Authorization: Bearer {token_of('acme')}"
    for target in ("/o/acme//globex.api.example/x", "/o/acme///x", "/o/acme//"):
        assert by_path.send_target(bearer, target=target, host=by_path.host()).status == 400, target
    assert len(by_path.api.requests) == before
