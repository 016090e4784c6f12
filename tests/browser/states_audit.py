"""The states of the Audit Logs pages that pictures are taken of."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone

from browser.studio import State
from kit import sample_portal
from kit.sample_portal import ACME, PROD_OKTA, STANDBY, acting
from watchword.control.audit import triggers
from watchword.control.audit.checkpoint import verify_step
from watchword.control.audit.models import AuditCheckpoint, AuditEvent
from watchword.control.base.actor import Permission, command_line
from watchword.control.base.audit_log import REFUSED, SUCCESS, Entry, append
from watchword.control.identity.operator_commands import CreateOperator
from watchword.control.organizations.commands import CreateOrganization, Reinstate, Suspend
from watchword.control.organizations.models import SuspensionReason

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from watchword.control.base.audit_log import Scalar
    from watchword.control.identity.models import Person

ALICE: Final = "alice@acme.example"


def audit_page() -> str:
    return reverse("audit:list", args=[ACME])


def provider_page() -> str:
    return reverse("audit:provider")


def _event(
    minutes: int,
    action: str,
    target: str,
    changes: dict[str, list[Scalar]] | None = None,
    *,
    actor: str = ALICE,
    interface: str = "portal",
    address: str | None = "203.0.113.24",
    result: str = SUCCESS,
    organization: str | None = ACME,
) -> None:
    with transaction.atomic():
        append(
            Entry(
                at=timezone.now() - timedelta(minutes=minutes),
                organization=organization,
                actor=actor,
                interface=interface,
                address=address,
                action=action,
                target=target,
                result=result,
                changes=changes or {},
            )
        )


def _reader() -> Person:
    return sample_portal.person("Bob", Permission.AUDIT_LOGS, Permission.API_KEY_MANAGEMENT)


def _mixed() -> Person:
    sample_portal.acme()
    bob = _reader()
    alice = sample_portal.alice()
    _event(60 * 26, "signed_in", ALICE, address="2001:db8:85a3::8a2e:370:7334")
    _event(60 * 25, "administrator_created", "bob@acme.example", {"role": [None, "Auditors"]})
    sample_portal.add(acting(alice), PROD_OKTA)
    sample_portal.add(acting(alice), STANDBY)
    for minutes in range(58, 40, -3):
        _event(minutes, "refresh_requested", "ProdOkta")
    _event(
        38, "keys_changed", "ProdOkta",
        {"keys_added": [None, "prod-2026-12 RS256 (h7Qm…)"], "keys_removed": ["prod-2026-06 RS256 (0aKx…)", None]},
        actor="worker", interface="worker", address=None,
    )  # fmt: skip
    Suspend(
        organization_id=ACME, reason=SuspensionReason.API_CALL_THRESHOLD_EXCEEDED, public_text="Contact support."
    ).run(command_line())
    denied: dict[str, list[Scalar]] = {"reason": [None, "organization_suspended"]}
    _event(20, "server_edited", "ProdOkta", denied, result=REFUSED)
    Reinstate(organization_id=ACME).run(command_line())
    _event(12, "signed_in", ALICE, result=REFUSED, address="198.51.100.7")
    lacking: dict[str, list[Scalar]] = {"reason": [None, "permission_missing"]}
    _event(9, "server_added", "acme", lacking, actor="charlie.with.a.rather.long.name@acme.example", result=REFUSED)
    _event(
        2, "server_edited", "ProdOkta",
        {
            "description": ["Batch jobs and partner integrations", "Batch jobs"],
            "verify_certificate": [True, False],
            "jwks_location": [sample_portal.LOCATION, f"{sample_portal.LOCATION}/a-very-long-path-to-wrap?client=…"],
            "client_id": [None, "acme-batch"],
        },
    )  # fmt: skip
    verify_step(timezone.now())
    return bob


def _many() -> Person:
    bob = _mixed()
    for minutes in range(130, 0, -2):
        _event(minutes, "signed_in" if minutes % 3 else "signed_out", ALICE)
    return bob


def _provider() -> Person:
    _mixed()
    CreateOrganization(organization_id="globex", name="Globex").run(command_line())
    _event(1, "signed_in", "charlie@globex.example", actor="charlie@globex.example", organization="globex")
    operator = CreateOperator(email="operator@provider.example", name="Olivia Operator").run(command_line())
    verify_step(timezone.now())
    return operator


def _broken() -> Person:
    bob = _mixed()
    triggers.remove(connection)
    AuditEvent.objects.filter(sequence=7).update(actor="mallory@acme.example")
    triggers.install(connection)
    verify_step(timezone.now())
    return bob


def _overdue() -> Person:
    bob = _mixed()
    AuditCheckpoint.objects.update(verified_at=timezone.now() - timedelta(hours=5))
    return bob


def _unverified() -> Person:
    bob = _mixed()
    AuditCheckpoint.objects.all().delete()
    return bob


def _empty() -> Person:
    sample_portal.acme()
    bob = _reader()
    triggers.remove(connection)
    AuditEvent.objects.filter(organization=ACME).delete()
    triggers.install(connection)
    return bob


def _with(query: str) -> str:
    return f"{audit_page()}?{query}"


def _expand(page: Page) -> None:
    page.get_by_text("Edit authorization server").nth(1).click()


def _expand_refused(page: Page) -> None:
    page.locator("summary", has_text="charlie.with").click()


def _focus(page: Page) -> None:
    page.locator("summary").nth(2).focus()
    page.keyboard.press("Enter")


STATES: Final = (
    State("audit-mixed", _mixed, _expand, whole=True, path=audit_page, sentence="The audit log: who changed what."),
    State("audit-refused", _mixed, _expand_refused, path=audit_page),
    State("audit-focus", _mixed, _focus, path=audit_page),
    State("audit-many", _many, path=lambda: _with("before=60"), whole=True),
    State("audit-provider", _provider, _focus, path=provider_page, whole=True),
    State("audit-filtered", _mixed, path=lambda: _with("result=refused&who=alice&from=2020-01-01"), whole=True),
    State("audit-nothing", _mixed, path=lambda: _with("target=nowhere"), whole=True),
    State("audit-fault-in-filter", _mixed, path=lambda: _with("from=yesterday"), whole=True),
    State("audit-empty", _empty, path=audit_page, whole=True),
    State("audit-broken", _broken, path=audit_page),
    State("audit-overdue", _overdue, path=audit_page),
    State("audit-unverified", _unverified, path=audit_page),
)
