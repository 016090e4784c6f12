"""What one kernel answered, asked of the kernel of another process: `python -m fuzz.answers`, questions on stdin."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

from fuzz import decisions
from watchword.core import verify
from watchword.core.decision import Allow
from watchword.feed.documents import decode_trust, encode_trust

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pytest

    from watchword.core.decision import Decision
    from watchword.core.trust import Trust

SECONDS = 120


class Question(NamedTuple):
    """The input of a kernel; the trust by its place in `decisions.TRUSTS`."""

    authorization: Sequence[str]
    trust: int
    now: float
    snapshot_good_until: float


Answer = list[object]
"""A decision as JSON has it."""


def asked_here(count: int, seed: int, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Question], list[Answer]]:
    """What the fuzz target asks of this process's kernel for `count` inputs, and what that answers."""
    numbers = random.Random(seed)  # noqa: S311 - a run has to be repeatable, not secret.
    questions, answers = list[Question](), list[Answer]()
    places = {id(trust): place for place, trust in enumerate(decisions.TRUSTS)}

    def recorded(
        authorization: Sequence[str], trust: Trust | None, *, now: float, snapshot_good_until: float, cloud_name: str
    ) -> Decision:
        decision = _verified(authorization, trust, now, snapshot_good_until)
        assert cloud_name == decisions.CLOUD
        questions.append(Question(authorization, places[id(trust)], now, snapshot_good_until))
        answers.append(_answer(decision))
        return decision

    monkeypatch.setattr(decisions, "verify", recorded)
    for _ in range(count):
        # Half of the time the first organization, clock, algorithm or kind of token: most others are refused early.
        chosen = bytes(numbers.randrange(12) * numbers.randrange(2) for _ in range(4))
        decisions.check(chosen + numbers.randbytes(numbers.randrange(200)))
    return questions, json.loads(json.dumps(answers))


def answers_of_another(
    questions: list[Question], environment: Mapping[str, str], python: str
) -> tuple[str, list[Answer]]:
    """The file of the other process's kernel, and its answers. Each process makes its own keys: trusts are sent."""
    trusts = [None if trust is None else encode_trust(trust) for trust in decisions.TRUSTS]
    outcome = subprocess.run(
        (python, "-m", "fuzz.answers"),
        input=json.dumps([trusts, questions]),
        env=dict(environment),
        check=True,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    file, *answers = json.loads(outcome.stdout)
    return file, answers


def _verified(authorization: Sequence[str], trust: Trust | None, now: float, snapshot_good_until: float) -> Decision:
    return verify.verify(
        authorization, trust, now=now, snapshot_good_until=snapshot_good_until, cloud_name=decisions.CLOUD
    )


def _answer(decision: Decision) -> Answer:
    if isinstance(decision, Allow):
        return ["allowed", *decision]
    return [decision.reason.code, decision.unknown_kid, decision.profile, decision.missing_scope]


def main() -> None:
    documents, questions = json.load(sys.stdin)
    trusts = [None if document is None else decode_trust(document) for document in documents]
    answers = [
        _answer(_verified(authorization, trusts[trust], now, snapshot_good_until))
        for authorization, trust, now, snapshot_good_until in questions
    ]
    json.dump([verify.__file__, *answers], sys.stdout)


if __name__ == "__main__":
    main()
