"""End to end: what a check costs a request that goes through a gateway to an API, and what the extra hop to a verifier
costs beside a gateway that checks by itself. Everything that serves shares one core."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from rich.console import Console

from bench.cores import SERVER, kept_on
from bench.peers import Peer, Question
from bench.peers.envoy import envoy, ext_authz, jwt_authn
from bench.peers.nginx import fixed_answer, in_front_of
from bench.peers.watchword import watchword
from bench.report import Section
from bench.rounds import FULL, HEADINGS, QUICK, Subject, alternate, ratio, show, warm_up
from bench.tokens import sign
from kit import live

BARE_NGINX: Final = "nginx, no check"
NGINX: Final = "nginx auth_request → watchword"
KEPT: Final = "nginx auth_request, a yes kept for 2 s"
BARE_ENVOY: Final = "envoy, no check"
ENVOY: Final = "envoy ext_authz → watchword"
BY_ITSELF: Final = "envoy jwt_authn, its token cache on"

COMPARED: Final = (
    (NGINX, BARE_NGINX),
    (KEPT, BARE_NGINX),
    (ENVOY, BARE_ENVOY),
    (BY_ITSELF, BARE_ENVOY),
    (ENVOY, BY_ITSELF),
)


def main(*, quick: bool = False) -> list[Section]:
    effort = QUICK if quick else FULL
    console = Console()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="watchword-bench-") as name, ExitStack() as parts:
        folder = Path(name)
        question = Question(folder, live.KEY, "RS256")
        with kept_on(SERVER):
            api = parts.enter_context(fixed_answer(folder, "api"))
            verifier = parts.enter_context(watchword(question))
            gateways = {
                BARE_NGINX: in_front_of(api, folder, "nginx-bare", verifier=None),
                NGINX: in_front_of(api, folder, "nginx-asks", verifier=verifier),
                KEPT: in_front_of(api, folder, "nginx-keeps", verifier=verifier, keep=True),
                BARE_ENVOY: envoy(folder, "envoy-bare", [], api=api),
                ENVOY: envoy(folder, "envoy-asks", [ext_authz(verifier)], verifier=verifier, api=api),
                BY_ITSELF: envoy(folder, "envoy-itself", [jwt_authn(question, cache=True)], api=api),
            }
            running: dict[str, Peer] = {label: parts.enter_context(each) for label, each in gateways.items()}
        tokens = sign(folder / "reused", ["/"], 1, key=question.key, alg=question.alg)
        subjects = [Subject(label, "reused", peer.port, peer.pid, tokens) for label, peer in running.items()]
        warm_up(subjects)
        alternate(subjects, effort, console)
    section = Section(
        "Through a gateway to an API: RS256, one core for all that serves",
        HEADINGS,
        [subject.cells() for subject in subjects],
        [
            f"{ours} / {theirs} = **{ratio(subjects, (ours, 'reused'), (theirs, 'reused')):.2f}**"
            for ours, theirs in COMPARED
        ],
    )
    show(section, console, started)
    return [section]


if __name__ == "__main__":
    main()
