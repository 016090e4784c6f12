"""Database triggers that make the audit log append-only, also for writers that do not use this code.

Only events up to the anchor can be deleted, and the anchor moves only forward, together with an event that records it.
Migration 0001 installs them; a change here needs a migration. Django rebuilds a SQLite table to alter it, which drops
its triggers, so a migration that alters AuditEvent or AuditAnchor must install them again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.backends.base.base import BaseDatabaseWrapper

_SOUND_ANCHOR: Final = """
    EXISTS (SELECT 1 FROM audit_auditevent WHERE sequence = NEW.sequence AND hash = NEW.hash)
    AND EXISTS (
        SELECT 1 FROM audit_auditevent WHERE sequence = NEW.recorded_by AND action = 'audit_events_purged'
    )
"""

_SQLITE: Final = (
    """
    CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit_auditevent
    BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END
    """,
    """
    CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit_auditevent
    WHEN OLD.sequence > COALESCE((SELECT sequence FROM audit_auditanchor), 0)
    BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END
    """,
    # INSERT OR REPLACE deletes the existing row without running the DELETE trigger.
    """
    CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit_auditevent
    WHEN EXISTS (SELECT 1 FROM audit_auditevent WHERE sequence = NEW.sequence OR hash = NEW.hash)
    BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END
    """,
    f"""
    CREATE TRIGGER audit_anchor_first BEFORE INSERT ON audit_auditanchor
    WHEN EXISTS (SELECT 1 FROM audit_auditanchor) OR NOT ({_SOUND_ANCHOR})
    BEGIN SELECT RAISE(ABORT, 'the audit anchor only follows a recorded purge'); END
    """,  # noqa: S608 - no outside text.
    f"""
    CREATE TRIGGER audit_anchor_forward BEFORE UPDATE ON audit_auditanchor
    WHEN NEW.sequence <= OLD.sequence OR NOT ({_SOUND_ANCHOR})
    BEGIN SELECT RAISE(ABORT, 'the audit anchor only follows a recorded purge'); END
    """,
    """
    CREATE TRIGGER audit_anchor_stays BEFORE DELETE ON audit_auditanchor
    BEGIN SELECT RAISE(ABORT, 'the audit anchor only follows a recorded purge'); END
    """,
)

_POSTGRESQL: Final = (
    """
    CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'audit events are append-only'; END $$
    """,
    """
    CREATE FUNCTION audit_purged_only() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN
        IF OLD.sequence > COALESCE((SELECT sequence FROM audit_auditanchor), 0) THEN
            RAISE EXCEPTION 'audit events are append-only';
        END IF;
        RETURN OLD;
    END $$
    """,
    f"""
    CREATE FUNCTION audit_anchor_forward() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN
        IF TG_OP = 'DELETE' OR TG_OP = 'TRUNCATE' THEN
            RAISE EXCEPTION 'the audit anchor only follows a recorded purge';
        END IF;
        IF TG_OP = 'UPDATE' THEN
            IF NEW.sequence <= OLD.sequence THEN
                RAISE EXCEPTION 'the audit anchor only follows a recorded purge';
            END IF;
        END IF;
        IF NOT ({_SOUND_ANCHOR}) THEN
            RAISE EXCEPTION 'the audit anchor only follows a recorded purge';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit_auditevent
    FOR EACH ROW EXECUTE FUNCTION audit_append_only()
    """,
    """
    CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit_auditevent
    FOR EACH ROW EXECUTE FUNCTION audit_purged_only()
    """,
    """
    CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()
    """,
    """
    CREATE TRIGGER audit_anchor_forward BEFORE INSERT OR UPDATE OR DELETE ON audit_auditanchor
    FOR EACH ROW EXECUTE FUNCTION audit_anchor_forward()
    """,
    """
    CREATE TRIGGER audit_anchor_no_truncate BEFORE TRUNCATE ON audit_auditanchor
    FOR EACH STATEMENT EXECUTE FUNCTION audit_anchor_forward()
    """,
)

_REMOVAL: Final = {
    "sqlite": (
        "DROP TRIGGER IF EXISTS audit_no_update",
        "DROP TRIGGER IF EXISTS audit_no_delete",
        "DROP TRIGGER IF EXISTS audit_no_replace",
        "DROP TRIGGER IF EXISTS audit_anchor_first",
        "DROP TRIGGER IF EXISTS audit_anchor_forward",
        "DROP TRIGGER IF EXISTS audit_anchor_stays",
    ),
    "postgresql": (
        "DROP FUNCTION IF EXISTS audit_append_only() CASCADE",
        "DROP FUNCTION IF EXISTS audit_purged_only() CASCADE",
        "DROP FUNCTION IF EXISTS audit_anchor_forward() CASCADE",
    ),
}


def install(connection: BaseDatabaseWrapper) -> None:
    execute(connection, {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}[connection.vendor])


def remove(connection: BaseDatabaseWrapper) -> None:
    """Remove them, for migrations and for tests that empty the database."""
    execute(connection, _REMOVAL[connection.vendor])


def execute(connection: BaseDatabaseWrapper, statements: Sequence[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
