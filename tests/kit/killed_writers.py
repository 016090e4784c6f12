"""Writers of the control plane, killed at random moments, and a referee that checks what each left behind.

`python -m kit.killed_writers KILLS` writes its verdict as JSON. A writer is a forked process that runs commands without
end, and reports each that returned. Forking avoids the start of an interpreter, so a thousand kills take a minute.
"""

# ruff: noqa: PLC0415 - models can be imported only when Django is set up, which `main` does.

from __future__ import annotations

import gc
import json
import os
import random
import select
import signal
import sys
import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import count, cycle
from typing import TYPE_CHECKING, Any

from watchword.cli.control_plane import open_control_plane
from watchword.cli.migrations import apply_migrations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FIRST_WORD_SECONDS = 60.0
KILLS_BETWEEN_LOOKS = 20
GONE_SECONDS = 30.0
STEP = timedelta(seconds=31)
"""By so much each further worker's clock is ahead, so that the lease of the killed one has run out."""


def administrator(_life: int) -> Iterator[str]:
    """Alice of Acme enables one server, then the other."""
    from kit.registrations import ALICE
    from watchword.control.servers.commands import EnableServer
    from watchword.control.servers.models import AuthorizationServer

    ids = list(AuthorizationServer.objects.filter(organization_id="acme").order_by("slot").values_list("pk", flat=True))
    random.shuffle(ids)
    for server_id in cycle(ids):
        EnableServer(organization_id="acme", server_id=server_id).run(ALICE)
        yield "server_enabled"


def operator(_life: int) -> Iterator[str]:
    """An operator suspends Globex, lifts it, and renews Acme's subscription while Alice works on Acme."""
    from watchword.control.base.actor import command_line
    from watchword.control.organizations.commands import Reinstate, RenewSubscription, Suspend
    from watchword.control.organizations.models import Subscription, Suspension, SuspensionReason

    suspended = Suspension.objects.filter(organization_id="globex", lifted_at__isnull=True).exists()
    while True:
        if suspended:
            yield "organization_reinstated " + Reinstate(organization_id="globex").run(command_line()).reference
        else:
            command = Suspend(organization_id="globex", reason=SuspensionReason.TERMS_VIOLATED)
            yield "organization_suspended " + command.run(command_line()).reference
        suspended = not suspended
        later = Subscription.objects.get(pk="acme").expires_at + timedelta(days=1)
        RenewSubscription(organization_id="acme", expires_at=later).run(command_line())
        yield "subscription_renewed"


def fleet_operator(life: int) -> Iterator[str]:
    """Another operator creates credentials for verifiers, and revokes every second one."""
    from watchword.control.base.actor import command_line
    from watchword.control.fleet.verifier_commands import CreateVerifier, RevokeVerifier

    for number in count():
        name = f"edge-{life}-{number}"
        CreateVerifier(name=name).run(command_line())
        yield f"verifier_created {name}"
        if number % 2:
            RevokeVerifier(name=name).run(command_line())
            yield f"verifier_revoked {name}"


def worker(life: int) -> Iterator[str]:
    """The worker finds other keys each time it fetches Acme's first key set."""
    from django.utils import timezone

    from kit.forge import ec_key
    from kit.registrations import SETTINGS, found, make_due
    from watchword.control.servers.key_set_commands import claim_due, record_findings
    from watchword.control.servers.models import KeySetState

    state = KeySetState.objects.get(server__organization_id="acme", server__slot=1)
    kids = ("first", "second")
    present = state.document[0]["kid"] if state.document else ""
    for kid in cycle(kids if present != kids[0] else kids[::-1]):
        now = timezone.now() + life * STEP
        make_due(state, now)
        for claim in claim_due(f"worker-{life}", now, 8):
            if claim.server_id == state.pk:
                record_findings(claim, found(ec_key(kid)), now, SETTINGS)
                yield "keys_changed"


WRITERS: tuple[Callable[[int], Iterator[str]], ...] = (administrator, operator, fleet_operator, worker)


class Referee:
    """Kills writers, counts acknowledged writes, and finds inconsistencies."""

    def __init__(self) -> None:
        from watchword.control.audit.chain import anchor

        self.kills = 0
        self._lives = 0
        self.acknowledged: Counter[str] = Counter()
        self.named: set[tuple[str, str]] = set()
        self.faults: list[str] = []
        self._verified = anchor()

    def play(self) -> None:
        """Let one writer of each kind write, kill some, each followed by another one, at last all; and look."""
        reading, writing = os.pipe()
        alive = [self._fork(writer, writing) for writer in WRITERS]
        began = time.monotonic()
        select.select([reading], [], [], FIRST_WORD_SECONDS)
        # About as long as a writer takes to its first report on this machine: it is killed while it connects, in its
        # first command, or in one of the next.
        longest = (time.monotonic() - began) / 2
        for _ in range(KILLS_BETWEEN_LOOKS - len(WRITERS)):
            pause(longest)
            chosen = random.randrange(len(WRITERS))  # noqa: S311 - a die, not a secret.
            self._kill(alive[chosen])
            alive[chosen] = self._fork(WRITERS[chosen], writing)
        os.close(writing)
        pause(longest)
        for pid in alive:
            self._kill(pid)
        with os.fdopen(reading, encoding="ascii") as said:
            for line in said.read().splitlines():
                self._hear(line)
        wait_until_the_database_has_let_go()
        self.faults += self._look()

    def _fork(self, writer: Callable[[int], Iterator[str]], said: int) -> int:
        self._lives += 1
        return fork(writer, self._lives, said)

    def _kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        self.kills += os.WIFSIGNALED(status)

    def _hear(self, line: str) -> None:
        action, _, name = line.partition(" ")
        if action == "fault":
            self.faults.append(f"a command failed: {name}")
            return
        self.acknowledged[action] += 1
        if name:
            self.named.add((action, name))

    def _look(self) -> list[str]:
        from watchword.control.audit.chain import walk
        from watchword.control.audit.models import AuditEvent
        from watchword.control.base.audit_log import REFUSED

        faults = [*half_writes(), *unpublished("acme"), *unpublished("globex")]
        for action, times in self.acknowledged.items():
            if AuditEvent.objects.filter(action=action).exclude(result=REFUSED).count() < times:
                faults.append(f"an acknowledged {action} is not there")
        walked = walk(self._verified)
        self._verified = walked.reached
        return faults if walked.fault is None else [*faults, walked.fault]

    def verdict(self) -> dict[str, Any]:
        from watchword.control.audit.chain import verify_chain
        from watchword.control.audit.models import AuditEvent

        written = set(AuditEvent.objects.values_list("action", "target"))
        lost = sorted(f"{action} {name}" for action, name in self.named - written)
        chain_fault = verify_chain()
        return {
            "kills": self.kills,
            "acknowledged": dict(self.acknowledged),
            "events": AuditEvent.objects.count(),
            "faults": [*self.faults, *(f"lost: {entry}" for entry in lost), *([chain_fault] if chain_fault else [])],
        }


