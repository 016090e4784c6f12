"""A gRPC API that shows the metadata of each call, and a client that sends any metadata."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import grpc

from kit.orders_api import OrdersApi
from kit.processes import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

METHOD = "/orders.Orders/List"
STREAM = "/orders.Orders/Watch"
"""Answers each message of the client with the same message."""


@contextmanager
def grpc_api() -> Iterator[OrdersApi]:
    """Run it in threads of this process while the block runs."""

    class Handler(grpc.GenericRpcHandler):
        def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
            api.requests.append(call.method)
            if call.method == STREAM:
                return grpc.stream_stream_rpc_method_handler(lambda messages, _context: messages)
            headers = [(name, value if isinstance(value, str) else "") for name, value in call.invocation_metadata]
            answer = json.dumps({"headers": headers, "trailers": []}).encode()
            return grpc.unary_unary_rpc_method_handler(lambda _request, _context: answer)

    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((Handler(),))
    api = OrdersApi(server.add_insecure_port(f"{LOOPBACK}:0"))
    server.start()
    try:
        yield api
    finally:
        server.stop(None).wait(30)


def _channel(port: int, host: str) -> grpc.Channel:
    options = [("grpc.default_authority", host), ("grpc.enable_http_proxy", 0)]
    return grpc.insecure_channel(f"{LOOPBACK}:{port}", options=options)


def conversation(port: int, host: str, metadata: Sequence[tuple[str, str]], messages: Sequence[bytes]) -> list[bytes]:
    """Send each message only after the answer to the one before it."""
    to_send: SimpleQueue[bytes | None] = SimpleQueue()
    with _channel(port, host) as channel:
        method: Any = channel.stream_stream(STREAM)
        answers = method(iter(to_send.get, None), metadata=tuple(metadata), timeout=30, wait_for_ready=True)
        heard = []
        try:
            for message in messages:
                to_send.put(message)
                heard.append(next(answers))
        finally:
            # The library's thread waits for it.
            to_send.put(None)
        return [*heard, *answers]


def call(port: int, host: str, metadata: Sequence[tuple[str, str]]) -> tuple[grpc.StatusCode, Any]:
    """The result of one call: the status, and what the API saw if it was reached.

    Args:
        port: of the gateway, on loopback.
        host: as `:authority`.
        metadata: names in lower case, as HTTP/2 requires.
    """
    with _channel(port, host) as channel:
        try:
            method: Any = channel.unary_unary(METHOD)
            answer = method(b"", metadata=tuple(metadata), timeout=30, wait_for_ready=True)
        except grpc.RpcError as refused:
            return refused.code(), None
        return grpc.StatusCode.OK, json.loads(answer)
