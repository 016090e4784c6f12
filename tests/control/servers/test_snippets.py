from __future__ import annotations

from watchword.control.servers.snippets import snippets

HEADERS = ("Organization", "Server", "Issuer", "Subject", "Client-Id", "Scope", "Expires")


def test_the_snippets_are_ready_for_the_organization() -> None:
    nginx, curl = snippets("acme")
    assert "/verify/nginx/acme;" in nginx.text
    assert "/verify/plain/acme" in curl.text
    assert "{" not in curl.text


def test_nginx_replaces_every_identity_header_that_a_client_could_send() -> None:
    nginx, _ = snippets("acme")
    for header in HEADERS:
        variable = f"$auth_{header.lower().replace('-', '_')}"
        assert f"proxy_set_header X-Auth-{header} " in " ".join(nginx.text.split())
        assert nginx.text.count(variable) == 2
