"""One digest over all static files."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

PACKAGES_WITH_STATIC_FILES = ("watchword.control.portal", "django_htmx")


def static_digest() -> str:
    """Hexadecimal, 16 characters; differs as soon as one byte or one name of a static file differs."""
    digest = hashlib.sha256()
    for package in PACKAGES_WITH_STATIC_FILES:
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations or []) if spec is not None else []:
            root = Path(folder) / "static"
            for path in sorted(root.rglob("*")):
                if path.is_file():
                    content = path.read_bytes()
                    digest.update(f"{path.relative_to(root)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]
