"""Adds to rows that may exist already: one statement for many rows, the same on SQLite and PostgreSQL.

Django's own upsert can only replace values. Read, add and write back would lose concurrent additions and needs two
statements per row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db import connection
from django.db.models import Field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.db.models import Model

ROWS_AT_ONCE: Final = 200
"""SQLite takes 32,766 parameters in one statement; a usage line has twenty."""


def upsert_sums(
    model: type[Model],
    rows: Sequence[Mapping[str, Any]],
    *,
    key: Sequence[str],
    sums: Sequence[str],
    newest: Sequence[str] = (),
) -> None:
    """Insert the rows, or add them to rows with the same key.

    Args:
        model: the table; `key` is one of its unique constraints.
        rows: the values by field name, all with the same fields; no two have the same key.
        key: names of the fields that identify a row.
        sums: names of the fields to add.
        newest: names of the fields that keep the greater value.
    """
    if not rows:
        return
    fields = [_column(model, name) for name in rows[0]]
    columns = {field.name: connection.ops.quote_name(str(field.column)) for field in fields}
    table = connection.ops.quote_name(model._meta.db_table)  # noqa: SLF001 - Django documents it as public.
    added = [f"{columns[name]} = {table}.{columns[name]} + excluded.{columns[name]}" for name in sums]
    greater = [
        f"{columns[name]} = CASE WHEN excluded.{columns[name]} > {table}.{columns[name]} "
        f"THEN excluded.{columns[name]} ELSE {table}.{columns[name]} END"
        for name in newest
    ]
    conflict = ", ".join(columns[name] for name in key)
    places = f"({', '.join(['%s'] * len(fields))})"
    # Always in the same order, so that two statements cannot deadlock.
    ordered = sorted(rows, key=lambda row: [str(row[name]) for name in key])
    with connection.cursor() as cursor:
        for at in range(0, len(ordered), ROWS_AT_ONCE):
            some = ordered[at : at + ROWS_AT_ONCE]
            # All names are columns of our own models; values are parameters.
            statement = (
                f"INSERT INTO {table} ({', '.join(columns.values())}) VALUES {', '.join([places] * len(some))} "  # noqa: S608
                f"ON CONFLICT ({conflict}) DO UPDATE SET {', '.join([*added, *greater])}"
            )
            cursor.execute(
                statement,
                [field.get_db_prep_save(row[field.name], connection) for row in some for field in fields],
            )


def _column(model: type[Model], name: str) -> Field[Any, Any]:
    field = model._meta.get_field(name)  # noqa: SLF001 - Django documents `_meta` as public.
    if not isinstance(field, Field):
        raise TypeError("only columns can be added")
    return field
