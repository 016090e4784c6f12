"""Gateways that ask over TLS and show a certificate, before a verifier that requires one (G-13)."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING

import pytest
import trustme

from kit import certificates, live
from kit.certificates import Pair
from kit.gateways import GATEWAYS, Site, backends, identity_at_api
from kit.over_tls import SHOWN, over_tls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kit.behind import Behind

# What a file starts for all its tests must not lose its sockets between them.
pytestmark = pytest.mark.enable_socket

PAGE = Path(__file__).parents[2] / "docs" / "gateways.md"


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    folder = tmp_path_factory.mktemp("behind")
    pair = certificates.pair(folder, "verifier")
    settings = {
        "tls_certificate_file": str(pair.certificate),
        "tls_key_file": str(pair.key),
        "gateway_ca_file": str(pair.authority),
        "api_url": "https://api.example/{organization}",
    }
    with backends(folder, at=None, secret="", **settings) as (behind, _, _):
        yield behind


@pytest.mark.parametrize("name", SHOWN)
def test_gateway_with_a_certificate_gets_decisions(behind: Behind, tmp_path: Path, name: str) -> None:
    instead = over_tls(name, certificates.pair(tmp_path, "gateway"))
    with GATEWAYS[name].run(tmp_path, behind, instead=instead) as port:
        site = Site(GATEWAYS[name], port, behind)
        assert identity_at_api(site.get(live.token()))["x-auth-subject"] == ["alice"]
        assert site.get().status == 401
        document = site.get(path="/.well-known/oauth-protected-resource/acme")
        assert document.json()["authorization_servers"] == ["https://login.acme.example/"]


@pytest.mark.parametrize("name", SHOWN)
def test_gateway_without_a_good_certificate_refuses_every_request(behind: Behind, tmp_path: Path, name: str) -> None:
    stranger = certificates.pair(tmp_path, "stranger", authority=trustme.CA())
    ours = certificates.pair(tmp_path, "gateway")
    before = len(behind.api.requests)
    for kind, instead in (
        ("stranger", over_tls(name, Pair(stranger.certificate, stranger.key, ours.authority))),
        # It does not accept another server as the verifier either.
        ("another-verifier", over_tls(name, Pair(ours.certificate, ours.key, stranger.authority))),
        ("without-tls", None),
    ):
        folder = tmp_path / kind
        folder.mkdir()
        with GATEWAYS[name].run(folder, behind, instead=instead) as port:
            site = Site(GATEWAYS[name], port, behind)
            assert [site.get(token).status >= 400 for token in (live.token(), None)] == [True, True], kind
    assert len(behind.api.requests) == before


@pytest.mark.parametrize("name", SHOWN)
def test_guide_shows_the_tested_lines(name: str) -> None:
    page = PAGE.read_text()
    for lines in SHOWN[name]:
        assert lines in page or indent(lines, "  ") in page
