"""What an upgrade makes of registrations that are there already."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from kit import registrations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.migrations.state import StateApps
    from pytest_django import DjangoDbBlocker


@pytest.fixture
def older(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[BaseDatabaseWrapper]:
    """An empty database, apart from that of the other tests."""
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "older.sqlite3")}
    connections.settings["older"] = connections.configure_settings({"default": {}, "older": database})["older"]
    try:
        # Without the marker `django_db`, under which Django refuses databases that it did not know before.
        with django_db_blocker.unblock():
            yield connections["older"]
    finally:
        connections["older"].close()
        del connections["older"], connections.settings["older"]


def test_fl_04_registration_of_an_older_version_keeps_accepting_bound_tokens(older: BaseDatabaseWrapper) -> None:
    def migrated(name: str) -> StateApps:
        MigrationExecutor(older).migrate([("servers", name)])
        return MigrationExecutor(older).loader.project_state([("servers", name)]).apps

    before = migrated("0006_forgotten_etags")
    now = timezone.now()
    before.get_model("organizations", "Organization").objects.using("older").create(
        id="acme", name="Acme", created_at=now
    )
    before.get_model("servers", "AuthorizationServer").objects.using("older").create(
        organization_id="acme", slot=1, enabled=True, name="ProdOkta", jwks_location=registrations.LOCATION,
        verify_certificate=True, created_at=now, updated_at=now,
    )  # fmt: skip
    servers = migrated("0007_bound_tokens").get_model("servers", "AuthorizationServer").objects.using("older")
    assert [server.accepts_bound_tokens for server in servers.all()] == [True]
