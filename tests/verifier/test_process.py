"""The real verifier process: what it promises about restarts, damage, shutdown and hostile HTTP."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import pytest

from kit import acme, live
from kit.client import request
from kit.feed_server import CREDENTIAL, FeedServer, feed_server
from kit.processes import LOOPBACK, NotReady, free_port, is_listening, wait_until
from kit.raw_http import exchange
from kit.verifier_process import VerifierProcess, verifier_process
from watchword.core.trust import NotUnderstood
from watchword.feed import SCHEMA
from watchword.verifier.disk.copy import DiskCopy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def feed() -> Iterator[FeedServer]:
    with feed_server() as running:
        running.publish(live.trust(), live.trust(organization="globex", suspended=True))
        yield running


@pytest.fixture(scope="module")
def verifier(feed: FeedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VerifierProcess]:
    with verifier_process(tmp_path_factory.mktemp("verifier"), feed_port=feed.port) as running:
        yield running


def reason(verifier: VerifierProcess, token: str | None = None, organization: str = "acme") -> str:
    return str(verifier.ask(token, organization=organization).json()["reason"])


def test_it_decides_about_tokens(verifier: VerifierProcess) -> None:
    allowed = verifier.ask(live.token())
    assert allowed.status == 200
    assert allowed.header("X-Auth-Subject") == "alice"
    assert allowed.header("X-Auth-Organization") == "acme"
    assert allowed.body == b""
    assert reason(verifier) == "token_missing"
    assert reason(verifier, live.token(exp=1)) == "token_expired"
    assert reason(verifier, live.token(), "globex") == "organization_suspended"
    assert reason(verifier, live.token(), "initech") == "no_matching_key"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"])
def test_the_method_decides_nothing(verifier: VerifierProcess, method: str) -> None:
    url = f"http://{LOOPBACK}:{verifier.port}/verify/plain/acme/any/path?access_token={live.token()}"
    assert request(url, method=method).status == 401
    assert request(url, method=method, bearer=live.token()).status == 200


@pytest.mark.parametrize("gateway", ["kong", "Envoy", "nginx%20", "."])
def test_a_gateway_that_is_none_of_ours_is_404(verifier: VerifierProcess, gateway: str) -> None:
    answer = verifier.ask(live.token(), gateway=gateway)
    assert answer.status == 404
    assert answer.header("Content-Type") == "application/problem+json"


@pytest.mark.parametrize("trick", ["\r\nforged: line", "\x1b[31mforged", "\u2028forged", '","forged":"'])
def test_t22_nothing_that_a_client_wrote_reaches_the_log_or_the_figures(verifier: VerifierProcess, trick: str) -> None:
    for token in (
        live.token(iss=trick, sub=trick, client_id=trick),
        live.token(header_changes={"kid": trick}),
        live.token(header_changes={"alg": trick}),
    ):
        url = f"http://{LOOPBACK}:{verifier.port}/verify/plain/acme/forged"
        # A header cannot hold control characters; an attacker who forges lines tries escapes.
        headers = {"User-Agent": ascii(trick), "X-Request-Id": ascii(trick)}
        assert request(url, bearer=token, headers=headers).status in {200, 401}
    assert request(f"http://{LOOPBACK}:{verifier.port}/verify/plain/forged").status == 401
    assert "forged" not in verifier.log()
    assert "forged" not in verifier.admin("/metrics").body.decode()


def test_admin_paths_are_not_on_the_gateways_port_nor_the_other_way(verifier: VerifierProcess) -> None:
    for path in ("/livez", "/readyz", "/metrics", "/"):
        assert request(f"http://{LOOPBACK}:{verifier.port}{path}").status == 404
    assert verifier.admin("/verify/plain/acme").status == 404


def test_figures_count_what_was_decided(verifier: VerifierProcess) -> None:
    name = 'watchword_verifier_decisions_total{outcome="deny",reason="expiry_missing"}'

    def count() -> float:
        lines = verifier.admin("/metrics").body.decode().splitlines()
        return float(next(line for line in lines if line.startswith(name)).rsplit(" ", 1)[1])

    before = count()
    verifier.ask(live.token(exp=...))
    assert count() == before + 1


def test_an_unknown_key_is_reported_at_once_and_the_flood_is_not(verifier: VerifierProcess, feed: FeedServer) -> None:
    feed.publish(live.trust(organization="flooded"))
    wait_until(lambda: verifier.ask(live.token(), organization="flooded").status == 200, what="it is known")
    for number in range(50):
        verifier.ask(live.token(live.KEY.named(f"made-up-{number}")), organization="flooded")
    reported = [kid for organization, kid in feed.reports if organization == "flooded"]
    assert reported == ["made-up-0"]


def test_good_tokens_of_a_new_key_wait_for_it(verifier: VerifierProcess, feed: FeedServer) -> None:
    new = live.KEY.named("abrupt")
    feed.on_report = lambda organization, _: feed.publish(live.trust(new, organization=organization))
    try:
        for number in range(20):
            organization = f"rotating-{number}"
            feed.publish(live.trust(organization=organization))
            knows(verifier, organization)
            with ThreadPoolExecutor(8) as pool:
                waiting = [pool.submit(verifier.ask, live.token(new), organization=organization) for _ in range(8)]
                if [answer.result(timeout=30).status for answer in waiting] == [200] * 8:
                    return
    finally:
        feed.on_report = None
    pytest.fail("each time some token was refused while its key was on the way")


def test_requests_that_wait_for_a_key_hold_up_nobody(verifier: VerifierProcess, feed: FeedServer) -> None:
    token = live.token(live.KEY.named("never-published"))
    for number in range(20):
        organization = f"waiting-{number}"
        feed.publish(live.trust(organization=organization))
        knows(verifier, organization)
        with ThreadPoolExecutor(8) as pool:
            waiting = [pool.submit(verifier.ask, token, organization=organization) for _ in range(8)]
            reported = (organization, "never-published")
            wait_until(lambda reported=reported: reported in feed.reports, what="the report", timeout=30)  # type: ignore[misc]
            assert verifier.ask(live.token()).status == 200
            if not any(answer.done() for answer in waiting):
                return
    pytest.fail("each time some request had been answered first")


def knows(verifier: VerifierProcess, organization: str) -> None:
    wait_until(lambda: verifier.ask(live.token(), organization=organization).status == 200, what="it knows", timeout=30)


def test_a_change_reaches_it_within_five_seconds(verifier: VerifierProcess, feed: FeedServer) -> None:
    feed.publish(live.trust(organization="umbra", server=None))
    assert reason(verifier, live.token(), "umbra") == "no_matching_key"
    feed.publish(live.trust(organization="umbra", suspended=True))
    changed = "organization_suspended"
    wait_until(lambda: reason(verifier, live.token(), "umbra") == changed, what="the change", timeout=5.0)


HEAD = f"GET /verify/plain/acme HTTP/1.1\r\nHost: {LOOPBACK}\r\n"


def test_two_authorization_headers_are_refused(verifier: VerifierProcess) -> None:
    good = f"Authorization: Bearer {live.token()}\r\n"
    for second in (good, "authorization: x\r\n", "AUTHORIZATION: \r\n"):
        answer = exchange(verifier.port, f"{HEAD}{good}{second}\r\n")
        assert (answer.status, answer.json()["reason"]) == (400, "authorization_repeated")


ODD: Final = ("\x80", "\xe9", "\xff", "Bearer \xe9", "Bearer caf\xe9.b.c", "\xa0Bearer a")
"""Values with an octet above 127, which HTTP allows and no token has."""


@pytest.mark.parametrize("odd", ODD, ids=ascii)
def test_fj_02_odd_second_authorization_header_is_counted(verifier: VerifierProcess, odd: str) -> None:
    good, bad = f"Authorization: Bearer {live.token()}\r\n", f"authorization: {odd}\r\n"
    assert exchange(verifier.port, f"{HEAD}{good}\r\n").status == 200
    for headers in (good + bad, bad + good, bad + good + bad, good + bad + bad, bad + bad, f"{good}X-A: \xff\r\n{bad}"):
        answer = exchange(verifier.port, f"{HEAD}{headers}\r\n")
        assert (answer.status, answer.json()["reason"]) == (400, "authorization_repeated"), ascii(headers)


@pytest.mark.parametrize("odd", [*ODD, "Bearer {good}\xff", "Bearer \xff\xfe{good}", "Bearer {good} \x80"], ids=ascii)
def test_fj_02_lone_odd_authorization_header_is_malformed(verifier: VerifierProcess, odd: str) -> None:
    answer = exchange(verifier.port, f"{HEAD}Authorization: {odd.replace('{good}', live.token())}\r\n\r\n")
    assert (answer.status, answer.json()["reason"]) == (400, "authorization_malformed")


def test_fj_02_odd_octets_elsewhere_decide_nothing(verifier: VerifierProcess) -> None:
    others = "X-A: \x80\xe9\xff\r\nCookie: \xff\r\nX-Authorization: Bearer \xe9\r\n"
    assert exchange(verifier.port, f"{HEAD}{others}Authorization: Bearer {live.token()}\r\n\r\n").status == 200
    answer = exchange(verifier.port, f"{HEAD}{others}\r\n")
    assert (answer.status, answer.json()["reason"]) == (401, "token_missing")


def test_headers_are_bounded(verifier: VerifierProcess) -> None:
    assert exchange(verifier.port, f"{HEAD}Authorization: Bearer {'a' * 49_152}\r\n\r\n").status == 401
    with pytest.raises((ConnectionError, AssertionError)):
        assert exchange(verifier.port, f"{HEAD}Authorization: Bearer {'a' * 300_000}\r\n\r\n").status != 431


SMUGGLING = {
    "two lengths": "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "length with a sign": "Content-Length: +5\r\n\r\nhello",
    "unknown coding": "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "space before the colon": "Content-Length : 5\r\n\r\nhello",
    "folded header": "X-A: b\r\n c: d\r\n\r\n",
    "NUL in a value": "X-A: a\0b\r\n\r\n",
}


@pytest.mark.parametrize("what", SMUGGLING)
def test_ambiguous_framing_is_refused_and_the_connection_closed(verifier: VerifierProcess, what: str) -> None:
    follow_up = f"{HEAD}Authorization: Bearer {live.token()}\r\n\r\n"
    with socket.create_connection((LOOPBACK, verifier.port), timeout=5) as connection:
        connection.sendall(f"POST /verify/plain/acme HTTP/1.1\r\nHost: a\r\n{SMUGGLING[what]}{follow_up}".encode())
        answer = _read_all(connection)
    assert answer.startswith(b"HTTP/1.1 4")
    assert b"HTTP/1.1 200" not in answer


def test_a_body_hidden_behind_a_length_is_not_taken_for_a_request(verifier: VerifierProcess) -> None:
    inner = f"{HEAD}Authorization: Bearer {live.token()}\r\n\r\n"
    framed = f"Content-Length: {len(inner)}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}"
    with socket.create_connection((LOOPBACK, verifier.port), timeout=5) as connection:
        connection.sendall(f"POST /verify/plain/acme HTTP/1.1\r\nHost: a\r\n{framed}".encode())
        assert b"HTTP/1.1 200" not in _read_all(connection)


def _read_all(connection: socket.socket) -> bytes:
    received = b""
    try:
        while piece := connection.recv(65_536):
            received += piece
    except ConnectionError:
        pass
    return received


def test_many_idle_connections_do_not_lock_others_out(verifier: VerifierProcess) -> None:
    idle = [socket.create_connection((LOOPBACK, verifier.port)) for _ in range(300)]
    try:
        assert verifier.ask(live.token()).status == 200
    finally:
        for connection in idle:
            connection.close()


def test_when_it_says_ready_gateways_can_connect(tmp_path: Path) -> None:
    with feed_server() as feed:
        feed.publish(live.trust())
        with verifier_process(tmp_path, feed_port=feed.port) as verifier:
            # Not a moment later: this is when an orchestrator starts to send requests here.
            assert is_listening(verifier.port)


def test_a_restart_while_all_else_is_down_serves_from_disk_suspensions_included(tmp_path: Path) -> None:
    with feed_server() as feed:
        feed.publish(live.trust(), live.trust(organization="globex"))
        verifier = VerifierProcess(tmp_path, feed_port=feed.port)
        try:
            verifier.start()
            assert verifier.ask(live.token(), organization="globex").status == 200
            feed.publish(live.trust(organization="globex", suspended=True))
            wait_until(lambda: verifier.ask(live.token(), organization="globex").status == 403, what="the suspension")
            assert verifier.child is not None
            verifier.child.kill()
        except BaseException:
            verifier.stop()
            raise
    try:
        verifier.start()
        assert verifier.ask(live.token()).status == 200
        assert reason(verifier, live.token(), "globex") == "organization_suspended"
        assert reason(verifier, live.token(exp=1)) == "token_expired"
    finally:
        verifier.stop()


def test_a_damaged_copy_is_refused_aloud(tmp_path: Path) -> None:
    with feed_server() as feed:
        feed.publish(live.trust(organization="globex", suspended=True))
        with verifier_process(tmp_path, feed_port=feed.port) as verifier:
            pass
    content = verifier.state_file.read_bytes()
    verifier.state_file.write_bytes(content.replace(b'"suspended":true', b'"suspended":false'))
    assert verifier.state_file.read_bytes() != content
    try:
        verifier.start(ready=False)
        assert not is_listening(verifier.port)
        assert "snapshot_copy_damaged" in verifier.log()
    finally:
        verifier.stop()


def test_the_control_plane_may_be_gone_and_come_back(tmp_path: Path) -> None:
    port = free_port()
    with feed_server(port) as feed:
        feed.publish(live.trust())
        verifier = VerifierProcess(tmp_path, feed_port=port)
        try:
            verifier.start()
        except BaseException:
            verifier.stop()
            raise
    try:
        assert verifier.ask(live.token()).status == 200
        with feed_server(port, epoch="second") as feed:
            feed.publish(live.trust(suspended=True))
            wait_until(lambda: verifier.ask(live.token()).status == 403, what="the new epoch", timeout=10)
    finally:
        verifier.stop()


def test_a_control_plane_of_a_newer_version_is_told_of_and_changes_nothing(tmp_path: Path) -> None:
    with feed_server() as feed:
        feed.publish(live.trust(), live.trust(organization="globex", suspended=True))
        with verifier_process(tmp_path, feed_port=feed.port) as verifier:
            feed.broken_answer = b'{"schema": 2, "changes": []}'
            feed.publish(live.trust(suspended=True))
            wait_until(lambda: b"another schema" in verifier.admin("/readyz").body, what="it says so", timeout=30)
            assert verifier.is_ready()
            assert b"watchword_verifier_feed_schema_unknown 1.0" in verifier.admin("/metrics").body
            wait_until(lambda: verifier.log().count("schema_unknown") == 1, what="one line in the log", timeout=30)
            assert verifier.ask(live.token()).status == 200
            assert reason(verifier, live.token(), "globex") == "organization_suspended"
            feed.broken_answer = None
            wait_until(lambda: verifier.ask(live.token()).status == 403, what="it follows again", timeout=30)
            wait_until(lambda: verifier.admin("/readyz").body == b"ready\n", what="no warning remains", timeout=30)


def test_fi_01_one_document_of_a_newer_version_costs_one_organization(tmp_path: Path) -> None:
    odd = NotUnderstood("globex", 1, document=json.dumps({"schema": SCHEMA + 1, "tenancy": "shared"}))
    with feed_server() as feed:
        feed.publish(live.trust(), live.trust(organization="globex"))
        with verifier_process(tmp_path, feed_port=feed.port) as verifier:
            feed.publish(odd)
            wait_until(lambda: b"does not understand" in verifier.admin("/readyz").body, what="the warning", timeout=30)
            assert verifier.is_ready()
            assert reason(verifier, live.token(), "globex") == "no_matching_key"
            assert verifier.ask(live.token(), organization="globex").status == 401
            assert b'reason="trust_not_understood"} 2.0' in verifier.admin("/metrics").body
            assert verifier.ask(None, organization="globex").status == 401
            assert verifier.ask(live.token()).status == 200
            feed.publish(live.trust(suspended=True))
            wait_until(lambda: verifier.ask(live.token()).status == 403, what="the suspension", timeout=30)
            assert b"organizations_not_understood 1.0" in verifier.admin("/metrics").body
            feed.close()
            verifier.stop()
            # Also without the feed it neither forgets the document nor falls back to the older trust.
            verifier.start()
            assert b"does not understand" in verifier.admin("/readyz").body
            assert reason(verifier, live.token(), "globex") == "no_matching_key"
            assert b'reason="trust_not_understood"} 1.0' in verifier.admin("/metrics").body
            assert reason(verifier, live.token()) == "organization_suspended"


def test_a_revoked_credential_keeps_what_is_known(tmp_path: Path) -> None:
    with feed_server() as feed:
        feed.publish(live.trust())
        with verifier_process(tmp_path, feed_port=feed.port) as verifier:
            feed.credential = "wwv_another"
            feed.publish(live.trust(organization="globex"))
            wait_until(lambda: "credential_refused" in verifier.log(), what="the refusal")
            assert verifier.ask(live.token()).status == 200
            assert CREDENTIAL not in verifier.log()


def test_with_a_copy_beyond_its_limit_gateways_cannot_connect(tmp_path: Path) -> None:
    with feed_server() as feed:
        feed.publish(live.trust())
        with verifier_process(tmp_path, feed_port=feed.port) as verifier:
            pass
    copy = DiskCopy(verifier.state_file).load(now=time.time())
    assert copy is not None
    DiskCopy(verifier.state_file).store(copy.snapshot, heard_at=time.time() - 3600)
    for limit, is_ready in (("60", False), ("7200", True)):
        verifier._environment["WATCHWORD_VERIFIER_SNAPSHOT_HARD_LIMIT"] = limit
        try:
            verifier.start(ready=is_ready)
            assert is_listening(verifier.port) is is_ready
            assert verifier.is_ready() is is_ready
        finally:
            verifier.stop()


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_under_load(tmp_path: Path, signal_number: signal.Signals) -> None:
    with feed_server() as feed:
        feed.publish(live.trust())
        with verifier_process(tmp_path, feed_port=feed.port) as verifier:
            token, wrong, over = live.token(), [], threading.Event()

            def call() -> None:
                while not over.is_set():
                    try:
                        answer = verifier.ask(token)
                    except OSError:
                        continue
                    if answer.status != 200:
                        wrong.append(answer)

            callers = [threading.Thread(target=call) for _ in range(4)]
            for caller in callers:
                caller.start()
            time.sleep(0.3)
            assert verifier.child is not None
            verifier.child._process.send_signal(signal_number)
            try:
                assert verifier.child.wait(timeout=10) == 0
            finally:
                over.set()
                for caller in callers:
                    caller.join()
            assert wrong == []
            assert "Traceback" not in verifier.log()


def test_whoever_stops_says_so_first_and_still_answers(tmp_path: Path) -> None:
    with feed_server() as feed:
        feed.publish(live.trust())
        # Longer than the test takes on any machine; the server's own tests check how long it is.
        with verifier_process(tmp_path, feed_port=feed.port, stop_delay="60") as verifier:
            assert verifier.child is not None
            verifier.child.terminate()
            wait_until(lambda: verifier.admin("/readyz").status == 503, what="it says that it leaves", timeout=30)
            assert verifier.admin("/readyz").body == b"Stopping.\n"
            assert verifier.ask(live.token()).status == 200
            verifier.child.kill()


def test_an_unusable_setting_stops_the_start_with_a_sentence(tmp_path: Path) -> None:
    taken = socket.create_server((LOOPBACK, 0))
    with taken, feed_server() as feed:
        port = str(taken.getsockname()[1])
        for setting in ("admin_port", "port"):
            verifier = VerifierProcess(tmp_path, feed_port=feed.port, **{setting: port})
            with pytest.raises(NotReady, match="SettingsProblem"):
                verifier.start()


def test_no_token_is_ever_logged(verifier: VerifierProcess) -> None:
    token = live.token()
    verifier.ask(token)
    verifier.ask(f"{token}x")
    assert token.rsplit(".", 1)[0] not in verifier.log()
    assert acme.trust().organization  # The kit names Acme; the log contains no subject.
    assert "alice" not in verifier.log()


def test_what_it_decides_is_told_within_seconds_and_the_last_of_it_when_it_stops(tmp_path: Path) -> None:
    def told(feed: FeedServer) -> dict[str | None, int]:
        lines = [line for batch in feed.batches for line in json.loads(batch)["lines"]]
        outcomes = {line["outcome"] for line in lines}
        return {outcome: sum(line["calls"] for line in lines if line["outcome"] == outcome) for outcome in outcomes}

    with feed_server() as feed:
        feed.publish(live.trust())
        with verifier_process(tmp_path, feed_port=feed.port) as verifier:
            for _ in range(3):
                assert verifier.ask(live.token()).status == 200
            wait_until(lambda: told(feed) == {None: 3}, what="three calls are reported", timeout=30)
            # The same token was counted in the same line; the stop reports it, or a report just before.
            assert verifier.ask(live.token()).status == 200
            assert reason(verifier) == "token_missing"
            verifier.stop()
        assert told(feed) == {None: 4, "token_missing": 1}
        assert [json.loads(batch)["sequence"] for batch in feed.batches] == list(range(1, len(feed.batches) + 1))
        assert not (verifier.state_file.parent / "usage.json").exists()
