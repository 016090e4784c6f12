"""The codes that the demo gives out for its operator."""

from __future__ import annotations

from datetime import UTC, datetime

from watchword.control.identity.factors.totp import matching_step, new_secret
from watchword.demo.authenticator_app import DemoApp


def test_each_code_is_of_another_step_and_accepted_when_it_is_given_out() -> None:
    secret, now = new_secret(), [1_000_000.0]

    def wait(seconds: float) -> None:
        assert seconds > 0
        now[0] += seconds

    app = DemoApp(secret, clock=lambda: now[0], wait=wait)
    steps = [matching_step(secret, app.code(), datetime.fromtimestamp(now[0], UTC)) for _ in range(5)]

    assert None not in steps
    assert len(set(steps)) == 5
    # The first two need no wait.
    assert now[0] > 1_000_000
