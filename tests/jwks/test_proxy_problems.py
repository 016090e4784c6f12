"""FE-01, FF-01: every problem of the proxy with each of its causes, made by a real proxy."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest

from kit import certificates, forge
from kit.connect_proxy import ConnectProxy, is_silent, refuses, says, says_without_end
from kit.key_server import KeyServer, serves, stalls_handshake
from watchword.jwks.probe import Outcome, Problem, Step, probe
from watchword.outbound.proxy import MAX_HEAD_BYTES, Proxy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kit.connect_proxy import Answering
    from kit.key_server import Behaviour
    from watchword.jwks.probe import Findings

pytestmark = pytest.mark.enable_socket

HOST = "keys.acme.example"
GOOD_SET = forge.key_set(forge.ec_key("alice"))
PATIENT = 60.0
"""Seconds to connect where a problem is reported at once, however busy the machine is."""
SHORT = 0.3
"""Seconds to connect where they are waited out."""
EARLY = {Problem.PROXY_UNREACHABLE, Problem.PROXY_NO_CONNECTION}
"""Reported when the time for connecting is up."""


def _only_the_proxy(host: str, _port: int) -> Sequence[str]:
    if host == "localhost":
        return ["127.0.0.1"]
    raise socket.gaierror(socket.EAI_NONAME, "as the system says it")


def found(
    proxy: Proxy, *, port: int = 443, connect_timeout: float = PATIENT, verify_certificate: bool = True
) -> Findings:
    with KeyServer(serves(GOOD_SET)) as anything:
        policy = anything.policy(
            allowed_ports=frozenset({port}),
            allowed_networks=(),
            proxy=proxy,
            resolver=_only_the_proxy,
            connect_timeout=connect_timeout,
            total_timeout=2 * PATIENT,
        )
    return probe(f"https://{HOST}:{port}/keys", verify_certificate=verify_certificate, policy=policy)


_BASIC = 'Proxy-Authenticate: Basic realm="proxy"'
_ROWS: list[tuple[str, Answering, str | None, Problem]] = [
    ("407 Basic", refuses(407, _BASIC), None, Problem.PROXY_CREDENTIALS_MISSING),
    ("407 without a challenge", refuses(407), None, Problem.PROXY_CREDENTIALS_MISSING),
    ("407 Basic among others", refuses(407, "Proxy-Authenticate: Negotiate", f"proxy-authenticate: {_BASIC[20:]}"),
     None, Problem.PROXY_CREDENTIALS_MISSING),
    ("407 Basic in a list", refuses(407, 'Proxy-Authenticate: Digest realm="x", basic realm="y"'), None,
     Problem.PROXY_CREDENTIALS_MISSING),
    ("407 with credentials", refuses(407, _BASIC), "alice:wrong", Problem.PROXY_CREDENTIALS_REFUSED),
    ("407 without a challenge, with credentials", refuses(407), "alice:wrong", Problem.PROXY_CREDENTIALS_REFUSED),
    ("407 Negotiate", refuses(407, "Proxy-Authenticate: Negotiate"), None, Problem.PROXY_SIGN_IN_UNSUPPORTED),
    ("407 NTLM, with credentials", refuses(407, "Proxy-Authenticate: NTLM", "Proxy-Authenticate: Kerberos"),
     "alice:good", Problem.PROXY_SIGN_IN_UNSUPPORTED),
    ("407 Digest", refuses(407, 'Proxy-Authenticate: Digest realm="basic"'), "alice:good",
     Problem.PROXY_SIGN_IN_UNSUPPORTED),
    ("403", refuses(403), None, Problem.PROXY_FORBIDDEN),
    ("451", refuses(451), "alice:good", Problem.PROXY_FORBIDDEN),
    *((f"{status}", refuses(status), None, Problem.PROXY_NO_CONNECTION) for status in (404, 408, 410, 500, 502, 503)),
    ("504", refuses(504), None, Problem.PROXY_NO_CONNECTION),
    ("a closed connection", says(b""), None, Problem.PROXY_NO_CONNECTION),
    ("half an answer", says(b"HTTP/1.1 200 OK\r\n"), None, Problem.PROXY_NO_CONNECTION),
    ("silence", is_silent(), None, Problem.PROXY_NO_CONNECTION),
    ("a status line that drips", says_without_end(b"HTTP/1.1 200 ", b"x", pause=0.05), None,
     Problem.PROXY_NO_CONNECTION),
    ("headers that drip", says_without_end(b"HTTP/1.1 200 OK\r\n", b"X: x\r\n", pause=0.05), None,
     Problem.PROXY_NO_CONNECTION),
    *((f"{status}", refuses(status), None, Problem.PROXY_ANSWER_UNEXPECTED) for status in (302, 400, 401, 405, 429)),
    ("a header without end", says_without_end(b"HTTP/1.1 200 OK\r\n", b"X: " + b"x" * 997), None,
     Problem.PROXY_ANSWER_MALFORMED),
    ("interim answers without end", says_without_end(b"", b"HTTP/1.1 100 Continue\r\nX: " + b"x" * 900 + b"\r\n\r\n"),
     None, Problem.PROXY_ANSWER_MALFORMED),
    ("a header one octet too long", says(b"HTTP/1.1 200 OK\r\nX: ".ljust(MAX_HEAD_BYTES - 3, b"x") + b"\r\n\r\n"),
     None, Problem.PROXY_ANSWER_MALFORMED),
    ("another protocol", says(b"220 mail.acme.example ESMTP\r\n"), None, Problem.PROXY_ANSWER_MALFORMED),
    ("SOCKS", says(b"\x05\xff"), None, Problem.PROXY_ANSWER_MALFORMED),
    ("HTTP/2", says(b"HTTP/2 200\r\n\r\n"), None, Problem.PROXY_ANSWER_MALFORMED),
    ("no status", says(b"HTTP/1.1 OK\r\n\r\n"), None, Problem.PROXY_ANSWER_MALFORMED),
    ("a status of four digits", says(b"HTTP/1.1 2000 OK\r\n\r\n"), None, Problem.PROXY_ANSWER_MALFORMED),
    ("a status of no class", says(b"HTTP/1.1 999 OK\r\n\r\n"), None, Problem.PROXY_ANSWER_MALFORMED),
]  # fmt: skip


@pytest.mark.parametrize(("answering", "credentials", "problem"), [pytest.param(*row[1:], id=row[0]) for row in _ROWS])
@pytest.mark.parametrize("over_tls", [False, True])
def test_fe_01_each_proxy_response_has_its_problem(
    answering: Answering,
    credentials: str | None,
    problem: Problem,
    over_tls: bool,  # noqa: FBT001
) -> None:
    certificate = certificates.GOOD.server_context() if over_tls else None
    with ConnectProxy(answering=answering, certificate=certificate) as proxy:
        findings = found(proxy.address(credentials=credentials), connect_timeout=SHORT if problem in EARLY else PATIENT)
    assert findings.problem is problem
    assert findings.steps[1].step is Step.CONNECT
    assert findings.steps[1].outcome is Outcome.FAILED


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "proxy.example"])
@pytest.mark.parametrize("over_tls", [False, True])
def test_fe_01_unreachable_proxy_has_one_problem(host: str, over_tls: bool) -> None:  # noqa: FBT001
    with ConnectProxy() as proxy:
        port = proxy.port
    findings = found(Proxy(host=host, port=port, over_tls=over_tls), connect_timeout=SHORT)
    assert findings.problem is Problem.PROXY_UNREACHABLE


@pytest.mark.parametrize(
    "certificate",
    [certificates.FROM_UNKNOWN_AUTHORITY, certificates.SELF_SIGNED, certificates.EXPIRED,
     certificates.FOR_ANOTHER_HOST, None],
)  # fmt: skip
@pytest.mark.parametrize("verify_certificate", [False, True])
def test_fe_01_the_certificate_of_the_proxy_is_always_checked(
    certificate: certificates.ServerCertificate | None,
    verify_certificate: bool,  # noqa: FBT001
) -> None:
    """The password goes there, and the option of a registration is about another server. None speaks plain HTTP."""
    context = certificate.server_context() if certificate else None
    with ConnectProxy({HOST: "127.0.0.1"}, certificate=context) as listening:
        proxy = Proxy(host="127.0.0.1", port=listening.port, over_tls=True, credentials="alice:secret")
        findings = found(proxy, verify_certificate=verify_certificate, connect_timeout=2)
        assert findings.problem is Problem.PROXY_TLS_FAILED
        assert listening.heads == []


def test_fe_01_silent_tls_proxy_has_its_problem() -> None:
    with KeyServer(stalls_handshake()) as silent:
        proxy = Proxy(host="127.0.0.1", port=silent.port, over_tls=True)
        assert found(proxy, connect_timeout=SHORT).problem is Problem.PROXY_TLS_FAILED


def test_fe_01_tls_proxy_configured_as_http_has_its_problem() -> None:
    """Some hang up, others send a TLS alert."""
    with ConnectProxy(certificate=certificates.GOOD.server_context()) as listening:
        findings = found(Proxy(host="127.0.0.1", port=listening.port), connect_timeout=SHORT)
    assert findings.problem in {Problem.PROXY_NO_CONNECTION, Problem.PROXY_ANSWER_MALFORMED}


@pytest.mark.parametrize("knows", [True, False])
def test_fe_01_hosts_the_proxy_cannot_reach_have_their_problem(knows: bool) -> None:  # noqa: FBT001
    """Nothing listens there, or the name does not exist: one problem and one time (J-15)."""
    with KeyServer(serves(GOOD_SET)) as gone:
        port = gone.port
    with ConnectProxy({HOST: "127.0.0.1"} if knows else {}) as proxy:
        started = time.monotonic()
        findings = found(proxy.address(), port=port, connect_timeout=SHORT)
        took = time.monotonic() - started
        assert len(proxy.heads) == 1
    assert findings.problem is Problem.PROXY_NO_CONNECTION
    assert took >= SHORT


@pytest.mark.parametrize("behaviour", [stalls_handshake()])
def test_fe_01_names_only_the_proxy_knows_may_be_internal(behaviour: Behaviour) -> None:
    """J-15: an open port that speaks no TLS looks like a closed one."""
    with KeyServer(behaviour) as server, ConnectProxy({HOST: "127.0.0.1"}) as proxy:
        findings = found(proxy.address(), port=server.port, connect_timeout=SHORT)
        assert len(proxy.opened) == 1
    assert findings.problem is Problem.PROXY_NO_CONNECTION
    assert findings.steps[1].outcome is Outcome.FAILED
