"""Ready examples of how a client gets a token and sends it, for one organization."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from watchword.control.web.shell.snippets import Snippet, Tab

FILES: Final = Path(__file__).parent / "examples"

API_URL: Final = "https://acme.api.example"
SCOPE: Final = "orders:read"
RESOURCE: Final = "https://api.example/orders"
"""What stands in the examples."""

_EXAMPLES: Final = (
    ("curl", "curl", "client.sh", "client.sh", "Needs curl 7.76 or later."),
    ("python", "Python", "client.py", "client.py.txt", "Needs no other package."),
    ("node", "Node", "client.mjs", "client.mjs", "Node 18 or later; needs no other package."),
    ("go", "Go", "main.go", "main.go", "Needs no other module."),
    ("java", "Java", "Client.java", "Client.java", "Java 11 or later; needs no other library."),
)
# Administrators choose the audience, and it becomes a part of programs that others run.
_SAFE: Final = re.compile(r"[0-9A-Za-z.:/_~-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientValues:
    """What differs from one organization to the next.

    Attributes:
        api_url: where its clients reach the API.
        scope: that tokens need; None if any will do.
        audience: that tokens need; None if any will do.
    """

    api_url: str
    scope: str | None = None
    audience: str | None = None

    @property
    def resource(self) -> str:
        """What the examples send; made up where the audience is unknown or could break out of its quotes."""
        return self.audience if self.audience is not None and _SAFE.fullmatch(self.audience) else RESOURCE


def client_examples(values: ClientValues) -> tuple[Tab, ...]:
    """One tab for each language."""
    written = {
        API_URL: values.api_url,
        SCOPE: values.scope or SCOPE,
        RESOURCE: values.resource,
    }
    # At once: a value may be the example of another one.
    pattern = re.compile("|".join(map(re.escape, written)))
    tabs = []
    for name, label, file_name, source, note in _EXAMPLES:
        text = pattern.sub(lambda found: written[found[0]], (FILES / source).read_text())
        tabs.append(Tab(name, label, note, (Snippet(file_name, text),)))
    return tuple(tabs)
