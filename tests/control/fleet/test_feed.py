from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from django.db import DatabaseError, connections
from django.utils import timezone
from structlog.testing import capture_logs

from kit import people, registrations
from kit.forge import ec_key
from kit.processes import wait_until
from watchword.control.base.actor import command_line
from watchword.control.fleet import queries
from watchword.control.fleet.commands import RotateEpoch
from watchword.control.fleet.feed import MAX_WAIT_SECONDS, Feed
from watchword.control.fleet.models import FeedState, TrustRecord, VerifierCredential
from watchword.control.fleet.verifier_commands import (
    CreateVerifier,
    RevokePreviousSecret,
    RevokeVerifier,
    RotateVerifier,
)
from watchword.control.organizations.commands import Suspend
from watchword.control.organizations.models import SuspensionReason
from watchword.control.servers.models import KeySetState
from watchword.feed import EMPTY, Snapshot, decode_page, fold

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from watchword.control.base.actor import Actor
    from watchword.control.fleet.queries import Head

pytestmark = pytest.mark.django_db(transaction=True)

Answered = tuple[int, dict[str, str], Any]


class Verifier:
    """Asks the feed as a verifier does, without a network between."""

    def __init__(self, feed: Feed, secret: str) -> None:
        self.feed = feed
        self.headers = [(b"authorization", f"Bearer {secret}".encode())]

    async def ask(
        self, path: str, query: str = "", *, method: str = "GET", body: bytes = b"", chunk: int = 4096
    ) -> Answered:
        pieces = [body[at : at + chunk] for at in range(0, len(body), chunk)] or [b""]
        incoming = [
            {"type": "http.request", "body": piece, "more_body": number < len(pieces) - 1}
            for number, piece in enumerate(pieces)
        ]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return incoming.pop(0) if incoming else {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": method, "path": f"/feed/v1/{path}",
            "query_string": query.encode(), "headers": self.headers,
        }  # fmt: skip
        await self.feed(scope, receive, send)
        start, end = sent
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        return start["status"], headers, json.loads(end["body"]) if end["body"] else None

    async def follow(self, snapshot: Snapshot, wait: int = 0) -> Snapshot:
        """Ask until the page is complete, and fold as a verifier does."""
        while True:
            status, _, page = await self.ask("changes", f"epoch={snapshot.epoch}&after={snapshot.revision}&wait={wait}")
            assert status == 200
            read = decode_page(page)
            snapshot = fold(snapshot, read)
            if read.complete:
                return snapshot


@pytest.fixture
def feed() -> Iterator[Feed]:
    opened = Feed()
    yield opened
    opened.close()


@pytest.fixture
def verifier(feed: Feed, shell: Actor) -> Verifier:
    return Verifier(feed, CreateVerifier(name="edge-1").run(shell))


def suspend(organization_id: str = "acme") -> None:
    Suspend(organization_id=organization_id, reason=SuspensionReason.TERMS_VIOLATED).run(command_line())


def later(seconds: float, act: Callable[[], object]) -> threading.Thread:
    def wait_and_act() -> None:
        time.sleep(seconds)
        act()
        connections.close_all()

    thread = threading.Thread(target=wait_and_act)
    thread.start()
    return thread


