"""The gateways' configurations: the texts in `files`, to which `deploy/gateways` links.

Each serves all organizations and runs unchanged with its example addresses. docs/gateways.md describes the gateways and
the values to edit; tests/gateways runs every text in the real gateway.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

FILES: Final = Path(__file__).parent / "files"


@dataclass(frozen=True, slots=True)
class File:
    """One configuration file.

    Attributes:
        name: the path of the file.
        text: its content.
    """

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Gateway:
    """The configuration of one gateway.

    Attributes:
        name: used in URLs and tests.
        label: shown to people.
        note: requirements and hints.
        files: in the order in which to read them.
    """

    name: str
    label: str
    note: str
    files: tuple[File, ...]


def _file(name: str, source: str) -> File:
    return File(name, (FILES / source).read_text())


def gateways() -> tuple[Gateway, ...]:
    """All gateways, in the order of their tabs."""
    return (
        Gateway(
            "nginx",
            "nginx",
            "nginx 1.15.3 or later with ngx_http_auth_request_module, which Debian's has.",
            (
                _file("/etc/nginx/conf.d/watchword.conf", "nginx/watchword.conf"),
                _file("/etc/nginx/watchword-http.conf", "nginx/watchword-http.conf"),
                _file("/etc/nginx/watchword-server.conf", "nginx/watchword-server.conf"),
                _file("/etc/nginx/watchword-protect.conf", "nginx/watchword-protect.conf"),
            ),
        ),
        Gateway(
            "traefik",
            "Traefik",
            "Traefik 3.7.13 or later.",
            (
                _file("/etc/traefik/traefik.yaml", "traefik/traefik.yaml"),
                _file("/etc/traefik/watchword.yaml", "traefik/watchword.yaml"),
            ),
        ),
        Gateway("caddy", "Caddy", "Caddy 2.11.2 or later.", (_file("/etc/caddy/Caddyfile", "caddy/Caddyfile"),)),
        Gateway(
            "envoy",
            "Envoy",
            "Envoy 1.36 or later, with its Lua filter. Add TLS to the listener as you do elsewhere.",
            (_file("/etc/envoy/envoy.yaml", "envoy/envoy.yaml"),),
        ),
        Gateway(
            "envoy-grpc",
            "Envoy over gRPC",
            "The same, but Envoy asks over gRPC. The verifiers need WATCHWORD_VERIFIER_GRPC_PORT and the extra `grpc`.",
            (_file("/etc/envoy/envoy.yaml", "envoy/envoy-grpc.yaml"),),
        ),
        Gateway(
            "haproxy",
            "HAProxy",
            "HAProxy 2.6 or later with Lua, which Debian's has: the script asks the verifier.",
            (
                _file("/etc/haproxy/haproxy.cfg", "haproxy/haproxy.cfg"),
                _file("/etc/haproxy/watchword.lua", "haproxy/watchword.lua"),
            ),
        ),
        Gateway(
            "python",
            "Python",
            "For an API of one organization without a gateway: middleware for FastAPI, Starlette and every other ASGI "
            "application. It needs Python 3.9 or later and no other package.",
            (_file("watchword_asgi.py", "python/watchword_asgi.py.txt"),),
        ),
    )
