"""`watchword serve verifier --feed https://…` against a portal behind real TLS, with a private authority."""

from __future__ import annotations

import json
import shutil
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from kit import forge, registrations
from kit.client import request
from kit.processes import LOOPBACK, ChildProcess, free_port, is_listening, running
from kit.product import PROGRAM, Product

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(240)]

KEY = forge.ec_key("tls")
# The proxy in front of the portal; long polls last up to 25 s.
SITE = """
daemon off; master_process off; pid nginx.pid; error_log stderr warn;
events {{}}
http {{
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen {loopback}:{port} ssl;
        ssl_certificate portal.pem;
        ssl_certificate_key portal.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        location / {{ proxy_pass http://{loopback}:{portal}; proxy_http_version 1.1; }}
    }}
}}
"""


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    started = Product(tmp_path_factory.mktemp("tls"))
    try:
        started.desk("prepare", json.dumps({"acme": {}}))
        started.create_verifier()
        started.desk("register_all", json.dumps({"acme": [forge.key_set(KEY).decode(), registrations.LOCATION]}))
        started.start("portal")
        yield started
    finally:
        started.close()


@contextmanager
def behind_tls(product: Product, folder: Path, authority: trustme.CA, host: str = "localhost") -> Iterator[str]:
    """The portal's origin, whose certificate is for `host`."""
    port = free_port()
    leaf = authority.issue_cert(host)
    leaf.private_key_pem.write_to_path(folder / "portal.key")
    for number, part in enumerate(leaf.cert_chain_pems):
        part.write_to_path(folder / "portal.pem", append=number > 0)
    (folder / "nginx.conf").write_text(SITE.format(loopback=LOOPBACK, port=port, portal=product.portal_port))
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    assert program is not None, "nginx is not installed; `make test` installs it"
    command = [program, "-p", str(folder), "-c", "nginx.conf", "-e", "stderr"]
    with running(command, log=folder / "nginx.log", port=port):
        yield f"https://localhost:{port}"


@contextmanager
def verifier(product: Product, folder: Path, feed: str, *flags: str) -> Iterator[ChildProcess]:
    """As an operator types it; ports, log format and state come from the environment."""
    child = ChildProcess(
        [
            *(str(PROGRAM), "serve", "verifier", "--feed", feed),
            *("--credential-file", product.environment["WATCHWORD_VERIFIER_CREDENTIAL_FILE"]),
            *flags,
        ],
        log=folder / "verifier.log",
        # The flags must win: the environment names the portal without TLS and no credential.
        environment={
            **product.environment,
            "WATCHWORD_VERIFIER_CREDENTIAL_FILE": str(folder / "none"),
            "WATCHWORD_VERIFIER_STATE_FILE": str(folder / "state" / "snapshot.json"),
        },
    )
    try:
        child.wait_until_listening(product.admin_port, timeout=60)
        yield child
    finally:
        child.stop()


def good_now() -> dict[str, Any]:
    now = int(time.time())
    return {"iat": now - 10, "exp": now + 3600}


def is_ready(product: Product) -> bool:
    return request(f"{product.admin}/readyz").status == 200


def test_portal_of_a_private_authority_is_followed(
    product: Product, tmp_path: Path, authority: trustme.CA, authority_file: Path
) -> None:
    with (
        behind_tls(product, tmp_path, authority) as feed,
        verifier(product, tmp_path, feed, "--feed-ca-file", str(authority_file)) as child,
    ):
        child.wait_until(lambda: is_ready(product), what="ready", timeout=60)
        token = forge.token(KEY, "ES256", **good_now())
        assert request(f"{product.verifier}/verify/plain/acme", bearer=token).status == 200


@pytest.mark.parametrize("kind", ["an unknown authority", "a certificate for another host"])
def test_other_portals_are_refused_and_get_no_credential(
    product: Product, tmp_path: Path, authority: trustme.CA, authority_file: Path, kind: str
) -> None:
    strange = kind == "an unknown authority"
    with (
        behind_tls(
            product, tmp_path, trustme.CA() if strange else authority, "localhost" if strange else "portal.example"
        ) as feed,
        verifier(product, tmp_path, feed, "--feed-ca-file", str(authority_file)) as child,
    ):
        child.wait_until(lambda: "tls_failed" in child.output(), what="the refusal", timeout=60)
        assert request(f"{product.admin}/readyz").status == 503
        assert not is_listening(product.verifier_port)


def test_plain_http_to_another_machine_is_refused_at_the_start(product: Product, tmp_path: Path) -> None:
    child = ChildProcess(
        [str(PROGRAM), "serve", "verifier", "--feed", "http://portal.example"],
        log=tmp_path / "verifier.log",
        environment=product.environment,
    )
    try:
        assert child.wait(timeout=60) == 2
    finally:
        child.stop()
    assert "feed_url is plain http to another machine" in child.output()