def run(story: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(story)


def test_verifier_reads_everything_and_then_changes(verifier: Verifier) -> None:
    people.organization("acme")
    people.organization("globex")

    first = run(verifier.follow(EMPTY))
    suspend("globex")
    second = run(verifier.follow(first))

    assert set(first.organizations) == {"acme", "globex"}
    assert not first.organizations["globex"].suspended
    assert second.organizations["globex"].suspended
    assert second.organizations["acme"] is first.organizations["acme"]
    assert second.revision == FeedState.objects.get().revision


def test_empty_feed_returns_its_epoch_at_once(verifier: Verifier) -> None:
    began = time.monotonic()

    snapshot = run(verifier.follow(EMPTY, wait=20))

    assert time.monotonic() - began < 20
    assert (snapshot.epoch, snapshot.revision) == (FeedState.objects.get().epoch, 0)


def test_pages_are_bounded_and_lead_to_the_end(verifier: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "PAGE_LENGTH", 2)
    names = ["acme", "globex", "initech", "acme-2", "globex-2"]
    for name in names:
        people.organization(name, entitled=False)

    _, _, page = run(verifier.ask("changes"))
    snapshot = run(verifier.follow(EMPTY))

    assert len(page["changes"]) == 2
    assert page["complete"] is False
    assert set(snapshot.organizations) == set(names)


@pytest.mark.parametrize(("share", "expected"), [(3.0, 3), (2.0, 2), (1.99, 1), (0.01, 1)])
def test_page_size_is_bounded_but_has_one_document(
    verifier: Verifier, monkeypatch: pytest.MonkeyPatch, share: float, expected: int
) -> None:
    """Large key sets of a few organizations must not make a page that every verifier refuses."""
    names = ["acme01", "acme02", "acme03", "acme04"]
    for name in names:
        people.organization(name, entitled=False)
    (length,) = {len(json.dumps(record.document)) for record in TrustRecord.objects.all()}
    monkeypatch.setattr(queries, "PAGE_CHARACTERS", int(length * share))

    _, _, page = run(verifier.ask("changes"))

    assert (len(page["changes"]), page["complete"]) == (expected, False)
    assert set(run(verifier.follow(EMPTY)).organizations) == set(names)


def test_verifier_with_higher_revision_starts_over(verifier: Verifier) -> None:
    people.organization("acme")
    epoch = FeedState.objects.get().epoch

    _, _, page = run(verifier.ask("changes", f"epoch={epoch}&after=999&wait=20"))

    assert (page["after"], len(page["changes"])) == (0, 1)


def test_new_epoch_starts_every_verifier_over_even_waiting_ones(verifier: Verifier, shell: Actor) -> None:
    people.organization("acme")
    known = run(verifier.follow(EMPTY))

    rotating = later(0.3, lambda: RotateEpoch().run(command_line()))
    fresh = run(verifier.follow(known, wait=10))
    rotating.join()

    assert fresh.epoch == FeedState.objects.get().epoch != known.epoch
    assert set(fresh.organizations) == {"acme"}


def test_waiting_verifier_gets_change_before_its_wait_ends(verifier: Verifier) -> None:
    people.organization("acme")
    known = run(verifier.follow(EMPTY))
    committed: list[float] = []

    def act() -> None:
        suspend()
        committed.append(time.monotonic())

    acting = later(0.3, act)
    heard = run(verifier.follow(known, wait=20))
    at = time.monotonic()
    acting.join()

    assert heard.organizations["acme"].suspended
    assert at - committed[0] < 15


def test_page_is_read_once_for_all_waiting_verifiers(verifier: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    people.organization("acme")
    known = run(verifier.follow(EMPTY))
    pages, checks = 0, 0

    def read_page(epoch: str, after: int) -> bytes | None:
        nonlocal pages
        page = queries.read_page(epoch, after)
        pages += page is not None
        return page

    def secrets_in_force() -> frozenset[str]:
        nonlocal checks
        checks += 1
        return queries.secrets_in_force()

    monkeypatch.setattr("watchword.control.fleet.feed.read_page", read_page)
    monkeypatch.setattr("watchword.control.fleet.feed.secrets_in_force", secrets_in_force)

    async def all_of_them() -> list[Snapshot]:
        return list(await asyncio.gather(*(verifier.follow(known, wait=20) for _ in range(40))))

    def suspend_when_all_wait() -> None:
        watches = verifier.feed._watchers
        wait_until(lambda: any(len(watch._waiting) == 40 for watch, _ in list(watches.values())), what="all wait")
        suspend()

    acting = later(0, suspend_when_all_wait)
    heard = run(all_of_them())
    acting.join()

    assert all(snapshot.organizations["acme"].suspended for snapshot in heard)
    assert (checks, pages) == (1, 1)


def test_nothing_new_is_an_empty_page_after_the_wait(verifier: Verifier) -> None:
    people.organization("acme")
    known = run(verifier.follow(EMPTY))
    began = time.monotonic()

    after = run(verifier.follow(known, wait=1))

    assert 0.9 < time.monotonic() - began < MAX_WAIT_SECONDS
    assert after == known


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic abc", "Bearer a b", "Bearer é"]
)
def test_feed_needs_a_credential(verifier: Verifier, authorization: str | None) -> None:
    verifier.headers = [] if authorization is None else [(b"authorization", authorization.encode("latin-1"))]

    for path, method in (("changes", "GET"), ("unknown-keys", "POST"), ("anything", "GET")):
        status, headers, problem = run(verifier.ask(path, method=method))
        assert (status, problem["code"]) == (401, "credential_unknown")
        assert headers["content-type"] == "application/problem+json"
        assert headers["www-authenticate"] == "Bearer"


def test_two_credentials_are_refused(verifier: Verifier) -> None:
    verifier.headers *= 2

    assert run(verifier.ask("changes"))[0] == 401


def test_a_revoked_verifier_is_refused_at_once_also_when_it_waits(verifier: Verifier) -> None:
    people.organization("acme")
    known = run(verifier.follow(EMPTY))

    def revoke_and_change() -> None:
        RevokeVerifier(name="edge-1").run(command_line())
        suspend()

    acting = later(0.3, revoke_and_change)
    waited, _, _ = run(verifier.ask("changes", f"epoch={known.epoch}&after={known.revision}&wait=10"))
    acting.join()

    assert waited == 401
    assert run(verifier.ask("changes"))[0] == 401


def test_revocation_ends_a_waiting_request(verifier: Verifier) -> None:
    """Nothing else changes meanwhile, so the question would be held for all of its 25 seconds."""
    people.organization("acme")
    known = run(verifier.follow(EMPTY))
    CreateVerifier(name="edge-2").run(command_line())

    def revoke_when_it_waits() -> None:
        watches = verifier.feed._watchers
        wait_until(lambda: any(watch._waiting for watch, _ in list(watches.values())), what="it waits", timeout=60)
        RevokeVerifier(name="edge-1").run(command_line())

    acting = later(0, revoke_when_it_waits)
    began = time.monotonic()
    status, _, problem = run(verifier.ask("changes", f"epoch={known.epoch}&after={known.revision}&wait=25"))
    took = time.monotonic() - began
    acting.join()
    assert (status, problem["code"]) == (401, "credential_unknown")
    assert took < MAX_WAIT_SECONDS


def test_verifier_that_got_its_new_secret_in_time_notices_no_gap(verifier: Verifier) -> None:
    people.organization("acme")
    known = run(verifier.follow(EMPTY))

    secret = RotateVerifier(name="edge-1").run(command_line())
    with_old = run(verifier.follow(known))
    suspend()
    with_new = run(Verifier(verifier.feed, secret).follow(with_old))
    RevokePreviousSecret(name="edge-1").run(command_line())

    assert with_new.organizations["acme"].suspended
    assert run(verifier.ask("changes"))[0] == 401
    assert run(Verifier(verifier.feed, secret).ask("changes"))[0] == 200


def test_end_of_the_previous_secret_ends_a_waiting_request(verifier: Verifier) -> None:
    people.organization("acme")
    known = run(verifier.follow(EMPTY))
    RotateVerifier(name="edge-1").run(command_line())

    def end_it_when_it_waits() -> None:
        watches = verifier.feed._watchers
        wait_until(lambda: any(watch._waiting for watch, _ in list(watches.values())), what="it waits", timeout=60)
        RevokePreviousSecret(name="edge-1").run(command_line())

    acting = later(0, end_it_when_it_waits)
    status, _, problem = run(verifier.ask("changes", f"epoch={known.epoch}&after={known.revision}&wait=25"))
    acting.join()
    assert (status, problem["code"]) == (401, "credential_unknown")


def test_revocation_of_another_credential_keeps_request_waiting(verifier: Verifier) -> None:
    people.organization("acme")
    known = run(verifier.follow(EMPTY))
    CreateVerifier(name="edge-2").run(command_line())
    acting = later(0.3, lambda: RevokeVerifier(name="edge-2").run(command_line()))
    after = run(verifier.follow(known, wait=2))
    acting.join()
    assert after == known


def test_verifier_revoked_before_it_waits_is_answered_at_once(
    verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.organization("acme")
    known = run(verifier.follow(EMPTY))
    note_seen = queries.note_seen

    def revoke_meanwhile(*arguments: Any) -> None:
        note_seen(*arguments)
        RevokeVerifier(name="edge-1").run(command_line())

    monkeypatch.setattr("watchword.control.fleet.feed.note_seen", revoke_meanwhile)
    began = time.monotonic()
    status, _, _ = run(verifier.ask("changes", f"epoch={known.epoch}&after={known.revision}&wait=25"))
    assert status == 401
    assert time.monotonic() - began < MAX_WAIT_SECONDS


@pytest.mark.parametrize("query", ["after=-1", "after=x", "wait=1.5", "wait=-1", "after=1e3", "after=" + "9" * 16])
def test_parameters_are_whole_numbers(verifier: Verifier, query: str) -> None:
    status, _, problem = run(verifier.ask("changes", query))

    assert (status, problem["code"]) == (400, "parameter_invalid")


def test_other_paths_and_methods(verifier: Verifier) -> None:
    assert run(verifier.ask("nothing"))[0] == 404
    assert run(verifier.ask("changes", method="POST"))[0] == 405
    assert run(verifier.ask("unknown-keys"))[0] == 405


def test_report_of_unknown_keys_is_accepted(verifier: Verifier) -> None:
    people.organization("acme")
    body = b'{"schema":1,"pairs":[{"organization":"acme","kid":"k"}]}'

    status, headers, document = run(verifier.ask("unknown-keys", method="POST", body=body, chunk=7))
    assert (status, headers["cache-control"], document) == (204, "no-store", None)
    assert run(verifier.ask("unknown-keys", method="POST", body=b"{}"))[0] == 422
    assert run(verifier.ask("unknown-keys", method="POST", body=b" " * 16_385))[0] == 413


def test_a_report_brings_fetches_forward(verifier: Verifier) -> None:
    registrations.organization("acme")
    registrations.add(ec_key("known"))

    status, _, _ = run(
        verifier.ask("unknown-keys", method="POST", body=b'{"schema":1,"pairs":[{"organization":"acme","kid":"new"}]}')
    )

    assert status == 204
    assert KeySetState.objects.get().forced_at is not None


def test_disconnect_during_report_changes_nothing(verifier: Verifier) -> None:
    async def story() -> None:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": "POST", "path": "/feed/v1/unknown-keys",
            "query_string": b"", "headers": verifier.headers,
        }  # fmt: skip
        await verifier.feed(scope, receive, send)
        assert sent[0]["status"] == 422

    run(story())


def test_console_shows_what_a_verifier_reports(verifier: Verifier) -> None:
    verifier.headers += [(b"watchword-node", b"edge\xff\x07-1" + b"x" * 100), (b"watchword-version", b"0.1.0")]

    run(verifier.ask("changes", "after=7"))

    seen = VerifierCredential.objects.get()
    assert seen.node == ("edge-1" + "x" * 100)[:64]
    assert (seen.version, seen.last_revision) == ("0.1.0", 7)
    assert seen.last_seen_at is not None


def test_fi_01_verifier_reports_whose_trust_it_does_not_understand(verifier: Verifier) -> None:
    people.organization("acme")
    known = run(verifier.follow(EMPTY))
    plain, question = list(verifier.headers), f"epoch={known.epoch}&after={known.revision}"

    def report(value: str) -> tuple[int, list[str]]:
        verifier.headers = [*plain, (b"watchword-not-understood", value.encode("latin-1"))]
        assert run(verifier.ask("changes", question))[0] == 200
        seen = VerifierCredential.objects.get()
        return seen.not_understood_count, seen.not_understood

    # Kept at once, though the verifier has been seen within the last seconds.
    assert report("2 acme globex") == (2, ["acme", "globex"])
    assert queries.verifiers_that_do_not_understand("acme", timezone.now()) == (("edge-1",), 1)
    assert queries.verifiers_that_do_not_understand("initech", timezone.now()) == ((), 1)
    assert report("0") == (0, [])
    names = [f"acme-{number}" for number in range(150)]
    assert report(" ".join(["5000", *names])) == (5000, names[:100])
    for odd in ("", "x", "1 ACME", "1 acme\x01", "-1", "1  acme", "1234567890", "1 acme, 2 globex"):
        assert report(odd) == (0, [])


def test_full_disk_does_not_block_the_feed(verifier: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise DatabaseError("database or disk is full")

    monkeypatch.setattr("watchword.control.fleet.feed.note_seen", full)
    people.organization("acme")

    assert set(run(verifier.follow(EMPTY)).organizations) == {"acme"}


def test_unavailable_database_gives_503_and_recovers(verifier: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    people.organization("acme")
    known = run(verifier.follow(EMPTY))
    broken = True
    original = queries.head

    def head() -> Head:
        if broken:
            raise DatabaseError("terminating connection")
        return original()

    monkeypatch.setattr("watchword.control.fleet.long_poll.head", head)
    query = f"epoch={known.epoch}&after={known.revision}&wait=1"

    async def both() -> list[Answered]:
        return list(await asyncio.gather(verifier.ask("changes", query), verifier.ask("changes", query)))

    with capture_logs() as logs:
        refused = run(both())
    assert [line["event"] for line in logs] == ["feed_unavailable"]
    for status, headers, problem in refused:
        assert (status, problem["code"], headers["retry-after"]) == (503, "database_unavailable", "1")
        assert "terminating" not in str(problem)
    broken = False
    with capture_logs() as logs:
        assert run(verifier.ask("changes", query))[0] == 200
    assert [(line["event"], line["failures"]) for line in logs] == [("feed_available_again", 2)]
