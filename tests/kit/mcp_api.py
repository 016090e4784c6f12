"""An API of the Model Context Protocol behind a gateway: the official server, with one tool."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.transport_security import TransportSecuritySettings

from kit.orders_api import OrdersApi
from kit.processes import LOOPBACK, free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH = "/mcp"
TOOL = "identity"


def identity(context: Context[Any, Any]) -> str:
    """What the API knows about the caller: the organization and the API role that the gateway passed on."""
    headers = context.headers or {}
    return " ".join(headers.get(f"x-auth-{name}", "") for name in ("organization", "role"))


@contextmanager
def mcp_api() -> Iterator[OrdersApi]:
    """Yields where it listens. It checks no token: that is the gateway's part."""
    server = MCPServer("Orders")
    server.tool(name=TOOL)(identity)
    # The gateway decides which hosts are served.
    security = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    app = server.streamable_http_app(streamable_http_path=PATH, transport_security=security)
    port = free_port()
    serving = uvicorn.Server(
        uvicorn.Config(app, host=LOOPBACK, port=port, log_config=None, timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=serving.run)
    thread.start()
    try:
        wait_until(lambda: serving.started, what="the MCP server listens", timeout=30)
        yield OrdersApi(port)
    finally:
        serving.should_exit = True
        thread.join()
