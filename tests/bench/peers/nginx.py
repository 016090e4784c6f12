"""nginx: a fixed answer, the ceiling of the wire and the API behind gateways; and auth_request that asks a verifier."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.peers import Peer
from kit.processes import LOOPBACK, free_port, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MAIN = """
daemon off;
master_process off;
pid nginx.pid;
error_log stderr error;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    {http}
    server {{ listen {address}:{port}; large_client_header_buffers 4 32k; {server} }}
}}
"""
_UPSTREAM = "upstream {name} {{ server {address}:{port}; keepalive 64; keepalive_requests 1000000; }}"
_TO_API = 'location / {{ {ask} proxy_pass http://api; proxy_http_version 1.1; proxy_set_header Connection ""; }}'
_ASK = """
location = /_verify {{
    internal;
    proxy_pass http://verifier/verify/nginx/acme;
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass_request_body off;
    proxy_set_header Content-Length ""; proxy_set_header Authorization $http_authorization;
    {keep}
}}
"""
_KEEP = """
    proxy_cache decisions; proxy_cache_key "acme $http_authorization"; proxy_cache_valid 200 2s;
    proxy_ignore_headers Cache-Control;
"""


@contextmanager
def fixed_answer(folder: Path, name: str) -> Iterator[Peer]:
    """200 without a look at the request."""
    with _nginx(folder / name, http="", server='location / { return 200 "ok"; }') as peer:
        yield peer


@contextmanager
def in_front_of(api: Peer, folder: Path, name: str, *, verifier: Peer | None, keep: bool = False) -> Iterator[Peer]:
    """In front of an API, asking a verifier about every request if there is one; `keep` keeps its yes for 2 s."""
    http = _UPSTREAM.format(name="api", address=LOOPBACK, port=api.port)
    server = _TO_API.format(ask="" if verifier is None else "auth_request /_verify;")
    if verifier is not None:
        http += _UPSTREAM.format(name="verifier", address=LOOPBACK, port=verifier.port)
        server += _ASK.format(keep=_KEEP if keep else "")
    if keep:
        http += "proxy_cache_path cache keys_zone=decisions:16m max_size=64m inactive=10s;"
    with _nginx(folder / name, http=http, server=server) as peer:
        yield peer


@contextmanager
def _nginx(prefix: Path, *, http: str, server: str) -> Iterator[Peer]:
    prefix.mkdir()
    port = free_port()
    settings = prefix / "nginx.conf"
    settings.write_text(_MAIN.format(http=http, server=server, address=LOOPBACK, port=port))
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin") or "nginx"
    command = [program, "-p", str(prefix), "-c", str(settings), "-e", "stderr"]
    with running(command, log=prefix / "nginx.log", port=port) as child:
        yield Peer(port, child.pid)
