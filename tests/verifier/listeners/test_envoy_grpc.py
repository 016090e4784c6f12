"""Envoy's gRPC, asked as Envoy does; the real Envoy asks in tests/gateways."""

from __future__ import annotations

import re
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from kit import certificates, live
from kit.feed_server import FeedServer, feed_server
from kit.processes import LOOPBACK, free_port, wait_until
from kit.secret_file import secret_file
from kit.verifier_process import VerifierProcess, verifier_process
from watchword.core.decision import Reason
from watchword.gateways import FILES
from watchword.settings.base import SettingsProblem
from watchword.settings.load import load_verifier_settings
from watchword.verifier import http_contract as wire
from watchword.verifier.listeners.envoy_grpc import authorization_of, check_response, grpc_listener, path_of
from watchword.verifier.listeners.envoy_messages import CheckRequest, CheckResponse
from watchword.verifier.listeners.gateway_identity import GatewaySecrets
from watchword.verifier.listeners.http import _grpc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

# What a file starts for all its tests must not lose its sockets between them.
pytestmark = pytest.mark.enable_socket

SECRET = "secret-of-the-gateway-and-the-verifier"


def question(
    *authorization: str, organization: Sequence[str] = ("acme",), raw: bool = True, name: str = "authorization"
) -> Any:
    """What Envoy sends: with `encode_raw_headers` each header by itself, otherwise joined."""
    asked = CheckRequest()
    for value in organization:
        asked.attributes.context_extensions.add(key="organization", value=value)
    http = asked.attributes.request.http
    if raw:
        http.header_map.headers.add(key=":path", raw_value=b"/orders")
        for value in authorization:
            http.header_map.headers.add(key=name, raw_value=value.encode("latin-1"))
    elif authorization:
        http.headers.add(key=name, value=",".join(authorization))
    return asked


def check(channel: grpc.Channel, asked: Any, *metadata: tuple[str, str]) -> Any:
    method: Any = channel.unary_unary(
        "/envoy.service.auth.v3.Authorization/Check",
        request_serializer=CheckRequest.SerializeToString,
        response_deserializer=CheckResponse.FromString,
    )
    return method(asked, metadata=metadata, timeout=20)


def text(pairs: wire.Headers) -> dict[str, str]:
    return {name.decode("ascii"): value.decode("ascii") for name, value in pairs}


def headers(part: Any) -> dict[str, str]:
    return {option.header.key: option.header.value for option in part.headers}


def named_in_metadata(asked: Any, *organizations: str, space: str = "watchword", member: str = "organization") -> Any:
    """The same question with what a filter of Envoy made of host or path."""
    for organization in organizations:
        fields = asked.attributes.metadata_context.filter_metadata.add(key=space).value.fields
        fields.add(key=member).value.string_value = organization
    return asked


def routed_by_token(asked: Any, value: str = "token") -> Any:
    asked.attributes.context_extensions.add(key="routing", value=value)
    return asked


NOBODY = "/verify/envoy/"


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        (question(), "/verify/envoy/acme"),
        (question(organization=()), NOBODY),
        (question(organization=("acme", "globex")), NOBODY),
        (named_in_metadata(question(organization=()), "acme"), "/verify/envoy/acme"),
        (named_in_metadata(question(organization=()), "acme", "globex"), NOBODY),
        (named_in_metadata(question(), "globex"), NOBODY),
        (named_in_metadata(question(organization=()), "acme", space="envoy.lb"), NOBODY),
        (named_in_metadata(question(organization=()), "acme", member="host"), NOBODY),
        (routed_by_token(question(organization=())), "/verify-by-token/envoy"),
        (routed_by_token(question(organization=()), "host"), NOBODY),
        (named_in_metadata(question(organization=()), "token", member="routing"), "/verify-by-token/envoy"),
        (named_in_metadata(question(), "token", member="routing"), "/verify/envoy/acme"),
        (named_in_metadata(question(organization=()), "token", space="envoy.lb", member="routing"), NOBODY),
        # What names an organization is not overruled by a token.
        (routed_by_token(question()), "/verify/envoy/acme"),
        (routed_by_token(named_in_metadata(question(organization=()), "acme")), "/verify/envoy/acme"),
    ],
)
def test_the_path_is_for_the_one_organization_that_envoy_names(asked: Any, path: str) -> None:
    assert path_of(asked) == path


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize("name", ["authorization", "Authorization"])
def test_the_authorization_headers_are_taken_out(raw: bool, name: str) -> None:  # noqa: FBT001
    assert authorization_of(question(raw=raw)) == []
    assert authorization_of(question("Bearer a", raw=raw, name=name)) == ["Bearer a"]
    two = authorization_of(question("Bearer a", "Bearer b", raw=raw, name=name))
    assert two == (["Bearer a", "Bearer b"] if raw else ["Bearer a,Bearer b"])


