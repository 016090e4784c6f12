"""Triggers that make the audit log append-only in the database itself, for whoever comes around the code.

Installed by migration 0002; a change here needs a migration of its own. Django rebuilds a SQLite table to alter it,
which drops its triggers: a migration that alters AuditEvent must install them again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

_SQLITE: Final = (
    """
    CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit_auditevent
    BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END
    """,
    """
    CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit_auditevent
    BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END
    """,
    # INSERT OR REPLACE removes the row in its way without asking the trigger for DELETE.
    """
    CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit_auditevent
    WHEN EXISTS (SELECT 1 FROM audit_auditevent WHERE sequence = NEW.sequence OR hash = NEW.hash)
    BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END
    """,
)

_POSTGRESQL: Final = (
    """
    CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'audit events are append-only'; END $$
    """,
    """
    CREATE TRIGGER audit_no_update_or_delete BEFORE UPDATE OR DELETE ON audit_auditevent
    FOR EACH ROW EXECUTE FUNCTION audit_append_only()
    """,
    """
    CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()
    """,
)

_REMOVAL: Final = {
    "sqlite": (
        "DROP TRIGGER IF EXISTS audit_no_update",
        "DROP TRIGGER IF EXISTS audit_no_delete",
        "DROP TRIGGER IF EXISTS audit_no_replace",
    ),
    "postgresql": ("DROP FUNCTION IF EXISTS audit_append_only() CASCADE",),
}


def install(connection: BaseDatabaseWrapper) -> None:
    _execute(connection, {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}[connection.vendor])


def remove(connection: BaseDatabaseWrapper) -> None:
    """For the reverse migration, and for tests that empty the database."""
    _execute(connection, _REMOVAL[connection.vendor])


def _execute(connection: BaseDatabaseWrapper, statements: tuple[str, ...]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
