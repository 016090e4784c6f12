from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from kit import acme, forge
from kit.client import request
from kit.processes import LOOPBACK, free_port
from watchword.core.decision import Deny, Reason
from watchword.feed import Snapshot
from watchword.runtime.metrics import new_registry
from watchword.verifier.assembly import admin_listener
from watchword.verifier.listeners.gateway_port import GatewayPort
from watchword.verifier.metrics import VerifierCollector
from watchword.verifier.snapshot import CurrentSnapshot
from watchword.verifier.usage.counting import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kit.client import Answer

pytestmark = pytest.mark.enable_socket


class Feed:
    connected = True


class Admin:
    def __init__(self, port: int) -> None:
        self.port = port
        self.now = 1000.0
        self.current = CurrentSnapshot(hard_limit=100)
        self.gateway_port = GatewayPort()
        self.gateway_port.is_open = True
        self.usage, self.late_usage = Usage(), Usage()
        self.feed = Feed()

    def get(self, path: str) -> Answer:
        return request(f"http://{LOOPBACK}:{self.port}{path}")

    def figures(self) -> dict[str, float]:
        lines = self.get("/metrics").body.decode().splitlines()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


@pytest.fixture
def admin() -> Iterator[Admin]:
    admin = Admin(free_port())
    collector = VerifierCollector(
        outcomes=(admin.usage, admin.late_usage),
        current=admin.current,
        feed=admin.feed,
        clock=lambda: admin.now,
    )
    registry = new_registry("verifier")
    registry.register(collector)
    with admin_listener(
        LOOPBACK,
        admin.port,
        registry=registry,
        current=admin.current,
        gateway_port=admin.gateway_port,
        clock=lambda: admin.now,
    ):
        yield admin


def test_it_lives_even_when_it_is_not_ready(admin: Admin) -> None:
    assert admin.get("/livez").status == 200
    answer = admin.get("/readyz")
    assert answer.status == 503
    assert answer.body.startswith(b"No snapshot yet")


def test_it_is_ready_with_a_fresh_snapshot(admin: Admin) -> None:
    admin.current.swap(Snapshot("first", 1, {}), heard_at=1000)
    assert (admin.get("/readyz").status, admin.get("/readyz").body) == (200, b"ready\n")
    admin.now = 1100
    assert admin.get("/readyz").status == 503


def test_it_is_not_ready_before_gateways_can_connect(admin: Admin) -> None:
    admin.current.swap(Snapshot("first", 1, {}), heard_at=1000)
    admin.gateway_port.is_open = False
    assert (admin.get("/readyz").status, admin.get("/readyz").body) == (503, b"The gateway port is closed.\n")


def test_ready_says_what_will_end_it(admin: Admin) -> None:
    admin.current.swap(Snapshot("first", 1, {}), heard_at=1000)
    admin.current.schema_unknown = True
    assert admin.get("/readyz").status == 200
    assert admin.get("/readyz").body.startswith(b"ready. The control plane sends pages of another schema than 1")


def test_whoever_was_asked_to_stop_is_not_ready_any_more(admin: Admin) -> None:
    admin.current.swap(Snapshot("first", 1, {}), heard_at=1000)
    admin.current.stopping = True
    assert (admin.get("/readyz").status, admin.get("/readyz").body) == (503, b"Stopping.\n")
    assert admin.get("/livez").status == 200


def test_the_version_is_told(admin: Admin) -> None:
    assert admin.figures()[f'watchword_build_info{{role="verifier",version="{version("watchword")}"}}'] == 1


def test_nothing_else_is_there(admin: Admin) -> None:
    assert admin.get("/").status == 404
    assert admin.get("/verify/plain/acme").status == 404


def test_figures_before_the_first_snapshot_claim_nothing(admin: Admin) -> None:
    figures = admin.figures()
    assert figures['watchword_verifier_decisions_total{outcome="allow",reason=""}'] == 0
    assert figures["watchword_verifier_feed_connected"] == 1
    assert not [name for name in figures if "snapshot" in name]


def test_figures_tell_outcomes_and_freshness(admin: Admin) -> None:
    key = forge.rsa_key("alice")
    trust = acme.trust(key)
    admin.usage.counter("acme", trust, acme.decide(forge.token(key, "RS256"), trust)).calls += 1
    admin.late_usage.counter("acme", trust, acme.decide(forge.token(key, "RS256"), trust)).calls += 2
    admin.usage.counter("acme", trust, Deny(Reason.TOKEN_EXPIRED)).calls += 2
    admin.current.swap(Snapshot("first", 42, {"acme": trust}), heard_at=990)
    admin.feed.connected = False
    figures = admin.figures()
    assert figures['watchword_verifier_decisions_total{outcome="allow",reason=""}'] == 3
    assert figures['watchword_verifier_decisions_total{outcome="deny",reason="token_expired"}'] == 2
    assert figures["watchword_verifier_snapshot_revision"] == 42
    assert figures["watchword_verifier_snapshot_age_seconds"] == 10
    assert figures["watchword_verifier_organizations"] == 1
    assert figures["watchword_verifier_feed_connected"] == 0


def test_every_reason_has_a_figure_from_the_start(admin: Admin) -> None:
    named = [name for name in admin.figures() if 'outcome="deny"' in name]
    assert len(named) == len(Reason)
