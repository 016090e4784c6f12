"""Rooms below the web know nothing of requests, forms, templates or pages. import-linter cannot name Django's parts."""

from __future__ import annotations

import ast
from pathlib import Path

from watchword import control

ROOMS = ("base", "organizations", "identity", "audit", "servers", "activity", "fleet")
FORBIDDEN = ("django.forms", "django.http", "django.shortcuts", "django.template", "django.urls", "django.views")
ALLOWED = {"identity/backend.py": "the signature of Django's authentication backends names a request"}


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_no_room_below_the_web_knows_requests_or_pages() -> None:
    folder = Path(control.__file__).parent
    files = [path for room in ROOMS for path in (folder / room).rglob("*.py")]
    assert len(files) > 60
    knowing = {
        str(path.relative_to(folder)) for path in files if any(name.startswith(FORBIDDEN) for name in imported(path))
    }
    assert knowing == set(ALLOWED)
