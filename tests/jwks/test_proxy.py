"""FE-01: key sets through the operator's proxy, with a real CONNECT proxy and real TLS on both ways."""

from __future__ import annotations

import base64
import logging
import socket
from contextlib import contextmanager
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest

from kit import certificates, forge
from kit.connect_proxy import ConnectProxy, refuses, says
from kit.key_server import Canary, KeyServer, answers, serves
from watchword.jwks.fetch import FetchPolicy
from watchword.jwks.probe import Findings, Outcome, Problem, Step, probe
from watchword.outbound.proxy import Proxy, parse_credentials, parse_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

pytestmark = pytest.mark.enable_socket

HOST = "keys.acme.example"
BEHIND = "127.0.0.2"
"""Where the key server is. Only the proxy knows it."""
AHEAD = "127.0.0.9"
"""Where a direct connection would go: this service's own DNS says so."""
GOOD_SET = forge.key_set(forge.ec_key("alice"))
PATIENT = {"connect_timeout": 30, "total_timeout": 60}
CREDENTIALS = "watchword:pass:wörd"


def _knows_nothing(_host: str, _port: int) -> Sequence[str]:
    raise socket.gaierror(socket.EAI_NONAME, "as the system says it")


def _does_not_answer(_host: str, _port: int) -> Sequence[str]:
    raise socket.gaierror(socket.EAI_AGAIN, "as the system says it")


def _points_ahead(_host: str, _port: int) -> Sequence[str]:
    return [AHEAD]


@contextmanager
def key_server_behind_proxy(*, over_tls: bool = False) -> Iterator[tuple[KeyServer, ConnectProxy, Canary]]:
    certificate = certificates.GOOD.server_context() if over_tls else None
    with (
        Canary(AHEAD) as canary,
        KeyServer(serves(GOOD_SET, etag='"v1"'), host=BEHIND, port=canary.port) as server,
        ConnectProxy({HOST: BEHIND}, certificate=certificate) as proxy,
    ):
        yield server, proxy, canary


def look_at(server: KeyServer, proxy: Proxy, *, etag: str | None = None, **changes: object) -> Findings:
    policy = server.policy(proxy=proxy, **{"resolver": _knows_nothing, **PATIENT, **changes})
    return probe(server.location_at(HOST), verify_certificate=True, policy=policy, etag=etag)


@pytest.mark.parametrize("over_tls", [False, True])
@pytest.mark.parametrize("resolver", [_knows_nothing, _does_not_answer, _points_ahead])
def test_fe_01_only_the_proxy_is_connected_to(resolver: object, over_tls: bool) -> None:  # noqa: FBT001
    with key_server_behind_proxy(over_tls=over_tls) as (server, proxy, canary):
        findings = look_at(server, proxy.address(), resolver=resolver)
        assert findings.succeeded
        assert proxy.opened == [f"{HOST}:{server.port}"]
        assert server.connections == len(server.requests) == 1
        assert canary.count() == 0


def test_fe_01_canary_notices_a_direct_connection() -> None:
    with key_server_behind_proxy() as (server, proxy, canary):
        policy = server.policy(resolver=_points_ahead, connect_timeout=1, total_timeout=1)
        probe(server.location_at(HOST), verify_certificate=True, policy=policy)
        assert canary.count() == 1
        assert proxy.heads == []


def test_fe_01_findings_say_that_a_proxy_is_used() -> None:
    with key_server_behind_proxy() as (server, proxy, _):
        steps = look_at(server, proxy.address()).steps
    assert [step.outcome for step in steps] == [Outcome.PASSED] * 6
    assert "this service's proxy looks it up" in steps[0].sentence
    assert "through this service's proxy" in steps[1].sentence
    assert steps[1].step is Step.CONNECT


