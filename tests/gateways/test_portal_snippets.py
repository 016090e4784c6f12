"""What the portal shows under "Put it in front of your API", in a real nginx and a real shell."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from kit import live
from kit.client import request
from kit.feed_server import feed_server
from kit.nginx import serving
from kit.orders_api import orders_api
from kit.processes import LOOPBACK
from kit.verifier_process import verifier_process
from watchword.control.servers.snippets import VERIFIER, snippets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.enable_socket

NGINX, CURL = (snippet.text for snippet in snippets("acme"))


@pytest.fixture
def verifier_port(tmp_path: Path) -> Iterator[int]:
    with feed_server() as feed:
        feed.publish(live.trust())
        with verifier_process(tmp_path, feed_port=feed.port) as verifier:
            yield verifier.port


@pytest.fixture
def site(tmp_path: Path, verifier_port: int) -> Iterator[str]:
    with ExitStack() as parts:
        api = parts.enter_context(orders_api())
        port = parts.enter_context(serving(tmp_path, NGINX, api_port=api.port, verifier_port=verifier_port))
        yield f"http://{LOOPBACK}:{port}/api/orders"


def test_nginx_lets_good_tokens_through_with_the_identity_that_they_prove(site: str) -> None:
    forged = {"X-Auth-Subject": "bob", "X_Auth_Subject": "bob", "X-Auth-Scope": "everything"}
    answer = request(site, bearer=live.token(sub="alice"), headers=forged)
    assert answer.status == 200
    seen = [(name.lower().replace("_", "-"), value) for name, value in answer.json()["headers"]]
    assert ("x-auth-organization", "acme") in seen
    assert [value for name, value in seen if name == "x-auth-subject"] == ["alice"]
    assert "everything" not in [value for _, value in seen]


def test_nginx_refuses_what_the_verifier_refuses(site: str) -> None:
    assert request(site).status == 401
    refused = request(site, bearer=live.token()[:-6] + "AAAAAA")
    assert refused.status == 401
    assert 'error="invalid_token"' in str(refused.header("WWW-Authenticate"))


def test_nginx_refuses_all_when_there_is_no_verifier(tmp_path: Path) -> None:
    with orders_api() as api, serving(tmp_path, NGINX, api_port=api.port, verifier_port=1) as port:
        assert request(f"http://{LOOPBACK}:{port}/api/orders", bearer=live.token()).status == 500


def test_curl_says_what_the_verifier_says(verifier_port: int) -> None:
    command = CURL.replace(VERIFIER, f"http://{LOOPBACK}:{verifier_port}")
    shell = shutil.which("sh")
    assert shell is not None
    for token, status in ((live.token(), "200 OK"), ("nonsense", "401 Unauthorized")):
        environment = {"ACCESS_TOKEN": token, "PATH": "/usr/bin:/bin"}
        run = subprocess.run(
            [shell, "-c", command], env=environment, capture_output=True, text=True, check=True, timeout=20
        )
        assert run.stdout.startswith(f"HTTP/1.1 {status}")
