"""The verifier beside its peers: one core each, the same tokens, over loopback by wrk.

Rounds alternate, so that a machine that gets slower or busier does so for all. What counts are the ratios within one
run; the figures themselves are the machine's.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console

from bench.cores import SERVER, kept_on
from bench.peers import Peer, Question
from bench.peers.apache import apache
from bench.peers.envoy import envoy, jwt_authn
from bench.peers.fastapi import fastapi
from bench.peers.haproxy import haproxy
from bench.peers.nginx import fixed_answer
from bench.peers.watchword import BY_TOKEN, organizations, watchword
from bench.report import Section
from bench.rounds import FULL, HEADINGS, QUICK, Effort, Subject, alternate, ratio, show, warm_up
from bench.tokens import sign
from kit import forge, live

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

OURS: Final = "watchword"
CACHING: Final = "envoy, its token cache on"
PLAIN: Final = "envoy, without cache"
BY_HAND: Final = "FastAPI + PyJWT"
MANY: Final = 10_000

AIMS: Final = (
    ((OURS, "reused"), (CACHING, "reused"), 1.0),
    ((OURS, "reused"), (BY_HAND, "reused"), 8.0),
    ((OURS, "never seen"), (PLAIN, "never seen"), 1.0),
    ((OURS, "never seen"), ("haproxy", "never seen"), 0.9),
    ((OURS, f"reused, {MANY:,} organizations"), (OURS, "reused"), 1.0),
    ((OURS, "reused, named by the token"), (OURS, "reused"), 1.0),
    ((OURS, "never seen, named by the token"), (OURS, "never seen"), 1.0),
)
"""Ours, theirs, and the ratio aimed at."""


def main(*, quick: bool = False) -> list[Section]:
    effort = QUICK if quick else FULL
    return [_measured(alg, effort) for alg in ("RS256", "ES256")]


def _measured(alg: str, effort: Effort) -> Section:
    console = Console()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="watchword-bench-") as folder, ExitStack() as parts:
        key = live.KEY if alg == "RS256" else forge.key_for(alg)
        question = Question(Path(folder), key, alg)
        console.print(f"{alg}: signing {effort.tokens:,} tokens, none of which comes twice in a run ...")
        with kept_on(SERVER):
            peers: dict[str, Peer] = {name: parts.enter_context(peer) for name, peer in _peers(question)}
            many = parts.enter_context(watchword(question, number=MANY))
        subjects = list(_subjects(question, effort, peers, many))
        warm_up(subjects)
        alternate(subjects, effort, console)
    section = Section(
        f"{alg}: one core",
        HEADINGS,
        [subject.cells() for subject in subjects],
        [
            f"{', '.join(ours)} / {', '.join(theirs)} = **{ratio(subjects, ours, theirs):.2f}** (aim {aim:g})"
            for ours, theirs, aim in AIMS
        ],
    )
    show(section, console, started)
    return section


def _peers(question: Question) -> Iterator[tuple[str, AbstractContextManager[Peer]]]:
    yield OURS, watchword(question)
    yield CACHING, envoy(question.folder, "envoy-cache", [jwt_authn(question, cache=True)])
    yield PLAIN, envoy(question.folder, "envoy-plain", [jwt_authn(question, cache=False)])
    yield "haproxy", haproxy(question)
    if question.alg == "RS256":
        # Its version of Debian 12 ends with a segmentation fault when it reads a public key of an elliptic curve.
        yield "mod_auth_openidc", apache(question)
    yield BY_HAND, fastapi(question)
    yield "nginx, no check", fixed_answer(question.folder, "nginx-fixed")


def _subjects(question: Question, effort: Effort, peers: dict[str, Peer], many: Peer) -> Iterator[Subject]:
    for name, peer in peers.items():
        tokens = sign(question.folder / f"reused-{peer.port}", [peer.path], 1, key=question.key, alg=question.alg)
        yield Subject(name, "reused", peer.port, peer.pid, tokens)
    ours, kind = peers[OURS], "reused, named by the token"
    tokens = sign(question.folder / "by-token", [BY_TOKEN], 1, key=question.key, alg=question.alg)
    yield Subject(OURS, kind, ours.port, ours.pid, tokens)
    paths = [f"/verify/plain/{name}" for name in organizations(MANY)]
    kind = f"reused, {MANY:,} organizations"
    tokens = sign(question.folder / "many", paths, MANY, key=question.key, alg=question.alg)
    yield Subject(OURS, kind, many.port, many.pid, tokens, known=MANY)
    never = sign(question.folder / "never", ["PATH"], effort.tokens, key=question.key, alg=question.alg).read_text()
    for name, peer in peers.items():
        if name.startswith("nginx"):
            continue
        own = question.folder / f"never-{peer.port}"
        own.write_text(never.replace("PATH", peer.path))
        yield Subject(name, "never seen", peer.port, peer.pid, own, distinct=effort.tokens)
    # The same tokens, which are remembered by themselves in each of the two ways.
    own = question.folder / "never-by-token"
    own.write_text(never.replace("PATH", BY_TOKEN))
    yield Subject(OURS, "never seen, named by the token", ours.port, ours.pid, own, distinct=effort.tokens)


if __name__ == "__main__":
    main()
