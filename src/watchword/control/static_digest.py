"""One digest over all static files."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

OWN_FILES = Path(__file__).parent / "web" / "shell" / "static"
PACKAGES = ("django_htmx", "ninja")


def folders() -> list[Path]:
    """The folders of all static files: the portal's own, and those of installed packages."""
    specs = [find_spec(package) for package in PACKAGES]
    places = [place for spec in specs if spec is not None for place in spec.submodule_search_locations or ()]
    return [OWN_FILES, *(Path(place) / "static" for place in places)]


def static_digest() -> str:
    """Hexadecimal, 16 characters; differs as soon as one byte or one name of a static file differs."""
    digest = hashlib.sha256()
    for folder in folders():
        for path in sorted(folder.rglob("*")):
            # Source maps are large, and browsers load them for developers only.
            if path.is_file() and path.suffix != ".map":
                content = path.read_bytes()
                digest.update(f"{path.relative_to(folder)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]
