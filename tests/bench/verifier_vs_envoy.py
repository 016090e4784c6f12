"""The verifier beside Envoy's jwt_authn: one core each, the same RS256 tokens (2048 bits), over loopback by wrk.

Rounds alternate, so that a machine that gets slower or busier does so for both. What counts is the ratio within one
run; the figures themselves are the machine's.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from rich.console import Console
from rich.table import Table

from bench.envoy import envoy
from bench.wrk import Load, load, pinned
from kit import forge, live
from kit.feed_server import feed_server
from kit.verifier_process import VerifierProcess
from watchword.core.decision import Allow
from watchword.core.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SERVER_CORE = (os.cpu_count() or 1) - 1
CLIENT_CORE = 0
LIFETIME_SECONDS = 3600
ISSUER, AUDIENCE = "https://login.acme.example/", "https://api.example/"
BARE = ("cryptography alone, one thread", "our kernel, no HTTP")


@dataclass(frozen=True)
class Effort:
    """How long to measure; `tokens` is above what a core can verify in `seconds`, so that none comes twice."""

    rounds: int
    seconds: int
    tokens: int


FULL = Effort(rounds=5, seconds=2, tokens=60_000)
QUICK = Effort(rounds=2, seconds=1, tokens=30_000)


@dataclass
class Subject:
    """One line of the table."""

    name: str
    run: Callable[[], Load]
    distinct: bool
    figures: list[float] = field(default_factory=list)
    remarks: set[str] = field(default_factory=set)

    def measure(self, tokens: int) -> None:
        result = self.run()
        self.figures.append(result.per_second)
        if result.failures:
            self.remarks.add(f"{result.failures} failures")
        if self.distinct and result.requests > tokens:
            self.remarks.add("tokens came twice")

    @property
    def median(self) -> float:
        return statistics.median(self.figures)

    @property
    def spread(self) -> str:
        return f"{min(self.figures):,.0f} to {max(self.figures):,.0f}"


def main(*, quick: bool = False) -> None:
    effort = QUICK if quick else FULL
    console = Console()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="watchword-bench-") as folder, ExitStack() as parts:
        console.print(f"Signing {effort.tokens:,} tokens, none of which comes twice in a run ...")
        subjects = list(_subjects(Path(folder), effort, parts))
        for number in range(effort.rounds):
            console.print(f"Round {number + 1} of {effort.rounds}, {effort.seconds} s each ...")
            # Every second round the other way about: whoever comes first finds the processor cooler.
            for subject in subjects if number % 2 == 0 else reversed(subjects):
                subject.measure(effort.tokens)
    console.print(_table(subjects))
    _print_ratios(console, subjects)
    console.print(f"{time.monotonic() - started:.0f} s in all; load average {os.getloadavg()[0]:.1f}.")


def _subjects(folder: Path, effort: Effort, parts: ExitStack) -> Iterator[Subject]:
    never_seen = _sign(folder / "never-seen", effort.tokens)
    reused = _sign(folder / "reused", 1)
    feed = parts.enter_context(feed_server())
    feed.publish(live.trust())
    verifier = VerifierProcess(folder, feed_port=feed.port)
    verifier.command_prefix = pinned(SERVER_CORE)
    parts.callback(verifier.stop)
    verifier.start()
    peers: dict[str, tuple[int, str]] = {"watchword": (verifier.port, "/verify/plain/acme")}
    for name, cache in (("envoy, token cache", True), ("envoy, no cache", False)):
        running = envoy(
            folder, issuer=ISSUER, audience=AUDIENCE, key_set=forge.key_set(live.KEY), cache=cache, core=SERVER_CORE
        )
        peers[name] = (parts.enter_context(running), "/")
    send = partial(load, seconds=effort.seconds, core=CLIENT_CORE, folder=folder)
    for kind, tokens in (("reused", reused), ("never seen", never_seen)):
        for name, (port, path) in peers.items():
            load(port, path, reused, seconds=1, core=CLIENT_CORE, folder=folder)
            yield Subject(f"{name}: {kind}", partial(send, port, path, tokens), distinct=tokens is never_seen)
    for name, check in zip(BARE, (_bare_verification(), _kernel()), strict=True):
        yield Subject(name, partial(_alone, check, effort.seconds), distinct=False)


def _alone(check: Callable[[], None], seconds: int) -> Load:
    """How often one thread of this process does it, on the core that the servers run on."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {SERVER_CORE})
    try:
        started = time.perf_counter()
        for done in count(1):
            check()
            if (spent := time.perf_counter() - started) > seconds / 2:
                return Load(done / spent, done, 0)
    finally:
        os.sched_setaffinity(0, cores)
    raise AssertionError


def _bare_verification() -> Callable[[], None]:
    public = live.KEY.private.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    signing_input, _, signature = live.token().rpartition(".")
    octets, scheme, digest = forge.unb64(signature), padding.PKCS1v15(), forge.HASHES["256"]
    return partial(public.verify, octets, signing_input.encode(), scheme, digest)


def _kernel() -> Callable[[], None]:
    trust = live.trust()
    header = [f"Bearer {live.token(exp=int(time.time()) + LIFETIME_SECONDS)}"]

    def check() -> None:
        now = time.time()
        assert isinstance(verify(header, trust, now=now, snapshot_good_until=now + 1), Allow)

    return check


def _sign(path: Path, number: int) -> Path:
    key = live.KEY  # Made before the processes part: they must share it.
    assert key.private.key_size == 2048  # type: ignore[union-attr]
    if number == 1:
        path.write_text(_signed(0) + "\n")
        return path
    with multiprocessing.get_context("fork").Pool() as pool, path.open("w") as file:
        for token in pool.imap_unordered(_signed, range(number), chunksize=500):
            file.write(token + "\n")
    return path


def _signed(number: int) -> str:
    return live.token(exp=int(time.time()) + LIFETIME_SECONDS, jti=f"token-{number:08d}")


def _table(subjects: list[Subject]) -> Table:
    table = Table("what", "requests/s, median", "spread", "remarks", title="One core, RS256 with 2048 bits")
    for subject in subjects:
        table.add_row(subject.name, f"{subject.median:,.0f}", subject.spread, ", ".join(sorted(subject.remarks)))
    return table


def _print_ratios(console: Console, subjects: list[Subject]) -> None:
    median = {subject.name: subject.median for subject in subjects}
    for ours, theirs, aim in (
        ("watchword: reused", "envoy, token cache: reused", "the aim is 1"),
        ("watchword: never seen", "envoy, no cache: never seen", "the aim is 1"),
        ("watchword: never seen", BARE[0], "the rest is parsing, checks and HTTP"),
    ):
        console.print(f"{ours} / {theirs} = {median[ours] / median[theirs]:.2f} ({aim})")
