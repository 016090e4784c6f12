"""Tokens that were verified, so that a token that comes again costs neither parsing nor a signature.

What is remembered is never more than what deciding anew would say: an entry answers for one organization, for one
whole token, under the very trust that it was decided by, and only at the moments for which the kernel said that
its answer holds. A change of trust of any kind makes all entries of the organization worthless at once, as the feed
then brings a new `Trust`; a token that was refused is never remembered (M-01 to M-05, M-07).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

    from watchword.core.trust import Trust
    from watchword.verifier.http_contract import Answer
    from watchword.verifier.usage.counting import Line

TURN_SECONDS: Final = 60.0
ENTRY_BYTES: Final = 1_800
"""What an entry takes beside the characters of its token and of its answer: objects, and a place in a dictionary."""


Key = tuple[str | None, str]
"""The organization and the token: a tuple, so that no separator can be forged. None stands where the token itself names
its organization: no organization of a path, not even an empty one, is equal to it, and the reverse."""


@dataclass(slots=True)
class Verified:
    """One token that is allowed.

    Attributes:
        organization: for which it is allowed.
        trust: decided so; compared by identity.
        good_from, good_until: Unix seconds, see `Allow`.
        answer: what the gateway is told.
        line: what the call is counted with.
    """

    organization: str
    trust: Trust | None
    good_from: float
    good_until: float
    answer: Answer
    line: Line


def size_of(key: Key, verified: Verified) -> int:
    """Bytes that an entry takes, estimated from above."""
    values = b"".join([value for _, value in verified.answer.headers])
    return ENTRY_BYTES + len(key[0] or "") + len(key[1]) + len(values)


@dataclass(slots=True)
class _Generation:
    entries: dict[Key, Verified] = field(default_factory=dict)
    size: int = 0

    def put(self, key: Key, verified: Verified, size: int) -> None:
        replaced = self.entries.get(key)
        self.size += size - (0 if replaced is None else size_of(key, replaced))
        self.entries[key] = verified


class VerifiedTokens:
    """Two generations. What is asked for moves to the younger one; at each turn the older one is dropped whole.

    So a token that nobody has used for two minutes is forgotten, and a flood of tokens of one organization cannot push
    out what others use all the time. `find` and `keep` belong to the thread that decides; `turn` may come from any.

    Args:
        max_bytes: for both generations together; 0 remembers nothing.
    """

    def __init__(self, max_bytes: int) -> None:
        self._generation_bytes = max_bytes // 2
        # One reference to both, so that no thread ever sees half of a turn.
        self._generations = (_Generation(), _Generation())
        self.found = 0

    def find(
        self, organization: str | None, token: str, organizations: Mapping[str, Trust], now: float
    ) -> Verified | None:
        """What deciding about the request would come to, None if it must be decided.

        Args:
            organization: as in the path; None where the token is to name it. The same token always names the same.
            token: as `bearer.text_of` gives it, so that spaces before it make no entry of their own.
            organizations: what is known of all of them at this moment.
            now: Unix seconds.
        """
        key = (organization, token)
        young, old = self._generations
        verified = young.entries.get(key)
        is_aged = verified is None
        if verified is None:
            verified = old.entries.get(key)
        if verified is None or verified.trust is not organizations.get(verified.organization):
            return None
        # Written so that a moment that is not a number finds nothing.
        if not verified.good_from <= now < verified.good_until:
            return None
        if is_aged:
            self._put(key, verified)
        self.found += 1
        return verified

    def keep(self, organization: str | None, token: str, verified: Verified) -> None:
        """Remember what was just decided; the arguments are those of `find`."""
        self._put((organization, token), verified)

    def turn(self) -> None:
        """Forget what was not asked for since the last turn but one."""
        self._generations = (_Generation(), self._generations[0])

    def run(self, stop: threading.Event) -> None:
        """Turn every minute until `stop`."""
        while not stop.wait(TURN_SECONDS):
            self.turn()

    @property
    def size(self) -> int:
        """Bytes, estimated."""
        return sum(generation.size for generation in self._generations)

    def _put(self, key: Key, verified: Verified) -> None:
        size = size_of(key, verified)
        if size > self._generation_bytes:
            return
        if self._generations[0].size + size > self._generation_bytes:
            self.turn()
        self._generations[0].put(key, verified, size)
