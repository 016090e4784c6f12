"""Envoy with its jwt_authn filter in front of a fixed answer: the same question that a verifier is asked."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.wrk import pinned
from kit.processes import LOOPBACK, free_port, running

if TYPE_CHECKING:
    from collections.abc import Iterator

_TYPES = "type.googleapis.com/envoy.extensions.filters"
CACHED_TOKENS = 1000


@contextmanager
def envoy(folder: Path, *, issuer: str, audience: str, key_set: bytes, cache: bool, core: int) -> Iterator[int]:
    """Run it on one core with one worker thread; yields its port."""
    port = free_port()
    name = "envoy-cache" if cache else "envoy"
    config = folder / f"{name}.json"
    config.write_text(json.dumps(_config(port, _provider(issuer, audience, key_set, cache=cache))))
    binary = Path(sys.executable).parent / "envoy"
    command = [*pinned(core), str(binary), "-c", str(config), "--concurrency", "1", "--log-level", "error"]
    # Several of them on one machine would otherwise fight for one region of shared memory.
    with running([*command, "--disable-hot-restart"], log=folder / f"{name}.log", port=port, timeout=30):
        yield port


def _provider(issuer: str, audience: str, key_set: bytes, *, cache: bool) -> dict[str, Any]:
    provider: dict[str, Any] = {
        "issuer": issuer,
        "audiences": [audience],
        "local_jwks": {"inline_string": key_set.decode()},
        "forward_payload_header": "x-identity",
    }
    if cache:
        provider["jwt_cache_config"] = {"jwt_cache_size": CACHED_TOKENS}
    return provider


def _config(port: int, provider: dict[str, Any]) -> dict[str, Any]:
    authentication = {
        "@type": f"{_TYPES}.http.jwt_authn.v3.JwtAuthentication",
        "providers": {"acme": provider},
        "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "acme"}}],
    }
    routes = [{"match": {"prefix": "/"}, "direct_response": {"status": 200}}]
    manager = {
        "@type": f"{_TYPES}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": [
            {"name": "envoy.filters.http.jwt_authn", "typed_config": authentication},
            {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{_TYPES}.http.router.v3.Router"}},
        ],
    }
    listener = {
        "address": {"socket_address": {"address": LOOPBACK, "port_value": port}},
        "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
        ],
    }
    return {"static_resources": {"listeners": [listener]}}
