"""What Envoy learns of a verifier over gRPC, so that it asks another one (FL-02)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest

from kit.processes import LOOPBACK, free_port
from watchword.core.decision import Reason
from watchword.verifier import http_contract as wire
from watchword.verifier.listeners.envoy_grpc import grpc_listener
from watchword.verifier.listeners.envoy_messages import CheckRequest, CheckResponse
from watchword.verifier.listeners.gateway_identity import GatewaySecrets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

pytestmark = pytest.mark.enable_socket

ALLOW = wire.Response(200, [(b"x-auth-organization", b"acme")], b"")


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (ALLOW, None),
        (wire.PROFILES["envoy"].denials[Reason.NO_MATCHING_KEY], None),
        (wire.PROFILES["envoy"].denials[Reason.KEYS_STALE], "503"),
        (wire.UNDECIDABLE, "503"),
    ],
)
def test_a_verifier_that_cannot_decide_says_so_in_a_header_too(
    answer: wire.Response,
    told: str | None,
    later: bool,  # noqa: FBT001
) -> None:
    def answering(
        path: str, authorization: Sequence[str], deliver: Callable[[wire.Response], None], /
    ) -> wire.Response | None:
        if not later:
            return answer
        deliver(answer)
        return None

    port = free_port()
    with (
        grpc_listener(host=LOOPBACK, port=port, secrets=None, tls=None) as listener,
        grpc.insecure_channel(f"{LOOPBACK}:{port}") as channel,
    ):
        listener.respond = answering
        listener.open()
        method: Any = channel.unary_unary(
            "/envoy.service.auth.v3.Authorization/Check",
            request_serializer=CheckRequest.SerializeToString,
            response_deserializer=CheckResponse.FromString,
        )
        response, call = method.with_call(CheckRequest(), timeout=30)
    assert dict(call.initial_metadata()).get("x-watchword-status") == told
    assert response.HasField("ok_response") == (answer.status == 200)


def never(*_: object) -> wire.Response:
    raise AssertionError


def test_the_port_answers_health_checks_without_the_secret() -> None:
    port = free_port()
    with (
        grpc_listener(host=LOOPBACK, port=port, secrets=GatewaySecrets(["a-secret"]), tls=None) as listener,
        grpc.insecure_channel(f"{LOOPBACK}:{port}") as channel,
    ):
        listener.respond = never
        listener.open()
        method: Any = channel.unary_unary("/grpc.health.v1.Health/Check")
        # HealthCheckResponse: field 1, `status`, is SERVING.
        assert method(b"", timeout=30) == b"\x08\x01"
