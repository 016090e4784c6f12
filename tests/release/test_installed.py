"""The wheel in a clean environment, far from the source: what an operator installs starts and answers."""

from __future__ import annotations

import re
import signal
import subprocess
import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urljoin

import pytest

from kit.client import request
from kit.distribution import ROOT, install
from kit.processes import LOOPBACK, ChildProcess, free_port

if TYPE_CHECKING:
    from pathlib import Path

    from kit.distribution import Distribution

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(240)]

START_SECONDS = 120.0
LINK = re.compile(r"http://127\.0\.0\.1:\d+/sign-in/[\w-]{43}")
"""With which the first administrator signs in; `watchword serve` prints it last."""

ASSET = re.compile(r'<(?:link|script)\b[^>]*?\b(?:href|src)="([^"]+)"')
TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


class Installed:
    """The command `watchword` of an environment of its own. It sees nothing of the tests' environment or folder."""

    def __init__(self, environment: Path, folder: Path) -> None:
        self.folder = folder
        self._program = environment / "bin" / "watchword"

    def command(self, *arguments: str, **settings: str) -> tuple[str, ...]:
        variables = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "TMPDIR": str(self.folder), **settings}
        words = (f"{name}={value}" for name, value in variables.items())
        return ("env", "--ignore-environment", f"--chdir={self.folder}", *words, str(self._program), *arguments)

    def run(self, *arguments: str) -> str:
        outcome = subprocess.run(
            self.command(*arguments), check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60
        )
        assert outcome.returncode == 0, outcome.stderr
        return outcome.stdout


@pytest.fixture(scope="module")
def installed(release: Distribution, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    environment = tmp_path_factory.mktemp("environment") / "watchword"
    install(release, source=release.folder.parent / "source", into=environment)
    return Installed(environment, tmp_path_factory.mktemp("elsewhere"))


class Serving:
    """`watchword serve` on fresh data and free ports."""

    def __init__(self, installed: Installed) -> None:
        portal, verifier, admin, worker = (free_port() for _ in range(4))
        self.portal, self.verifier = f"http://{LOOPBACK}:{portal}", f"http://{LOOPBACK}:{verifier}"
        self._ready = (f"http://{LOOPBACK}:{admin}/readyz", f"http://{LOOPBACK}:{worker}/readyz")
        ports = ("--portal-port", str(portal), "--verifier-port", str(verifier), "--verifier-admin-port", str(admin))
        command = installed.command(
            *("serve", "--data-dir", str(installed.folder / "data"), *ports),
            WATCHWORD_WORKER_ADMIN_PORT=str(worker),
        )
        self.process = ChildProcess(command, log=installed.folder / "serve.log")

    def is_ready(self) -> bool:
        if LINK.search(self.process.output()) is None:
            return False
        try:
            return all(request(url, timeout=5).status == 200 for url in (*self._ready, f"{self.portal}/sign-in"))
        except OSError:
            return False

    def assets(self, page: str) -> list[str]:
        """Fetch each file that the page's head refers to; returns their names."""
        urls = ASSET.findall(page.partition("</head>")[0])
        for url in urls:
            asset = request(urljoin(self.portal, url), timeout=30)
            assert asset.status == 200, url
            assert (asset.header("Content-Type") or "").startswith(TYPES[url.rpartition(".")[2]])
            assert asset.body
        return [url.rpartition("/")[2] for url in urls]


def test_command_says_the_version_of_the_wheel(installed: Installed, release: Distribution) -> None:
    assert installed.run("--version") == f"watchword, version {release.version}\n"


def test_gateway_configurations_are_installed(installed: Installed) -> None:
    installed.run("gateway", "nginx", "--directory", str(installed.folder / "nginx"))
    assert (installed.folder / "nginx" / "watchword.conf").exists()


def test_serve_runs_from_the_wheel(installed: Installed) -> None:
    serving = Serving(installed)
    try:
        serving.process.wait_until(
            serving.is_ready, what="portal, worker and verifier are ready", timeout=START_SECONDS
        )
        sign_in_page_has_its_styles(serving)
        first_administrator_signs_in(serving)
        verifier_answers(serving)
        serving.process.terminate(signal.SIGTERM)
        assert serving.process.wait(timeout=60) == 0
    finally:
        serving.process.stop()
    assert serving.process.output().rstrip().endswith("Stopped.")
    assert str(ROOT) not in serving.process.output()


def sign_in_page_has_its_styles(serving: Serving) -> None:
    page = request(f"{serving.portal}/sign-in", timeout=30)
    assert page.status == 200
    assets = serving.assets(page.body.decode())
    assert [name for name in assets if name.endswith(".css")]
    assert [name for name in assets if name.endswith(".svg")]


def first_administrator_signs_in(serving: Serving) -> None:
    link = LINK.search(serving.process.output())
    assert link is not None
    browser = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor())
    with browser.open(link[0], timeout=30) as form:
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form.read().decode())
        assert token is not None
        secret = "four unrelated words suffice"
        fields = {"csrfmiddlewaretoken": token[1], "password": secret, "password_again": secret}
        with browser.open(form.url, urlencode(fields).encode(), timeout=30) as page:
            assets = serving.assets(page.read().decode())
    with browser.open(f"{serving.portal}/your-sign-in/authenticator-app/set-up/", timeout=30) as app:
        assert 'class="qr-code"><title>' in app.read().decode()
    assert [name for name in assets if "htmx" in name]
    assert [name for name in assets if name.startswith("theme")]


def verifier_answers(serving: Serving) -> None:
    answer = request(f"{serving.verifier}/verify/plain/acme", bearer="made.up.token", timeout=30)
    assert answer.status == 401
    assert answer.json()["reason"]
    assert "Bearer" in (answer.header("WWW-Authenticate") or "")


def test_demo_works_from_the_wheel(installed: Installed) -> None:
    flags = ("portal", "verifier", "verifier-admin", "second-verifier", "second-verifier-admin", "api")
    ports = [part for flag in (*flags, "authorization-server") for part in (f"--{flag}-port", str(free_port()))]
    process = ChildProcess(installed.command("demo", "--check", *ports), log=installed.folder / "demo.log")
    try:
        assert process.wait(timeout=180) == 0, process.output()
    finally:
        process.stop()
    assert process.output().count("✓") >= 10
