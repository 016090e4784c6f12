"""Kind G: the limits of a verifier's settings decide, on every way that a token takes through it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from kit import acme, forge, live
from kit.feed_server import feed_server
from kit.verifier_process import verifier_process
from watchword.core.decision import Deny, Reason
from watchword.core.verify import LIMITS, Limits
from watchword.feed import Snapshot
from watchword.settings.load import load_verifier_settings
from watchword.verifier import http_contract as wire
from watchword.verifier.app import Verifier
from watchword.verifier.snapshot import CurrentSnapshot
from watchword.verifier.unknown_keys import UnknownKeys
from watchword.verifier.usage.counting import Usage

if TYPE_CHECKING:
    from pathlib import Path

    from watchword.core.decision import Decision

KEY = forge.rsa_key("alice")


class LimitedVerifier:
    """A verifier with these limits that knows Acme."""

    def __init__(self, limits: Limits, max_scope: int) -> None:
        self.current = CurrentSnapshot(hard_limit=3600)
        self.current.swap(Snapshot("first", 1, {"acme": acme.trust(KEY)}), heard_at=forge.NOW)
        self.verifier = Verifier(
            current=self.current,
            usage=Usage(),
            unknown_keys=UnknownKeys(),
            limits=limits,
            max_scope=max_scope,
            clock=lambda: forge.NOW,
        )

    def at_once(self, token: str) -> wire.Response:
        answer = self.verifier.respond("/verify/plain/acme", [f"Bearer {token}"])
        assert answer is not None
        return answer

    def after_waiting(self, token: str) -> Decision:
        """As it is decided about a request that waited for a key."""
        view = self.current.view
        assert view is not None
        return self.verifier.pending_requests._decide(view, "acme", [f"Bearer {token}"])

    def denies(self, token: str, reason: Reason) -> bool:
        later = self.after_waiting(token)
        denied = self.at_once(token) is wire.PROFILES["plain"].denials[reason]
        return denied and isinstance(later, Deny) and later.reason is reason

    def allows(self, token: str) -> bool:
        return self.at_once(token).status == 200 and not isinstance(self.after_waiting(token), Deny)


def test_fg_01_defaults_match_the_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_verifier_settings()

    assert settings.limits == LIMITS
    assert settings.scope_max_characters == wire.MAX_SCOPE


def test_fg_01_largest_token_is_the_settings() -> None:
    token = forge.token(KEY, "RS256", padding="p" * 20_000)
    assert LimitedVerifier(Limits(max_token_bytes=len(token)), 256).allows(token)
    assert LimitedVerifier(Limits(max_token_bytes=len(token) - 1), 256).denies(token, Reason.TOKEN_TOO_LARGE)


def test_fg_01_leeway_is_the_settings() -> None:
    assert LimitedVerifier(Limits(leeway=300), 256).allows(forge.token(KEY, "RS256", exp=forge.NOW - 299))
    assert LimitedVerifier(Limits(leeway=0), 256).denies(forge.token(KEY, "RS256", exp=forge.NOW), Reason.TOKEN_EXPIRED)


def test_fg_01_longest_scope_is_the_settings() -> None:
    token = forge.token(KEY, "RS256", scope="a" * 300)
    assert LimitedVerifier(LIMITS, 300).allows(token)
    assert LimitedVerifier(LIMITS, 299).at_once(token) is wire.PROFILES["plain"].denials[Reason.SCOPE_TOO_LONG]


@pytest.mark.enable_socket
def test_fg_01_process_uses_its_settings(tmp_path: Path) -> None:
    with feed_server() as feed:
        feed.publish(live.trust())
        with verifier_process(
            tmp_path, feed_port=feed.port, token_max_bytes="49152", leeway="0", scope_max_characters="256"
        ) as verifier:
            large = live.token(padding="p" * 34_000)
            assert len(large) > 45_000
            assert verifier.ask(large).status == 200
            for token, reason in (
                ("a" * 49_153, "token_too_large"),
                (live.token(exp=time.time() - 1), "token_expired"),
                (live.token(scope="a" * 257), "scope_too_long"),
            ):
                assert verifier.ask(token).json()["reason"] == reason
