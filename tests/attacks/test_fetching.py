"""Hostile locations, names and certificates: J-01 to J-08, J-15, J-24, J-28 and J-29."""

from __future__ import annotations

import socket
import time
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

import pytest

from kit import certificates, forge
from kit.hostile import LOOPBACK_SPELLINGS
from kit.key_server import Canary, KeyServer, serves
from watchword.jwks.probe import FetchPolicy, Findings, Problem, Step, probe
from watchword.outbound.address import LocationRefused, check_address
from watchword.outbound.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

pytestmark = pytest.mark.enable_socket

GOOD_SET = forge.key_set(forge.ec_key("alice"))
SHORT = 0.5
"""Seconds that a hostile server gets in these tests instead of 5."""
HANGING = 10.0
"""Seconds that a name server hangs."""


def look_at(server: KeyServer, *, verify_certificate: bool = True, **changes: object) -> Findings:
    return probe(server.location, verify_certificate=verify_certificate, policy=server.policy(**changes))


# ------------------------------------------------------------------------------------------------ addresses and names


@pytest.mark.parametrize("host", LOOPBACK_SPELLINGS)
def test_j01_internal_addresses_are_not_connected_to_in_any_spelling(host: str) -> None:
    with Canary() as canary:
        policy = FetchPolicy(allowed_ports=frozenset({canary.port}), connect_timeout=0.1, total_timeout=2)
        for verify_certificate in (True, False):
            findings = probe(f"https://{host}:{canary.port}/", verify_certificate=verify_certificate, policy=policy)
            assert not findings.succeeded
            assert findings.steps[1].step is Step.CONNECT
            assert findings.steps[1].sentence == "Not reached."
    assert canary.connections == 0


def test_j01_canary_notices_a_connection() -> None:
    with Canary() as canary:
        policy = FetchPolicy(
            allowed_ports=frozenset({canary.port}), allowed_networks=(ip_network("127.0.0.1"),), total_timeout=SHORT
        )
        probe(f"https://127.0.0.1:{canary.port}/", verify_certificate=True, policy=policy)
    assert canary.connections == 1


def test_j01_ipv6_loopback_is_not_connected_to() -> None:
    with Canary("::1") as canary:
        policy = FetchPolicy(allowed_ports=frozenset({canary.port}), allowed_networks=(ip_network("127.0.0.0/8"),))
        findings = probe(f"https://[::1]:{canary.port}/", verify_certificate=True, policy=policy)
    assert findings.problem is Problem.ADDRESS_REFUSED
    assert canary.connections == 0


@pytest.mark.parametrize("resolved", [["127.0.0.2", "127.0.0.1"], ["127.0.0.1", "127.0.0.2"], ["127.0.0.1", "::1"]])
def test_j01_one_internal_address_refuses_the_host(resolved: Sequence[str]) -> None:
    with KeyServer(serves(GOOD_SET)) as server:
        policy = server.policy(resolver=lambda _host, _port: resolved, allowed_networks=(ip_network("127.0.0.1"),))
        findings = probe(server.location_at("keys.acme.example"), verify_certificate=True, policy=policy)
    assert findings.problem is Problem.ADDRESS_REFUSED
    assert server.connections == 0


def test_j04_name_is_looked_up_once() -> None:
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    with KeyServer(serves(GOOD_SET)) as server, Canary("127.0.0.2"):
        policy = server.policy(resolver=rebinding, allowed_networks=(ip_network("127.0.0.1"),))
        findings = probe(server.location_at("keys.acme.example"), verify_certificate=True, policy=policy)
    assert findings.succeeded
    assert asked == ["keys.acme.example"]


def test_j04_connection_to_another_peer_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    with KeyServer(serves(GOOD_SET), host="127.0.0.3") as elsewhere:

        class DetouringSocket(socket.socket):
            def connect(self, _address: object) -> None:
                super().connect(("127.0.0.3", elsewhere.port))

        monkeypatch.setattr("watchword.outbound.transport.socket.socket", DetouringSocket)
        findings = probe(elsewhere.location_at("127.0.0.1"), verify_certificate=False, policy=elsewhere.policy())
        assert findings.problem is Problem.ADDRESS_REFUSED
        assert elsewhere.requests == []


REFUSED = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
    "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32",
]  # fmt: skip


