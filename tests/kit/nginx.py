"""A real nginx with the shipped configuration, in a folder of its own."""

from __future__ import annotations

import re
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kit.behind import DOMAIN
from kit.pasted import changed
from kit.processes import LOOPBACK, free_port, running
from watchword.gateways import FILES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
_KEPT = "/dev/shm/watchword"  # noqa: S108 - as the shipped file says; no test writes there.

Kind = Literal["http", "uwsgi", "fastcgi", "scgi", "grpc"]


@contextmanager
def nginx(
    folder: Path,
    behind: Behind,
    *,
    routing: Routing = "host",
    instead: Mapping[str, str] | None = None,
    kind: Kind = "http",
) -> Iterator[int]:
    """Run nginx in front of an API with the shipped files; yields its port on loopback.

    Only the values to edit differ from the shipped files, so that the tests are about the files that operators copy.

    Args:
        folder: of its own.
        behind: the API and the verifiers.
        routing: how requests name their organization.
        instead: replacements of shipped lines.
        kind: the API's protocol.
    """
    port = free_port()
    prefix = _shipped(folder, port, behind, routing)
    _speak(prefix / "watchword.conf", kind)
    if instead:
        files = sorted(prefix.glob("*.conf"))
        for file, text in zip(files, changed([file.read_text() for file in files], instead), strict=True):
            file.write_text(text)
    with _running(prefix, "watchword.conf", port):
        yield port


@contextmanager
def keeping(folder: Path, behind: Behind, *, routing: Routing = "host") -> Iterator[int]:
    """The same with the recipe by which nginx keeps decisions."""
    port = free_port()
    prefix = _shipped(folder, port, behind, routing)
    _point(prefix / "watchword-keep-http.conf", _KEPT, str(folder / "kept"))
    _point(prefix / "watchword-server.conf", "    proxy_cache off;", "    include watchword-keep-server.conf;")
    http = "include watchword-http.conf;"
    _point(prefix / "watchword.conf", http, f"{http}\ninclude watchword-keep-http.conf;")
    with _running(prefix, "watchword.conf", port):
        yield port


def _shipped(folder: Path, port: int, behind: Behind, routing: Routing) -> Path:
    """A copy of the shipped files, with the values of a test."""
    prefix = folder / "nginx"
    prefix.mkdir()
    for shipped in SHIPPED.glob("*.conf"):
        shutil.copy(shipped, prefix)
    site = prefix / "watchword.conf"
    _point(site, "{ default host; }", f"{{ default {routing}; }}")
    _point(site, "{ default api.example; }", f"{{ default {DOMAIN}; }}")
    _point(site, "127.0.0.1:8081", f"{LOOPBACK}:{behind.verifiers[0]}")
    _point(site, "127.0.0.1:8091", f"{LOOPBACK}:{behind.verifiers[1]}")
    _point(site, "your-api:8000", f"{LOOPBACK}:{behind.api.port}")
    _point(site, '{ default ""; }', f'{{ default "{behind.secret}"; }}')
    _point(site, "listen 127.0.0.1:8088;", f"listen {LOOPBACK}:{port};")
    return prefix


def _speak(site: Path, kind: Kind) -> None:
    """Uncomment the shipped lines for another kind of API, as the file says."""
    if kind == "http":
        return
    text = site.read_text()
    of_http = text[text.index("        proxy_pass http://watchword_api") : text.index("        # For another kind")]
    text = text.replace(of_http, "").replace(f"#{kind}: ", "")
    for parameters in Path("/etc/nginx").glob("*_params"):
        # nginx's own, as Debian installs them, without Debian's additions.
        lines = parameters.read_text().splitlines(keepends=True)
        (site.parent / parameters.name).write_text("".join(line for line in lines if " HTTP_HOST " not in line))
    site.write_text(re.sub("(listen .*);", r"\1 http2;", text) if kind == "grpc" else text)


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