def test_fe_01_proxy_sees_only_name_and_port() -> None:
    with key_server_behind_proxy() as (server, proxy, _):
        assert look_at(server, proxy.address()).succeeded
        lines = proxy.heads[0].decode("ascii").split("\r\n")
        target = f"{HOST}:{server.port}"
        assert lines[:2] == [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
        assert [line.partition(":")[0] for line in lines[2:]] == ["User-Agent", "", ""]
        assert proxy.sent.startswith(b"\x16\x03")
        assert b"GET" not in proxy.sent
        assert b"/keys" not in proxy.sent


@pytest.mark.parametrize("over_tls", [False, True])
def test_fe_01_only_the_proxy_gets_the_credentials(over_tls: bool) -> None:  # noqa: FBT001
    with key_server_behind_proxy(over_tls=over_tls) as (server, proxy, _):
        assert look_at(server, proxy.address(credentials=CREDENTIALS)).succeeded
        (sent,) = proxy.header("Proxy-Authorization")
        assert base64.b64decode(sent.removeprefix("Basic ")).decode() == CREDENTIALS
        assert b"authorization" not in server.requests[0].request.lower()


def test_fe_01_repr_does_not_show_credentials() -> None:
    proxy = Proxy(host="proxy.example", port=3128, credentials=CREDENTIALS)
    assert "pass" not in repr(FetchPolicy(proxy=proxy))


def test_fe_01_proxy_variables_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    with key_server_behind_proxy() as (server, proxy, _), Canary() as other_proxy:
        for variable in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(variable, f"http://{other_proxy.host}:{other_proxy.port}")
        for variable in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(variable, "*")
        assert look_at(server, proxy.address()).succeeded
        assert len(proxy.opened) == 1
        assert other_proxy.count() == 0


def test_fe_01_an_unchanged_key_set_is_not_sent_again() -> None:
    with key_server_behind_proxy() as (server, proxy, _):
        assert look_at(server, proxy.address(), etag='"v1"').not_modified


def test_fe_01_proxy_is_reached_by_name() -> None:
    def resolver(host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.1"] if host == "localhost" else _knows_nothing(host, _port)

    with key_server_behind_proxy(over_tls=True) as (server, proxy, _):
        assert look_at(server, proxy.address(host="localhost"), resolver=resolver).succeeded
        assert look_at(server, proxy.address(host="proxy.example")).problem is Problem.PROXY_UNREACHABLE


@pytest.mark.parametrize("established", [b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.1 200\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n\r\n",
    b"HTTP/1.1 204 x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"])  # fmt: skip
def test_fe_01_tunnel_begins_after_the_header(established: bytes) -> None:
    with key_server_behind_proxy() as (server, proxy, _):
        proxy.established = established
        assert look_at(server, proxy.address()).succeeded


# ------------------------------------------------------------------------------------- what may be connected to


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "169.254.169.254", "10.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::a00:1]", "0x7f.1",
     "2130706433", "localhost", "vault", "metadata.google.internal", "kubernetes.default.svc", "keys.local"],
)  # fmt: skip
def test_fe_01_internal_hosts_are_not_sent_to_the_proxy(host: str) -> None:
    with ConnectProxy() as proxy:
        policy = FetchPolicy(proxy=proxy.address(), resolver=_knows_nothing)
        findings = probe(f"https://{host}/keys", verify_certificate=False, policy=policy)
        assert findings.problem in {Problem.ADDRESS_REFUSED, Problem.HOST_MALFORMED}
        assert findings.steps[0].outcome is Outcome.FAILED
        assert proxy.heads == []