@pytest.mark.parametrize("reason", Reason)
def test_a_denial_arrives_whole(reason: Reason) -> None:
    answer = wire.PROFILES["envoy"].denials[reason]
    response = check_response(answer)
    assert response.status.code != 0
    assert not response.HasField("ok_response")
    assert response.denied_response.status.code == reason.status
    assert headers(response.denied_response) == text(answer.headers)
    assert response.denied_response.body == answer.body.decode()


def test_only_a_200_is_an_allow() -> None:
    identity = [(b"x-auth-subject", b"alice"), (b"x-auth-scope", b"")]
    response = check_response(wire.Response(200, [*identity, (b"cache-control", b"no-store")], b""))
    assert response.status.code == 0
    assert headers(response.ok_response) == text(identity)
    assert {option.append_action for option in response.ok_response.headers} == {2}
    for status in (204, 301, 404, 500):
        assert check_response(wire.Response(status, identity, b"")).status.code != 0


class Site:
    def __init__(self, channel: grpc.Channel, verifier: VerifierProcess, feed: FeedServer) -> None:
        self.channel = channel
        self.verifier = verifier
        self.feed = feed

    def check(self, *authorization: str, **asked: Any) -> Any:
        return check(self.channel, question(*authorization, **asked), ("x-watchword-secret", SECRET))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("grpc")
    pair, gateway = certificates.pair(folder, "verifier"), certificates.pair(folder, "gateway")
    port = free_port()
    settings = {
        "grpc_port": str(port),
        "gateway_secret_file": str(secret_file(folder / "secret", SECRET)),
        "tls_certificate_file": str(pair.certificate),
        "tls_key_file": str(pair.key),
        "gateway_ca_file": str(pair.authority),
    }
    shown = grpc.ssl_channel_credentials(
        pair.authority.read_bytes(), gateway.key.read_bytes(), gateway.certificate.read_bytes()
    )
    with feed_server() as feed:
        feed.publish(live.trust(), live.trust(organization="globex", suspended=True))
        with (
            verifier_process(folder, feed_port=feed.port, ready=True, **settings) as verifier,
            grpc.secure_channel(f"{LOOPBACK}:{port}", shown) as channel,
        ):
            yield Site(channel, verifier, feed)


def test_the_decisions_are_those_of_the_other_listener(site: Site) -> None:
    allowed = site.check(f"Bearer {live.token()}")
    assert allowed.status.code == 0
    identity = headers(allowed.ok_response)
    assert identity.pop("x-auth-expires").isdigit()
    assert identity == {
        "x-auth-organization": "acme",
        "x-auth-server": "ProdOkta",
        "x-auth-issuer": "https://login.acme.example/",
        "x-auth-subject": "alice",
        "x-auth-client-id": "acme-batch",
        "x-auth-scope": "orders:read orders:write",
        "x-auth-role": "",
    }
    good = f"Bearer {live.token()}"
    for asked, status, reason in (
        (question(), 401, "token_missing"),
        (question(f"Bearer {live.token(exp=1)}"), 401, "token_expired"),
        (question("Basic YWxpY2U6c2VjcmV0"), 401, "scheme_not_bearer"),
        (question(good, good), 400, "authorization_repeated"),
        (question(good, good, raw=False), 400, "authorization_malformed"),
        (question("Bearer caf\xe9"), 400, "authorization_malformed"),
        (question(good, organization=["globex"]), 403, "organization_suspended"),
        (question(good, organization=["nobody"]), 401, "no_matching_key"),
        (question(good, organization=[]), 401, "no_matching_key"),
        (question(good, organization=["globex/../acme"]), 403, "organization_suspended"),
    ):
        denied = check(site.channel, asked, ("x-watchword-secret", SECRET)).denied_response
        assert (denied.status.code, f'"reason": "{reason}"' in denied.body) == (status, True), denied


@pytest.mark.parametrize("shown", [(), ("wrong",), (SECRET, SECRET)])
def test_without_the_secret_nothing_is_decided(site: Site, shown: tuple[str, ...]) -> None:
    for asked in (question(f"Bearer {live.token()}"), question()):
        with pytest.raises(grpc.RpcError) as raised:
            check(site.channel, asked, *(("x-watchword-secret", secret) for secret in shown))
        assert raised.value.code() is grpc.StatusCode.PERMISSION_DENIED


