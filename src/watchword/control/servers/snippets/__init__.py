"""Settings that put a verifier in front of an API, ready for one organization.

Each text is a file of this folder, as an administrator would have it on disk: the address of the verifier is the one
where it listens unless told otherwise, and `your-api:8000` is to be replaced. docs/gateways.md says what each gateway
passes on; tests/gateways runs every one of these texts in the real gateway.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent
_ORGANIZATION: Final = "{{organization}}"


@dataclass(frozen=True, slots=True)
class File:
    """One text, and the name of the file that it belongs in."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Snippet:
    """Attributes: `gateway` names it in the page, `label` on its tab, `note` says what to know before pasting."""

    gateway: str
    label: str
    note: str
    files: tuple[File, ...]


def _file(name: str, source: str) -> File:
    return File(name, (_HERE / source).read_text())


_SNIPPETS: Final = (
    Snippet(
        "nginx",
        "nginx",
        "Inside the server block of your API. Clients get 401 or 403, and 500 when there is no verifier to ask. The "
        "files in deploy/gateways/nginx also pass on the reason, 400 and 503.",
        (_file("nginx.conf", "nginx.conf"),),
    ),
    Snippet(
        "traefik",
        "Traefik",
        "Traefik 3.7.13 or later. For a verifier that does not answer it waits 30 seconds, then refuses; no setting "
        "shortens that.",
        (
            _file("/etc/traefik/traefik.yaml", "traefik.yaml"),
            _file("/etc/traefik/watchword.yaml", "traefik-watchword.yaml"),
        ),
    ),
    Snippet(
        "caddy",
        "Caddy",
        "Caddy 2.11.2 or later. Clients get 502 or 504 when there is no verifier to ask.",
        (_file("Caddyfile", "Caddyfile"),),
    ),
    Snippet(
        "envoy",
        "Envoy",
        "Envoy 1.36 or later. Add TLS to the listener as you do elsewhere: tokens travel through it.",
        (_file("envoy.yaml", "envoy.yaml"),),
    ),
    Snippet(
        "haproxy",
        "HAProxy",
        "HAProxy 2.6 or later with Lua, as Debian builds it. HAProxy has no subrequest; the script asks the verifier.",
        (
            _file("/etc/haproxy/haproxy.cfg", "haproxy.cfg"),
            _file("/etc/haproxy/watchword.lua", "haproxy-watchword.lua"),
        ),
    ),
    Snippet(
        "python",
        "Python",
        "For an API without a gateway: middleware for FastAPI, Starlette and every other ASGI application. It needs "
        "Python 3.9 or later and no other package.",
        (_file("watchword_asgi.py", "asgi.py.txt"),),
    ),
    Snippet(
        "curl",
        "curl",
        "Ask a verifier yourself, with an access token in the variable ACCESS_TOKEN.",
        (_file("Shell", "curl.sh"),),
    ),
)


def snippets(organization: str) -> tuple[Snippet, ...]:
    """One snippet for each gateway, in the order of their tabs.

    Args:
        organization: its id, which has only letters, digits and hyphens and so needs no quoting in any of the texts.
    """
    return tuple(
        Snippet(
            snippet.gateway,
            snippet.label,
            snippet.note,
            tuple(File(file.name, file.text.replace(_ORGANIZATION, organization)) for file in snippet.files),
        )
        for snippet in _SNIPPETS
    )
