"""What `config check` reads of a database, on both kinds of it, without creating or changing anything."""

from __future__ import annotations

import pytest
from django.db import connections

from watchword.cli.migrations import read_only_connection, unapplied_migrations


@pytest.mark.enable_socket
@pytest.mark.django_db(transaction=True)
def test_fm_01_missing_migrations_are_found_without_a_write() -> None:
    own = connections["default"]
    names = ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS")
    database = {name: own.settings_dict[name] for name in names}
    with read_only_connection(database) as reader:
        assert unapplied_migrations(reader) == []
    assert connections["default"] is own
    with own.cursor() as cursor:
        cursor.execute("ALTER TABLE django_migrations RENAME TO elsewhere")
    try:
        with read_only_connection(database) as reader:
            assert "identity.0001_initial" in unapplied_migrations(reader)
        assert "django_migrations" not in own.introspection.table_names()
    finally:
        with own.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO django_migrations")
