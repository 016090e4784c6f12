"""One verification through the kernel beside the bare call of `cryptography`, on tokens that were never seen before.

The two take turns, token by token: measured in a loop of its own, the bare call would find its code and its tables in
the processor's caches, which no server's does. Refusals are measured beside the good token that they were made of.
"""

from __future__ import annotations

import gc
import itertools
import statistics
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from rich.console import Console

from bench.cores import SERVER, kept_on
from bench.report import Section
from bench.rounds import show
from kit import acme, forge
from watchword.core.decision import Allow
from watchword.core.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from watchword.core.trust import Trust

AIMS: Final = {"RS256": 1.6, "ES256": 1.2, "Ed25519": 1.2}
TOKENS = 500
"""Of each algorithm in a round, each seen once."""
SAME = 100
"""Turns that a good token and a bad one take in a round."""
ROUNDS, QUICK_ROUNDS = 16, 4


def main(*, quick: bool = False) -> list[Section]:
    console, started = Console(), time.monotonic()
    rounds = QUICK_ROUNDS if quick else ROUNDS
    good, refused = list[list[str]](), list[list[str]]()
    measured = _measured(rounds)
    for alg, aim in AIMS.items():
        bare, ours, bad = measured[alg]["bare"], measured[alg]["kernel"], measured[alg]["refusing"]
        good.append([alg, f"{bare:.1f}", f"{ours:.1f}", f"**{ours / bare:.2f}**", f"≤ {aim}"])
        refused += [[alg, sentence, f"{share:.2f}"] for sentence, share in bad.items()]
    sections = [
        Section(
            "The kernel compared with a bare call of `cryptography`: one thread, tokens never seen",
            ("algorithm", "bare, µs", "kernel, µs", "ratio", "aim"),
            good,
            [f"Lower quartiles of {TOKENS} tokens each, in the quietest of {rounds} rounds."],
        ),
        Section(
            "Refusing beside accepting",
            ("algorithm", "refused for", "of a good one"),
            refused,
            ["The aim is 1: no bad token costs more than a good one."],
        ),
    ]
    for section in sections:
        show(section, console, started)
    return sections


def _measured(rounds: int) -> dict[str, dict[str, Any]]:
    """By algorithm: `bare` and `kernel` in microseconds, and by reason what share of a good token a bad one costs.

    A machine that others share is slow for seconds at a time, and then least of all for arithmetic: the figures are
    those of each algorithm's quietest round, in which both together took the least time. What a good and a bad token
    cost grows alike then: of them it is the median round's.
    """
    quietest = dict[str, tuple[float, float]]()
    measured = dict[str, dict[str, Any]]()
    with kept_on(SERVER):
        keys = {alg: forge.key_for(alg) for alg in AIMS}
        for turn, (alg, key) in itertools.product(range(rounds), keys.items()):
            trust = acme.trust(key)
            tokens = [forge.token(key, alg, jti=f"token-{turn:04d}-{count:04d}") for count in range(TOKENS)]
            times = _alternately(
                [_bare(key, alg, token) for token in tokens], [_kernel(token, trust) for token in tokens]
            )
            quietest[alg] = min(times, quietest.get(alg, times), key=sum)
        for alg, (bare, kernel) in quietest.items():
            trust = acme.trust(keys[alg])
            good = _kernel(forge.token(keys[alg], alg), trust)
            refusing = dict[str, float]()
            for sentence, bad in _bad(keys[alg], alg).items():
                same, other = [good] * SAME, [_kernel(bad, trust)] * SAME
                turns = [_alternately(same, other) for _ in range(rounds)]
                refusing[sentence] = statistics.median(refused / accepting for accepting, refused in turns)
            measured[alg] = {"bare": bare, "kernel": kernel, "refusing": refusing}
    return measured


def _alternately(these: Sequence[Callable[[], object]], those: Sequence[Callable[[], object]]) -> tuple[float, float]:
    """The lower quartiles of both in microseconds."""
    clock = time.perf_counter
    first, second = [], []
    gc.collect()
    gc.disable()
    try:
        for this, that in zip(these, those, strict=True):
            started = clock()
            this()
            between = clock()
            that()
            second.append(clock() - between)
            first.append(between - started)
    finally:
        gc.enable()
    return _lower_quartile(first), _lower_quartile(second)


def _lower_quartile(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=4)[0] * 1e6


def _bare(key: forge.Key, alg: str, token: str) -> Callable[[], None]:
    """The call that verifies, with everything that it needs made beforehand."""
    public: Any = key.private.public_key()
    signing_input, _, text = token.rpartition(".")
    octets, signature = signing_input.encode(), forge.unb64(text)
    if alg == "RS256":
        return partial(public.verify, signature, octets, padding.PKCS1v15(), forge.HASHES["256"])
    if alg == "ES256":
        r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
        return partial(public.verify, encode_dss_signature(r, s), octets, ec.ECDSA(forge.HASHES["256"]))
    return partial(public.verify, signature, octets)


def _kernel(token: str, trust: Trust) -> Callable[[], object]:
    assert trust.server is not None
    authorization, now, good_until = (f"Bearer {token}",), float(forge.NOW), float(forge.NOW + acme.DAY)
    # Not a partial, which copies a dictionary of named arguments at each call; a verifier does not.
    return lambda: verify(authorization, trust, now=now, snapshot_good_until=good_until)


def _bad(key: forge.Key, alg: str) -> dict[str, str]:
    good = forge.token(key, alg)
    header, claims, signature = good.split(".")
    assert isinstance(_kernel(good, acme.trust(key))(), Allow)
    wrong = signature[:-5] + ("A" if signature[-5] != "A" else "B") + signature[-4:]
    return {
        "a wrong signature": f"{header}.{claims}.{wrong}",
        "an unknown kid": forge.token(key.named("unknown"), alg),
        "an expired token": forge.token(key, alg, exp=1),
        "another client": forge.token(key, alg, client_id="x"),
        "claims that are no JSON": f"{header}.{forge.b64(forge.unb64(claims)[:-1])}.{signature}",
        "a foreign character": f"{header}.{claims}.{signature[:-1]}~",
        "HS256": forge.hmac_token(b"secret"),
    }


if __name__ == "__main__":
    main()
