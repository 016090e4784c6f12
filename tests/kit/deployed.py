"""`deploy/gateways` beside what the portal shows: for each gateway the same text, there for an organization `acme`.

`python -m kit.deployed` in `tests` writes the files anew; a test holds them to the portal's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from watchword.control.servers.snippets import snippets

FOLDER: Final = Path(__file__).parents[2] / "deploy" / "gateways"
SHARED: Final = ("traefik", "caddy", "envoy", "haproxy")
"""nginx has longer files of its own there; Python and curl are no gateways."""


def shared_files() -> dict[Path, str]:
    """Where each text of the portal stands in `deploy/gateways`."""
    return {
        FOLDER / snippet.gateway / Path(file.name).name: file.text
        for snippet in snippets("acme")
        if snippet.gateway in SHARED
        for file in snippet.files
    }


if __name__ == "__main__":
    for path, text in shared_files().items():
        path.write_text(text)