def test_a_good_token_of_a_new_key_waits_for_it_and_holds_up_nobody(site: Site) -> None:
    rotated = live.KEY.named("rotated")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(site.check, f"Bearer {live.token(rotated)}")
        wait_until(lambda: ("acme", "rotated") in site.feed.reports, what="the key is asked for", timeout=30)
        assert site.check(f"Bearer {live.token()}").status.code == 0
        site.feed.publish(live.trust(live.KEY, rotated))
        answer = waiting.result(timeout=30)
    # On a machine that is busy the key may come after its time; then the token is refused, not left without an answer.
    assert answer.status.code == 0 or "no_matching_key" in answer.denied_response.body


def never(*_: object) -> wire.Response:
    raise AssertionError


def test_a_port_in_use_is_said() -> None:
    port = free_port()
    with grpc_listener(host=LOOPBACK, port=port, secrets=None, tls=None) as listener:
        listener.respond = never
        listener.open()
        again = grpc_listener(host=LOOPBACK, port=port, secrets=None, tls=None)
        with pytest.raises(SettingsProblem, match="grpc_port"):
            again.__enter__()


def test_a_port_that_another_process_took_while_it_was_closed_is_said() -> None:
    port = free_port()
    with grpc_listener(host=LOOPBACK, port=port, secrets=None, tls=None) as listener:
        listener.respond = never
        with socket.create_server((LOOPBACK, port)), pytest.raises(SettingsProblem, match="grpc_port"):
            listener.open()
        listener.open()


def test_without_its_packages_the_setting_stops_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "grpc", None)
    with pytest.raises(SettingsProblem, match=r"watchword\[grpc\]"):
        _grpc(load_verifier_settings(grpc_port=8082), None, None)
    with _grpc(load_verifier_settings(), None, None) as none:
        assert none is None


def test_what_was_asked_before_the_end_is_answered() -> None:
    port, asked = free_port(), threading.Event()
    promised: list[Callable[[wire.Response], None]] = []

    def waiting(path: str, authorization: Sequence[str], later: Callable[[wire.Response], None], /) -> None:
        promised.append(later)
        asked.set()

    with (
        grpc_listener(host=LOOPBACK, port=port, secrets=None, tls=None) as listener,
        grpc.insecure_channel(f"{LOOPBACK}:{port}") as channel,
        ThreadPoolExecutor(2) as pool,
    ):
        listener.respond = waiting
        listener.open()
        answer = pool.submit(check, channel, question())
        assert asked.wait(30)
        listener.close()
        end = pool.submit(listener.drain)
        promised[0](wire.PROFILES["envoy"].denials[Reason.NO_MATCHING_KEY])
        assert answer.result(timeout=30).denied_response.status.code == 401
        end.result(timeout=30)
        # One that has already gone is nobody's fault.
        promised[0](wire.UNDECIDABLE)


def test_what_a_closing_listener_says_is_what_envoy_asks_another_verifier_about() -> None:
    port = free_port()
    (retried,) = re.findall(r"retry_on: (\S+)", (FILES / "envoy/envoy-grpc.yaml").read_text())

    def until_refused(channel: grpc.Channel, answered: threading.Event) -> str:
        while True:
            try:
                assert check(channel, question()).status.code == 0
            except grpc.RpcError as failure:
                return failure.code().name.lower()
            answered.set()

    with grpc_listener(host=LOOPBACK, port=port, secrets=None, tls=None) as listener, ThreadPoolExecutor(4) as pool:
        listener.respond = lambda *_: wire.Response(200, [], b"")
        for _ in range(5):
            listener.open()
            answered = threading.Event()
            with grpc.insecure_channel(f"{LOOPBACK}:{port}") as channel:
                # A call fails at once on a channel that could not connect in time, and would end before it began.
                grpc.channel_ready_future(channel).result(timeout=30)
                calls = [pool.submit(until_refused, channel, answered) for _ in range(4)]
                assert answered.wait(30)
                listener.close()
                assert {call.result(timeout=30) for call in calls} <= set(retried.split(","))


def test_whatever_goes_wrong_is_no_allow() -> None:
    port = free_port()
    with (
        grpc_listener(host=LOOPBACK, port=port, secrets=GatewaySecrets([SECRET]), tls=None) as listener,
        grpc.insecure_channel(f"{LOOPBACK}:{port}") as channel,
    ):
        listener.respond = never
        listener.open()
        with pytest.raises(grpc.RpcError) as raised:
            check(channel, question(), ("x-watchword-secret", SECRET))
        assert raised.value.code() is grpc.StatusCode.UNKNOWN
        garbage: Any = channel.unary_unary("/envoy.service.auth.v3.Authorization/Check")
        with pytest.raises(grpc.RpcError):
            garbage(b"\xff" * 9, metadata=(("x-watchword-secret", SECRET),), timeout=20)
