"""A busy installation as its operator sees it: log lines, metrics, probes, and messages to systemd."""

from __future__ import annotations

import json
import re
import socket
import tempfile
import time
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kit import forge
from kit.client import request
from kit.processes import LOOPBACK, free_port, wait_until
from kit.rotating import FIRST, rotating

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kit.rotating import Rotating

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(240)]

MONITORING = Path(__file__).parents[2] / "deploy" / "monitoring"
ROLES = ("portal", "worker", "verifier")
SUBJECT, CLIENT = "alice-whose-name-is-private", "client-of-acme-only"
SHORTEST = 8
PASSWORD = "a-password-for-this-test-only"
METRIC = re.compile(r"\bwatchword_[a-z_]+\b")


class Installation:
    """All roles, started one after the other while a service manager listens."""

    def __init__(self, site: Rotating, heard: list[str]) -> None:
        self.site = site
        self.product = site.product
        self.heard = heard
        self.secrets: set[str] = set()

    def figures(self, role: str) -> str:
        return request(f"{self.admin(role)}/metrics").body.decode()

    def admin(self, role: str) -> str:
        port = self.product.environment.get(f"WATCHWORD_{role.upper()}_ADMIN_PORT")
        return self.product.admin if port is None else f"http://{LOOPBACK}:{port}"

    def be_busy(self) -> None:
        """Every kind of secret passes through every process that can get it."""
        stranger = forge.ec_key("stranger")
        now = int(time.time())
        for key, changes in ((FIRST, {}), (FIRST, {"exp": 1}), (stranger, {}), (FIRST, {"aud": "elsewhere"})):
            claims: dict[str, Any] = {"iat": now, "exp": now + 300, "sub": SUBJECT, "client_id": CLIENT, **changes}
            token = forge.token(key, "ES256", **claims)
            self.secrets |= {token, *token.split(".")}
            for organization in ("acme", "nobody"):
                answer = request(f"{self.product.verifier}/verify/plain/{organization}", bearer=token)
                assert answer.status in {200, 401, 403}
        link = self.product.create_administrator("acme", "charlie@acme.example")
        secret = link.rpartition("/")[2]
        self.secrets |= {SUBJECT, CLIENT, PASSWORD, secret, secret.lower()}
        for path in (f"/sign-in/{secret}", f"/sign-in/{secret}x", f"/nowhere/{secret}", f"/acme/{secret}/"):
            request(f"{self.product.portal}{path}")
            request(f"{self.product.portal}{path}", form={})
            request(f"{self.product.portal}{path}", headers={"Host": secret.lower()})
        page = request(f"{self.product.portal}/sign-in")
        cookies = {cookie.partition(";")[0] for name, cookie in page.headers if name.lower() == "set-cookie"}
        self.secrets |= {cookie.partition("=")[2] for cookie in cookies}
        form = {"email": "charlie@acme.example", "password": PASSWORD, "csrfmiddlewaretoken": secret}
        request(f"{self.product.portal}/sign-in", form=form, headers={"Cookie": "; ".join(cookies)})
        wrong = {"Authorization": f"Bearer wwv_{PASSWORD}"}
        assert request(f"{self.product.portal}/feed/v1/changes", headers=wrong).status == HTTPStatus.UNAUTHORIZED
        self.site.pass_time(400)
        wait_until(lambda: self.site.fetches() > 0, what="a fetch", timeout=60)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    # Not pytest's own folder: a unix socket's path may have at most 107 bytes.
    with (
        tempfile.TemporaryDirectory(prefix="watchword-") as short,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
    ):
        manager.bind(f"{short}/notify")
        manager.settimeout(60)
        settings = {
            "WATCHWORD_PORTAL_ADMIN_PORT": str(free_port()),
            "WATCHWORD_WORKER_ADMIN_PORT": str(free_port()),
            "WATCHWORD_LOG_FORMAT": "json",
            "NOTIFY_SOCKET": f"{short}/notify",
            "WATCHDOG_USEC": "1000000",
        }
        with rotating(tmp_path_factory.mktemp("running"), "acme", settings=settings) as sites:
            heard: list[str] = []
            while heard.count("READY=1") < len(ROLES) or heard.count("WATCHDOG=1") < len(ROLES):
                heard.append(manager.recv(4096).decode())
            installation = Installation(sites["acme"], heard)
            data = Path(installation.product.environment["WATCHWORD_DATA_DIR"])
            installation.secrets |= {
                (data / "secret_key").read_text(),
                Path(installation.product.environment["WATCHWORD_VERIFIER_CREDENTIAL_FILE"]).read_text().strip(),
            }
            installation.be_busy()
            yield installation


def test_each_role_notifies_systemd_of_ready_and_watchdog(running: Installation) -> None:
    assert running.heard.count("READY=1") == len(ROLES)
    assert set(running.heard) == {"READY=1", "WATCHDOG=1"}


@pytest.mark.parametrize("role", ROLES)
def test_log_lines_have_the_same_fields(running: Installation, role: str) -> None:
    lines = [json.loads(line) for line in running.product.log(role).splitlines()]
    assert lines[0]["event"] == f"{role}_starting"
    for line in lines:
        assert line["role"] == role
        assert line["event"]
        assert line["level"] in {"info", "warning", "error"}
        assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize("role", ROLES)
def test_logs_and_metrics_contain_no_secret(running: Installation, role: str) -> None:
    assert len(running.secrets) > 15
    everything = running.product.log(role) + running.figures(role)
    assert [secret for secret in running.secrets if len(secret) > SHORTEST and secret in everything] == []


@pytest.mark.parametrize("role", ROLES)
def test_each_role_answers_probes(running: Installation, role: str) -> None:
    for path in ("/livez", "/readyz"):
        assert request(f"{running.admin(role)}{path}").status == HTTPStatus.OK


def test_metrics_follow_events(running: Installation) -> None:
    portal, worker = running.figures("portal"), running.figures("worker")
    assert 'watchword_portal_requests_total{part="feed",status="4xx"} 0.0' not in portal
    assert 'watchword_portal_requests_total{part="pages",status="2xx"} 0.0' not in portal
    assert "watchword_portal_database_up 1.0" in portal
    assert 'watchword_portal_refused_requests_total{kind="page_forbidden"}' in portal
    # Between two requests it is 0 for a moment.
    wait_until(
        lambda: "watchword_portal_feed_questions 1.0" in running.figures("portal"),
        what="a question is held",
        timeout=60,
    )
    assert 'watchword_worker_fetches_total{outcome="unchanged"} 0.0' not in worker
    assert "watchword_worker_key_sets 1.0" in worker
    assert "watchword_worker_audit_chain_broken 0.0" in worker


@pytest.mark.parametrize("document", ["alerts.yaml", "dashboard.json"])
def test_metrics_of_alerts_and_dashboard_exist(running: Installation, document: str) -> None:
    told = {name for role in ROLES for name in METRIC.findall(running.figures(role))}
    named = set(METRIC.findall((MONITORING / document).read_text(encoding="utf-8")))
    assert len(named) > 8
    assert named - told == set()
