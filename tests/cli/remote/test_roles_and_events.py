"""`watchword roles` and `watchword audit-events` against the management API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from kit import api_access
from watchword.cli.remote.roles import CATEGORIES
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import ApiCategory
from watchword.control.identity.api_models import ApiRole

if TYPE_CHECKING:
    from kit.remote_portal import RemotePortal

pytestmark = pytest.mark.enable_socket


def test_arguments_name_all_categories() -> None:
    assert list(CATEGORIES.values()) == ApiCategory.values


def test_roles_are_created_changed_and_deleted(portal: RemotePortal) -> None:
    portal.ok("roles", "add", "Reader", "--view", "audit-logs", "--full", "activity")
    (reader,) = [role for role in portal.document("roles", "list") if role["name"] == "Reader"]
    assert reader["rights"] == {"Audit Logs": "view", "Activity": "full"}
    assert portal.document("roles", "show", "reader") == reader
    table = portal.ok("roles", "list").stdout
    assert "Deployer" in table
    assert "Audit Logs: view" in table
    assert "ci" in table
    portal.ok("roles", "edit", "Reader", "--name", "Auditor")
    portal.ok("roles", "edit", "Auditor", "--view", "api-roles")
    assert ApiRole.objects.get(name="Auditor").rights == {"API Roles": "view"}
    portal.ok("roles", "edit", "Auditor", "--no-rights")
    assert ApiRole.objects.get(name="Auditor").rights == {}
    refused = portal.run("roles", "delete", "Auditor")
    assert "! Deletes Auditor, revokes its API keys (none)" in refused.stderr
    portal.ok("roles", "delete", "Auditor", "--yes")
    assert "There is no API role “Auditor”. Existing: Deployer." in portal.run("roles", "show", "Auditor").stderr


@pytest.mark.parametrize("arguments", [[], ["--no-rights", "--view", "activity"]])
def test_edit_of_a_role_without_a_clear_change_is_wrong_usage(portal: RemotePortal, arguments: list[str]) -> None:
    assert portal.run("roles", "edit", "Deployer", *arguments).exit_code == 2


def test_role_with_a_bad_name_is_refused(portal: RemotePortal) -> None:
    outcome = portal.run("roles", "add", "two words")
    assert (outcome.exit_code, "  name: The name has 1 to 16 characters" in outcome.stderr) == (1, True)


def test_events_are_listed_over_several_pages(portal: RemotePortal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watchword.cli.remote.audit_events._PAGE", 2)
    for name in ("One", "Two", "Three", "Four", "Five"):
        api_access.api_role(name)
    arguments = ("audit-events", "list", "--action", "api_role_created")
    events = portal.document(*arguments)
    assert [event["target"] for event in events] == ["Five", "Four", "Three", "Two", "One", "Deployer"]
    assert [event["target"] for event in portal.document(*arguments, "--limit", "3")] == ["Five", "Four", "Three"]
    assert portal.document(*arguments, "--until", "2020-01-01") == []
    assert len(portal.document(*arguments, "--since", "2020-01-01T00:00:00Z", "--target", "five")) == 1
    assert "Five" in portal.ok(*arguments).stdout
    assert portal.ok(*arguments, "--actor", "nobody").stdout == "There are no such events.\n"


def test_events_are_exported_as_lines(portal: RemotePortal) -> None:
    lines = portal.ok("audit-events", "export").stdout.splitlines()
    assert len(lines) >= 3
    assert [json.loads(line)["sequence"] for line in lines] == sorted(json.loads(line)["sequence"] for line in lines)
    only = portal.ok("audit-events", "export", "--action", "api_role_created").stdout.splitlines()
    assert [json.loads(line)["action"] for line in only] == ["api_role_created"]
    assert AuditEvent.objects.filter(action="audit_log_exported").count() == 2
