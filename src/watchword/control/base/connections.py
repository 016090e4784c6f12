"""The database connection of the request."""

from __future__ import annotations

from django.db import connection


def release_connection() -> None:
    """Release the database connection, so that other pages can use it while a slow server responds."""
    if not connection.in_atomic_block:
        connection.close()