@pytest.mark.parametrize("known", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::1"]])
def test_fe_01_names_of_internal_addresses_are_not_sent_to_the_proxy(known: list[str]) -> None:
    with ConnectProxy({HOST: "127.0.0.1"}) as proxy:
        policy = FetchPolicy(proxy=proxy.address(), resolver=lambda _host, _port: known)
        findings = probe(f"https://{HOST}/keys", verify_certificate=True, policy=policy)
        assert findings.problem is Problem.ADDRESS_REFUSED
        assert proxy.heads == []


@pytest.mark.parametrize("host", ["vault", "metadata.google.internal", "keys.local"])
def test_fe_01_unknown_internal_name_is_refused(host: str) -> None:
    """The operator has opened one network, and the proxy's DNS may lead to any other."""
    with ConnectProxy({host: BEHIND}) as proxy:
        policy = FetchPolicy(
            proxy=proxy.address(), resolver=_knows_nothing, allowed_networks=(ip_network("10.1.0.0/16"),)
        )
        assert probe(f"https://{host}/", verify_certificate=True, policy=policy).problem is Problem.ADDRESS_REFUSED
        assert proxy.heads == []


def test_fe_01_internal_name_in_an_open_network_is_reached() -> None:
    with (
        KeyServer(serves(GOOD_SET), certificates.issued("keys.internal"), host=BEHIND) as server,
        ConnectProxy({"keys.internal": BEHIND}) as proxy,
    ):
        policy = server.policy(proxy=proxy.address(), resolver=_points_ahead, **PATIENT)
        assert probe(server.location_at("keys.internal"), verify_certificate=True, policy=policy).succeeded


def test_fe_01_only_listed_ports_are_requested() -> None:
    with ConnectProxy({HOST: BEHIND}) as proxy:
        policy = FetchPolicy(proxy=proxy.address(), resolver=_knows_nothing)
        findings = probe(f"https://{HOST}:22/", verify_certificate=True, policy=policy)
        assert findings.problem is Problem.PORT_REFUSED
        assert proxy.heads == []


def test_fe_01_ipv6_addresses_are_sent_in_brackets() -> None:
    with ConnectProxy(answering=refuses(403)) as proxy:
        policy = FetchPolicy(proxy=proxy.address(), **PATIENT)  # type: ignore[arg-type]
        probe("https://[2606:4700::1]/", verify_certificate=True, policy=policy)
        assert proxy.heads[0].startswith(b"CONNECT [2606:4700::1]:443 HTTP/1.1\r\nHost: [2606:4700::1]:443\r\n")


# ------------------------------------------------------------------------------------------------ what is shown


SECRET = "internal-banner-7f3a"


@pytest.mark.parametrize(
    "answering",
    [
        refuses(403, f"X-Cache: {SECRET}", body=SECRET.encode()),
        refuses(407, f'Proxy-Authenticate: Basic realm="{SECRET}"'),
        refuses(407, f"Proxy-Authenticate: {SECRET}"),
        refuses(302, f"Location: https://{SECRET}.example/"),
        says(f"HTTP/1.1 418 {SECRET}\r\n\r\n".encode()),
        says(f"{SECRET}\r\n\r\n".encode()),
        says(f"HTTP/1.1 {SECRET}\r\n\r\n".encode()),
    ],
)
def test_fe_01_text_of_the_proxy_is_not_shown(answering: object, caplog: pytest.LogCaptureFixture) -> None:
    """J-14 holds of the proxy as well."""
    with caplog.at_level(logging.DEBUG), key_server_behind_proxy() as (server, proxy, _):
        proxy.answering = answering  # type: ignore[assignment]
        findings = look_at(server, proxy.address(credentials=CREDENTIALS))
    assert not findings.succeeded
    shown = repr(findings) + caplog.text
    for secret in (SECRET, "secret", "pass:", str(proxy.port)):
        assert secret not in shown


def test_fe_01_failures_in_the_tunnel_keep_their_problem() -> None:
    with key_server_behind_proxy() as (server, proxy, _):
        server.behaviour = answers(503)
        assert look_at(server, proxy.address()).problem is Problem.HTTP_SERVER_FAULT
    with (
        KeyServer(serves(GOOD_SET), certificates.EXPIRED, host=BEHIND) as server,
        ConnectProxy({HOST: BEHIND}) as proxy,
    ):
        assert look_at(server, proxy.address()).problem is Problem.CERTIFICATE_EXPIRED


# --------------------------------------------------------------------------------------------------- the settings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://proxy.example:3128", Proxy(host="proxy.example", port=3128)),
        ("http://proxy_1:3128/", Proxy(host="proxy_1", port=3128)),
        ("HTTPS://Proxy.Example:443", Proxy(host="proxy.example", port=443, over_tls=True)),
        ("http://10.1.2.3:8080", Proxy(host="10.1.2.3", port=8080)),
        ("http://[fd00::1]:8080", Proxy(host="fd00::1", port=8080)),
    ],
)
def test_fe_01_valid_proxy_addresses_are_accepted(text: str, expected: Proxy) -> None:
    assert parse_proxy(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "proxy.example:3128", "proxy.example", "http://proxy.example", "http://:3128", "http://proxy.example:0",
     "http://proxy.example:65536", "http://proxy.example:x", "socks5://proxy.example:1080", "http://proxy.example:1/x",
     "http://proxy.example:1?x", "http://proxy.example:1#x", " http://proxy.example:1", "http://proxy.example:1\n",
     "http://pro xy:1", "http://pro\txy:1", "http://proxy\\.example:1", "http://prö.example:1", "http://[::1:1",
     "http://proxy,other:1", "http://secret@proxy.example:1", "http://alice:secret@proxy.example:1"],
)  # fmt: skip
def test_fe_01_invalid_proxy_addresses_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be http://HOST:PORT or https://HOST:PORT") as refused:
        parse_proxy(text)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("text", ["alice:secret", "alice:", "alice:a:b", "ä:ö", "alice: blank "])
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_fe_01_credentials_file_has_one_line(text: str, end: str) -> None:
    assert parse_credentials(text + end) == text


@pytest.mark.parametrize("text", ["", "\n", "secret", ":secret", "alice:secret\nbob:secret", "alice:secret\n\n",
                                  "alice:sec\x00ret", "al\tice:secret"])  # fmt: skip
def test_fe_01_invalid_credentials_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="user:password") as refused:
        parse_credentials(text)
    assert "secret" not in str(refused.value)
