"""Envoy: its jwt_authn filter in front of a fixed answer or of an API, or its ext_authz filter that asks a verifier."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.peers import Peer
from kit import forge
from kit.processes import LOOPBACK, free_port, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.peers import Question

_FILTERS = "envoy.filters.http"
_TYPES = "type.googleapis.com/envoy.extensions"
CACHED_TOKENS = 1000


def jwt_authn(question: Question, *, cache: bool) -> dict[str, Any]:
    provider: dict[str, Any] = {
        "issuer": question.issuer,
        "audiences": [question.audience],
        "local_jwks": {"inline_string": forge.key_set(question.key).decode()},
        "forward_payload_header": "x-identity",
    }
    if cache:
        provider["jwt_cache_config"] = {"jwt_cache_size": CACHED_TOKENS}
    settings = {
        "@type": f"{_TYPES}.filters.http.jwt_authn.v3.JwtAuthentication",
        "providers": {"acme": provider},
        "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "acme"}}],
    }
    return {"name": f"{_FILTERS}.jwt_authn", "typed_config": settings}


def ext_authz(verifier: Peer) -> dict[str, Any]:
    settings = {
        "@type": f"{_TYPES}.filters.http.ext_authz.v3.ExtAuthz",
        "failure_mode_allow": False,
        "http_service": {
            "server_uri": {"uri": f"http://{LOOPBACK}:{verifier.port}", "cluster": "verifier", "timeout": "2s"},
            "path_prefix": "/verify/envoy/acme",
            "authorization_response": {"allowed_upstream_headers": {"patterns": [{"prefix": "x-auth-"}]}},
        },
    }
    return {"name": f"{_FILTERS}.ext_authz", "typed_config": settings}


@contextmanager
def envoy(
    folder: Path, name: str, filters: Sequence[dict[str, Any]], *, verifier: Peer | None = None, api: Peer | None = None
) -> Iterator[Peer]:
    """Run it with one worker thread and these filters, in front of an API or of a fixed answer."""
    port = free_port()
    config = folder / f"{name}.json"
    clusters = [_cluster(each, peer) for each, peer in (("verifier", verifier), ("api", api)) if peer is not None]
    config.write_text(json.dumps(_settings(port, filters, clusters, direct=api is None)))
    command = [str(Path(sys.executable).parent / "envoy"), "-c", str(config), "--concurrency", "1"]
    # Several of them on one machine would otherwise fight for one region of shared memory.
    command += ["--log-level", "error", "--disable-hot-restart"]
    with running(command, log=folder / f"{name}.log", port=port, timeout=60) as child:
        yield Peer(port, child.pid)


def _cluster(name: str, peer: Peer) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": {"socket_address": {"address": LOOPBACK, "port_value": peer.port}}}}
    return {
        "name": name,
        "connect_timeout": "2s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


def _settings(
    port: int, filters: Sequence[dict[str, Any]], clusters: Sequence[dict[str, Any]], *, direct: bool
) -> dict[str, Any]:
    action: dict[str, Any] = {"direct_response": {"status": 200}} if direct else {"route": {"cluster": "api"}}
    router = {"name": f"{_FILTERS}.router", "typed_config": {"@type": f"{_TYPES}.filters.http.router.v3.Router"}}
    manager = {
        "@type": f"{_TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "route_config": {
            "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, **action}]}]
        },
        "http_filters": [*filters, router],
    }
    listener = {
        "address": {"socket_address": {"address": LOOPBACK, "port_value": port}},
        "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
        ],
    }
    return {"static_resources": {"listeners": [listener], "clusters": list(clusters)}}
