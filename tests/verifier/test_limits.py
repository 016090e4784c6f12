"""Kind G: the limits of a verifier's settings decide, on every way that a token takes through it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from kit import live
from kit.feed_server import CREDENTIAL, feed_server
from kit.processes import LOOPBACK, free_port, wait_until
from watchword.core.decision import Allow, Deny, Reason
from watchword.settings.load import load_verifier_settings
from watchword.verifier import wire
from watchword.verifier.app import assembled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from watchword.verifier.app import Verifier

pytestmark = pytest.mark.enable_socket


@contextmanager
def verifier(folder: Path, **settings: Any) -> Iterator[Verifier]:
    with feed_server() as feed:
        feed.publish(live.trust())
        given = load_verifier_settings(
            feed_url=f"http://{LOOPBACK}:{feed.port}",
            credential=CREDENTIAL,
            admin_port=free_port(),
            state_file=folder / "state" / "snapshot.json",
            node="node-1",
            **settings,
        )
        with assembled(given) as running:
            wait_until(lambda: running.current.view is not None, what="the first trust", timeout=30.0)
            yield running


def reason(running: Verifier, token: str) -> Reason | None:
    """Why the token is denied, None if it is allowed; both at once and after waiting for a key."""
    answer = running.answer("/verify/plain/acme", [f"Bearer {token}"])
    assert answer is not None
    view = running.current.view
    assert view is not None
    later = running._decision(view, "acme", [f"Bearer {token}"])
    if answer.status == 200:
        assert isinstance(later, Allow)
        return None
    denied = next(code for code, denial in wire.PROFILES["plain"].denials.items() if denial is answer)
    if denied is not Reason.SCOPE_TOO_LONG:
        assert isinstance(later, Deny)
        assert later.reason is denied
    return denied


def test_g_defaults_are_those_of_the_kernel_and_the_contract(tmp_path: Path) -> None:
    with verifier(tmp_path) as running:
        assert reason(running, live.token(padding="p" * 11_000)) is None
        assert reason(running, "a" * 16_385) is Reason.TOKEN_TOO_LARGE
        assert reason(running, live.token(exp=time.time() - 30)) is None
        assert reason(running, live.token(scope="a" * wire.MAX_SCOPE)) is None
        assert reason(running, live.token(scope="a" * (wire.MAX_SCOPE + 1))) is Reason.SCOPE_TOO_LONG


def test_g_settings_widen_the_limits(tmp_path: Path) -> None:
    with verifier(tmp_path, token_max_bytes=49_152, leeway=300, scope_max_characters=16_384) as running:
        assert reason(running, live.token(padding="p" * 34_000)) is None
        assert reason(running, "a" * 49_153) is Reason.TOKEN_TOO_LARGE
        assert reason(running, live.token(exp=time.time() - 200)) is None
        assert reason(running, live.token(scope="a" * 16_384)) is None


def test_g_settings_narrow_the_limits(tmp_path: Path) -> None:
    with verifier(tmp_path, token_max_bytes=4096, leeway=0, scope_max_characters=256) as running:
        assert reason(running, "a" * 4097) is Reason.TOKEN_TOO_LARGE
        assert reason(running, live.token(exp=time.time() - 1)) is Reason.TOKEN_EXPIRED
        assert reason(running, live.token(scope="a" * 256)) is None
        assert reason(running, live.token(scope="a" * 257)) is Reason.SCOPE_TOO_LONG