def half_writes() -> Iterator[str]:
    """Rows that only one half of a transaction wrote."""
    from watchword.control.audit.models import AuditEvent
    from watchword.control.fleet.models import VerifierCredential
    from watchword.control.organizations.models import Subscription, Suspension
    from watchword.control.servers.models import AuthorizationServer, KeySetState

    counts: Counter[str] = Counter(AuditEvent.objects.values_list("action", flat=True))
    pairs = {
        "verifier_created": VerifierCredential.objects.count(),
        "verifier_revoked": VerifierCredential.objects.filter(revoked_at__isnull=False).count(),
        "organization_suspended": Suspension.objects.count(),
        "organization_reinstated": Suspension.objects.filter(lifted_at__isnull=False).count(),
        # The first version is that of the subscription as it was set.
        "subscription_renewed": Subscription.objects.get(pk="acme").version - 1,
    }
    for action, rows in pairs.items():
        if counts[action] != rows:
            yield f"{rows} rows and {counts[action]} events of {action}"
    enabled = list(
        AuthorizationServer.objects.filter(organization_id="acme", enabled=True).values_list("name", flat=True)
    )
    last = AuditEvent.objects.filter(action="server_enabled").order_by("sequence").last()
    if len(enabled) != 1 or (last is not None and last.target != enabled[0]):
        yield f"enabled are {enabled}, and the last event says {None if last is None else last.target}"
    document = KeySetState.objects.get(server__organization_id="acme", server__slot=1).document
    change = AuditEvent.objects.filter(action="keys_changed").order_by("sequence").last()
    if change is not None and (not document or not replaced_by(str(document[0]["kid"]), change.changes)):
        yield f"the keys are {document}, and the last event says {change.changes}"


def replaced_by(kid: str, changes: dict[str, Any]) -> bool:
    return any(after is not None and kid in str(after) for _, after in changes.values())


def unpublished(organization: str) -> Iterator[str]:
    """Trust in the feed that differs from the trust in the tables."""
    from watchword.control.fleet.models import FeedState, TrustRecord
    from watchword.control.servers.trust import trust_of
    from watchword.feed import encode_trust

    record = TrustRecord.objects.get(organization_id=organization)
    if record.document != encode_trust(replace(trust_of(organization), revision=record.revision)):
        yield f"the published trust of {organization} is another one"
    if record.revision > FeedState.objects.get().revision:
        yield f"the revision of {organization} was not given out"


def pause(longest: float) -> None:
    time.sleep(random.uniform(0, longest))  # noqa: S311 - a moment, not a secret.


def fork(writer: Callable[[int], Iterator[str]], life: int, said: int) -> int:
    """Start a writer, with its own connections; it never returns from here."""
    from django.db import connections

    # Two processes must not share a connection after a fork.
    connections.close_all()
    pid = os.fork()
    if pid:
        return pid
    try:
        random.seed()
        for word in writer(life):
            # Short enough to be written whole or not at all, even while others write.
            os.write(said, f"{word}\n".encode("ascii"))
    except BaseException as fault:  # noqa: BLE001 - any fault must reach the referee.
        what = " ".join(f"{type(fault).__name__} in {writer.__name__}: {fault}".split())
        os.write(said, f"fault {what[:500]}\n".encode("ascii", "replace"))
    finally:
        os._exit(1)


def wait_until_the_database_has_let_go() -> None:
    """PostgreSQL finishes a killed client's statement before it notices that the client is gone."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND backend_type = 'client backend'"
    )
    deadline = time.monotonic() + GONE_SECONDS
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(others)
            if cursor.fetchone() == (0,):
                return
        time.sleep(0.002)
    raise TimeoutError("a killed client still has a connection")


def set_up() -> None:
    from kit import people, registrations

    apply_migrations()
    for organization in ("acme", "globex"):
        people.organization(organization)
    for name in ("ProdOkta", "TestOkta"):
        registrations.add(actor=registrations.ALICE, name=name)
    # Import everything here once, before the writers are forked.
    for writer in WRITERS:
        next(writer(0))


def main() -> None:
    open_control_plane()
    set_up()
    # The garbage collector ignores existing objects, so that forks share their memory.
    gc.freeze()
    began = time.monotonic()
    referee = Referee()
    while referee.kills < int(sys.argv[1]):
        referee.play()
    sys.stdout.write(json.dumps({**referee.verdict(), "seconds": round(time.monotonic() - began, 1)}))


if __name__ == "__main__":
    main()
