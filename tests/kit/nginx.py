"""A real nginx with the shipped configuration, in a folder of its own."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kit.pasted import changed
from kit.processes import LOOPBACK, free_port, running
from watchword.gateways import FILES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from kit.behind import Behind, Routing

SHIPPED = FILES / "nginx"

_MAIN = """
daemon off;
# One process: nothing changes its user, and one pid ends it.
master_process off;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include %s;
}
"""
_KEEPING_HTTP = "include watchword-http.conf;\ninclude watchword-keep-http.conf;"
_KEPT = "/dev/shm/watchword"  # noqa: S108 - as the shipped file says; no test writes there.


@contextmanager
def nginx(
    folder: Path, behind: Behind, *, routing: Routing = "host", instead: Mapping[str, str] | None = None
) -> Iterator[int]:
    """Run nginx in front of an API with the shipped files; yields its port on loopback.

    Only addresses are changed in what is shipped, so that the tests speak of what an operator copies.
    """
    port = free_port()
    prefix = _shipped(folder, port, behind)
    _point(prefix / "watchword-server.conf", 'set $watchword_secret "";', f'set $watchword_secret "{behind.secret}";')
    if instead:
        files = sorted(prefix.glob("watchword-*.conf"))
        for file, text in zip(files, changed([file.read_text() for file in files], instead), strict=True):
            file.write_text(text)
    with _running(prefix, "example.conf", port):
        yield port


@contextmanager
def keeping(folder: Path, behind: Behind) -> Iterator[int]:
    """The same with the recipe by which nginx keeps decisions, and with `/globex/` for another organization."""
    port = free_port()
    prefix = _shipped(folder, port, behind)
    _point(prefix / "watchword-keep-http.conf", _KEPT, str(folder / "kept"))
    _point(prefix / "watchword-server.conf", "    proxy_cache off;", "    include watchword-keep-server.conf;")
    _point(prefix / "example.conf", "include watchword-http.conf;", _KEEPING_HTTP)
    site = (prefix / "example.conf").read_text()
    location = site[site.index("    location / {") : site.rindex("}")]
    globex = location.replace("location / {", "location /globex/ {").replace(
        "organization acme;", "organization globex;"
    )
    _point(prefix / "example.conf", location, location + globex)
    with _running(prefix, "example.conf", port):
        yield port


def _shipped(folder: Path, port: int, behind: Behind) -> Path:
    """A copy of the shipped files, with the addresses of a test."""
    prefix = folder / "nginx"
    prefix.mkdir()
    for shipped in SHIPPED.glob("*.conf"):
        shutil.copy(shipped, prefix)
    _point(prefix / "example.conf", "127.0.0.1:8088", f"{LOOPBACK}:{port}")
    _point(prefix / "example.conf", "127.0.0.1:8083", f"{LOOPBACK}:{behind.api.port}")
    _point(prefix / "watchword-http.conf", "127.0.0.1:8081", f"{LOOPBACK}:{behind.verifiers[0]}")
    return prefix


@contextmanager
def _running(prefix: Path, site: str, port: int) -> Iterator[None]:
    (prefix / "nginx.conf").write_text(_MAIN % site)
    command = [_nginx(), "-p", str(prefix), "-c", "nginx.conf", "-e", "stderr"]
    with running(command, log=prefix.parent / "nginx.log", port=port):
        yield


def _nginx() -> str:
    # Debian installs it where only root's PATH leads.
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/bin")
    assert found is not None, "nginx is not installed; `make test` installs it"
    return found


def _point(file: Path, shipped: str, actual: str) -> None:
    text = file.read_text()
    assert text.count(shipped) == 1, f"{file.name} names {shipped} {text.count(shipped)} times"
    file.write_text(text.replace(shipped, actual))
