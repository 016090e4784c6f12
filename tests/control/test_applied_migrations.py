"""What `config check` reads of a database, on both kinds of it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import connection

from watchword.cli.applied_migrations import _of_postgresql, _of_sqlite
from watchword.cli.control_plane import known_migrations


def read() -> set[str]:
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return _of_sqlite(Path(str(settings["NAME"])))
    user, password, host = (quote(str(settings[name]), safe="") for name in ("USER", "PASSWORD", "HOST"))
    port = f"&port={settings['PORT']}" if settings["PORT"] else ""
    return _of_postgresql(f"postgresql://{user}:{password}@/{settings['NAME']}?host={host}{port}")


@pytest.mark.enable_socket
@pytest.mark.django_db(transaction=True)
def test_fm_01_all_migrations_of_a_migrated_database_are_found() -> None:
    assert known_migrations() <= read()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE django_migrations RENAME TO elsewhere")
    try:
        assert read() == set()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO django_migrations")