def _around(address: str) -> list[str]:
    """Every form in which an IPv6 address carries this IPv4 address."""
    number = int(ip_address(address))
    high, low, turned = number >> 16, number & 0xFFFF, ~number & 0xFFFF_FFFF
    return [
        *(f"{prefix}{address}" for prefix in ("::ffff:", "::ffff:0:", "::", "64:ff9b::", "64:ff9b:1::")),
        *(f"{prefix}{address}" for prefix in ("2606:4700::5efe:", "2606:4700::200:5efe:")),
        f"2002:{high:x}:{low:x}::1",
        f"2001:0:{high:x}:{low:x}::1",
        f"2001:0:808:808:0:0:{turned >> 16:x}:{turned & 0xFFFF:x}",
    ]


@pytest.mark.parametrize("network", REFUSED)
def test_j05_refused_ipv4_ranges_are_refused_inside_ipv6_too(network: str) -> None:
    ends = ip_network(network)
    for address in {str(ends[0]), str(ends[-1]), str(ends[ends.num_addresses // 2])}:
        for form in [address, *_around(address)]:
            with pytest.raises(LocationRefused) as refused:
                check_address(ip_address(form))
            assert refused.value.failure is Failure.ADDRESS_REFUSED, form


@pytest.mark.parametrize("network", ["::/128", "::1/128", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"])
def test_j05_internal_ipv6_ranges_are_refused(network: str) -> None:
    ends = ip_network(network)
    for address in (ends[0], ends[-1]):
        with pytest.raises(LocationRefused):
            check_address(address)


@pytest.mark.parametrize(
    "host",
    ["vault", "localhost", "keys.local", "keys.acme.internal", "kubernetes.default.svc", "acme.corp", "router.lan",
     "printer.home", "1.0.0.127.in-addr.arpa", "db.service.consul", "x.localdomain", "VAULT.INTERNAL."],
)  # fmt: skip
def test_j15_existing_and_unknown_internal_names_look_alike(host: str) -> None:
    """An existing internal name and an unknown one get the same answer, so neither is looked up."""
    findings = probe(f"https://{host}/", verify_certificate=True, policy=FetchPolicy(resolver=_never))
    assert findings.problem is Problem.ADDRESS_REFUSED


def test_j15_internal_names_are_looked_up_in_an_opened_network() -> None:
    with KeyServer(serves(GOOD_SET), certificates.issued("keys.internal")) as server:
        policy = server.policy(resolver=lambda _host, _port: ["127.0.0.1"])
        assert probe(server.location_at("keys.internal"), verify_certificate=True, policy=policy).succeeded


def _never(_host: str, _port: int) -> Sequence[str]:
    pytest.fail("A name was looked up.")


@pytest.mark.parametrize("many", [["8.8.8.8"] * 9_999 + ["127.0.0.1"], ["127.0.0.1"] * 3 + ["10.0.0.1"]])
def test_j01_addresses_beyond_the_first_three_are_checked_too(many: Sequence[str]) -> None:
    with Canary() as canary:
        policy = FetchPolicy(resolver=lambda _host, _port: many, allowed_ports=frozenset({canary.port}))
        findings = probe(f"https://keys.acme.example:{canary.port}/", verify_certificate=True, policy=policy)
    assert findings.problem is Problem.ADDRESS_REFUSED
    assert canary.connections == 0


@pytest.mark.parametrize(
    "location",
    ["http://{}", "ftp://{}", "gopher://{}", "file://{}", "FILE:///etc/passwd", "data:application/json,{{}}",
     "jar:https://{}!/", "unix:///run/x.sock", "ws://{}", "https:{}", "https:/{}", "//{}", "{}", "https:\\\\{}",
     "view-source:https://{}", "https://https://{}"],
)  # fmt: skip
def test_j02_only_https_is_accepted(location: str) -> None:
    with Canary() as canary:
        policy = FetchPolicy(
            allowed_networks=(ip_network("127.0.0.0/8"),), allowed_ports=frozenset({443, canary.port})
        )  # fmt: skip
        text = location.format(f"127.0.0.1:{canary.port}/keys")
        findings = probe(text, verify_certificate=False, policy=policy)
        assert findings.problem in {Problem.SCHEME_NOT_HTTPS, Problem.LOCATION_MALFORMED, Problem.HOST_MALFORMED}
    assert canary.connections == 0


def test_j06_environment_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login acme password secret\n", encoding="ascii")
    netrc.chmod(0o600)
    with Canary() as canary, KeyServer(serves(GOOD_SET)) as server:
        for variable in ("HTTP_PROXY", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(variable, f"http://127.0.0.1:{canary.port}")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("NETRC", str(netrc))
        key_log = tmp_path / "keys.log"
        monkeypatch.setenv("SSLKEYLOGFILE", str(key_log))
        assert look_at(server).succeeded
        assert canary.count() == 0
        sent = [line.partition(":")[0] for line in server.requests[0].request.decode().split("\r\n")[1:] if line]
        assert sent == ["Host", "User-Agent", "Accept", "Accept-Encoding", "Connection"]
        assert not key_log.exists()


@pytest.mark.parametrize("userinfo", ["alice:secret@", "alice@", ":@", "@", "127.0.0.1@", "a%40b:c@"])
def test_j07_credentials_in_the_location_are_refused_and_not_repeated(userinfo: str) -> None:
    with Canary() as canary:
        policy = FetchPolicy(
            allowed_networks=(ip_network("127.0.0.0/8"),), allowed_ports=frozenset({canary.port})
        )  # fmt: skip
        findings = probe(f"https://{userinfo}127.0.0.1:{canary.port}/", verify_certificate=False, policy=policy)
    assert findings.problem is Problem.CREDENTIALS_IN_LOCATION
    assert "secret" not in repr(findings)
    assert canary.connections == 0


@pytest.mark.parametrize(
    "text",
    ["/keys\r\nX: y", "/keys\nX: y", "/keys%0d%0aX:%20y", "/keys%0DX", "/?a=%0a", "/?a=\r\n\r\nGET / HTTP/1.1",
     "/\x00", "/%00", "/\t", "/\u2028", "/\x85"],
)  # fmt: skip
def test_j08_line_breaks_are_refused(text: str) -> None:
    with KeyServer(serves(GOOD_SET)) as server:
        for location in (server.location_at("127.0.0.1", text), f"https://127.0.0.1{text}:{server.port}/"):
            assert not probe(location, verify_certificate=True, policy=server.policy()).succeeded
    assert server.connections == 0


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("bücher.acme.example", "xn--bcher-kva.acme.example"),
        ("xn--bcher-kva.acme.example", "xn--bcher-kva.acme.example"),
        # Mixed script: the second letter is Cyrillic. In this form it cannot be mistaken for the other name.
        ("l\u043egin.acme.example", "xn--lgin-55d.acme.example"),
        ("LOGIN.Acme.Example.", "login.acme.example"),
    ],
)
def test_j29_other_scripts_are_used_and_shown_in_ascii(host: str, shown: str) -> None:
    asked: list[str] = []

    def resolver(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"]

    with KeyServer(serves(GOOD_SET), certificates.issued(shown)) as server:
        policy = server.policy(resolver=resolver)
        findings = probe(server.location_at(host), verify_certificate=True, policy=policy)
        assert findings.succeeded
        assert server.requests[0].header("Host") == f"{shown}:{server.port}"
    assert asked == [shown]
    assert shown in findings.steps[0].sentence


def test_j15_only_listed_ports_are_connected_to() -> None:
    with KeyServer(serves(GOOD_SET)) as server:
        assert look_at(server, allowed_ports=frozenset({443})).problem is Problem.PORT_REFUSED
    assert server.connections == 0


def _raises(code: int) -> Callable[[str, int], Sequence[str]]:
    def resolver(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror(code, "as the system says it")

    return resolver


def _hangs(_host: str, _port: int) -> Sequence[str]:
    time.sleep(HANGING)
    return ["127.0.0.1"]


@pytest.mark.parametrize(
    ("resolver", "problem"),
    [
        (_raises(socket.EAI_NONAME), Problem.HOST_NOT_FOUND),
        (_raises(socket.EAI_NODATA), Problem.HOST_NOT_FOUND),
        (_raises(socket.EAI_AGAIN), Problem.NAME_LOOKUP_FAILED),
        (_raises(socket.EAI_FAIL), Problem.NAME_LOOKUP_FAILED),
        (lambda _host, _port: [], Problem.HOST_NOT_FOUND),
        (_hangs, Problem.NAME_LOOKUP_FAILED),
        (lambda _host, _port: ["::1"], Problem.ADDRESS_REFUSED),
    ],
)
def test_j28_failed_lookups_have_their_own_problem(
    resolver: Callable[[str, int], Sequence[str]], problem: Problem
) -> None:
    policy = FetchPolicy(resolver=resolver, total_timeout=SHORT)
    started = time.monotonic()

    assert probe("https://keys.acme.example/", verify_certificate=True, policy=policy).problem is problem
    assert time.monotonic() - started < HANGING


def test_j28_host_with_only_ipv6_addresses_is_reached() -> None:
    with KeyServer(serves(GOOD_SET), host="::1") as server:
        policy = server.policy(resolver=lambda _host, _port: ["::1"])
        assert probe(server.location_at("keys.acme.example"), verify_certificate=True, policy=policy).succeeded
