"""A process without a publisher does not start, and a change without one is rolled back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from watchword.cli import control_plane
from watchword.control.audit.models import AuditEvent
from watchword.control.base import hooks
from watchword.control.organizations.commands import Suspend
from watchword.control.organizations.models import Suspension, SuspensionReason

if TYPE_CHECKING:
    from watchword.control.base.actor import Actor
    from watchword.control.organizations.models import Organization


def test_every_hook_is_registered_after_start() -> None:
    hooks.require_registered()


@pytest.mark.parametrize("missing", hooks.ALL, ids=lambda hook: hook.name)
def test_process_does_not_start_without_every_hook(
    missing: hooks.Hook[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missing, "_function", None)
    with pytest.raises(RuntimeError, match=f"nothing is registered for {missing.name}"):
        control_plane.set_up_django()


def test_change_without_a_publisher_writes_nothing(
    acme: Organization, shell: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = AuditEvent.objects.count()
    monkeypatch.setattr(hooks.publish_trust, "_function", None)
    with pytest.raises(RuntimeError, match="nothing is registered for publish_trust"):
        Suspend(organization_id="acme", reason=SuspensionReason.TERMS_VIOLATED).run(shell)
    assert not Suspension.objects.exists()
    assert AuditEvent.objects.count() == events
