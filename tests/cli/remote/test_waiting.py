"""`watchword apply --wait` with verifiers that report their revision."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from watchword.cli.output import CommandFailed
from watchword.cli.remote import plans
from watchword.cli.remote.plans import wait_for_verifiers
from watchword.cli.remote.session import connected
from watchword.control.fleet.models import TrustRecord, VerifierCredential

if TYPE_CHECKING:
    from kit.remote_portal import RemotePortal

pytestmark = pytest.mark.enable_socket


def verifier(name: str) -> VerifierCredential:
    now = timezone.now()
    return VerifierCredential.objects.create(
        name=name, secret_hash=name, created_at=now, last_seen_at=now, last_revision=0
    )


class Clock:
    """Time that passes only while the command sleeps; `each` happens then."""

    def __init__(self, *each: VerifierCredential) -> None:
        self.now = 0.0
        self.each = list(each)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.each:
            reports = self.each.pop(0)
            reports.last_revision = TrustRecord.objects.get(organization_id="acme").revision
            reports.save()


def wait(clock: Clock) -> None:
    with connected() as (api, _):
        wait_for_verifiers(api, clock=clock, sleep=clock.sleep)


def test_progress_is_shown_until_all_verifiers_have_the_change(
    portal: RemotePortal, capsys: pytest.CaptureFixture[str]
) -> None:
    portal.add("ProdOkta", "--issuer", "https://acme.example")
    clock = Clock(verifier("edge-1"), verifier("edge-2"))
    wait(clock)
    revision = TrustRecord.objects.get(organization_id="acme").revision
    assert capsys.readouterr().err.splitlines()[-4:] == [
        f"0 of 2 verifiers have revision {revision}.",
        "Each verifier reports its revision at its next request, within about 25 seconds.",
        f"1 of 2 verifiers have revision {revision}.",
        f"2 of 2 verifiers have revision {revision}.",
    ]
    assert clock.now == 2.0


def test_wait_in_vain_is_a_failure(portal: RemotePortal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "WAIT_SECONDS", 3.0)
    clock = Clock()
    with pytest.raises(CommandFailed, match="No verifier follows the feed"):
        wait(clock)
    verifier("edge-1")
    with pytest.raises(CommandFailed, match="Some verifiers do not have the change yet"):
        wait(clock)
    assert clock.now >= 3.0


def test_apply_waits_even_if_there_is_nothing_to_do(portal: RemotePortal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "WAIT_SECONDS", 0.0)
    Path("servers.yaml").write_text("enabled_server: null\nservers: []\n")
    outcome = portal.run("apply", "-f", "servers.yaml", "--wait")
    assert outcome.exit_code == 1
    assert "0 of 0 verifiers have revision " in outcome.stderr
