"""A cache of accepted tokens: a repeated token needs no parsing and no signature check (docs/decisions/0010).

A cached response is never more generous than a new decision. An entry is valid for one organization and one whole
token, under the `Trust` object it was decided with, and in the time span that the kernel returned. Every change of an
organization's trust brings a new `Trust` object and so invalidates all its entries. Refused tokens are never cached
(M-01 to M-05, M-07).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

    from watchword.core.trust import Trust
    from watchword.verifier.http_contract import Response
    from watchword.verifier.usage.counting import UsageCounter

ROTATE_SECONDS: Final = 60.0
ENTRY_BYTES: Final = 1_900
"""Memory of an entry in addition to the characters of its token and response: objects and its share of a dictionary."""


CacheKey = tuple[str | None, str]
"""Organization and token. A tuple, because a client could forge a separator in a joined string. The organization is
None if the token itself names it; no organization from a path, not even an empty one, equals None."""


@dataclass(slots=True)
class CacheEntry:
    """One accepted token.

    Attributes:
        organization: the organization that the token is valid for.
        trust: the trust it was decided with; compared by identity.
        good_from, good_until: Unix seconds, see `Allow`.
        response: the response to the gateway.
        counter: counts the calls with this token.
    """

    organization: str
    trust: Trust | None
    good_from: float
    good_until: float
    response: Response
    counter: UsageCounter


def size_of(key: CacheKey, entry: CacheEntry) -> int:
    """An upper estimate of the bytes that an entry takes."""
    values = b"".join([value for _, value in entry.response.headers])
    return ENTRY_BYTES + len(key[0] or "") + len(key[1]) + len(values)


@dataclass(slots=True)
class _Generation:
    entries: dict[CacheKey, CacheEntry] = field(default_factory=dict)
    size: int = 0

    def put(self, key: CacheKey, entry: CacheEntry, size: int) -> None:
        replaced = self.entries.get(key)
        self.size += size - (0 if replaced is None else size_of(key, replaced))
        self.entries[key] = entry


class TokenCache:
    """Two generations: a lookup moves its entry to the younger one, and each rotation drops the older one.

    So a token that was unused for two minutes is dropped, and a flood of tokens of one organization cannot evict the
    tokens that others use all the time. `get` and `put` belong to the deciding thread; any thread may call `rotate`.

    Attributes:
        hits: lookups that found an entry.

    Args:
        max_bytes: for both generations together; 0 switches the cache off.
    """

    def __init__(self, max_bytes: int) -> None:
        self._generation_bytes = max_bytes // 2
        # One reference to both, so that no thread ever sees half a rotation.
        self._generations = (_Generation(), _Generation())
        self.hits = 0

    def get(
        self, organization: str | None, token: str, organizations: Mapping[str, Trust], now: float
    ) -> CacheEntry | None:
        """The entry that equals a new decision about the request; None if the kernel must decide.

        Args:
            organization: as named by the path; None if the token names it. A token always names the same one.
            token: as `bearer.text_of` returns it, so that spaces before it make no second entry.
            organizations: the current trust of all organizations.
            now: Unix seconds.
        """
        key = (organization, token)
        young, old = self._generations
        entry = young.entries.get(key)
        is_old = entry is None
        if entry is None:
            entry = old.entries.get(key)
        if entry is None or entry.trust is not organizations.get(entry.organization):
            return None
        # Written so that a NaN finds nothing.
        if not entry.good_from <= now < entry.good_until:
            return None
        if is_old:
            self._put(key, entry)
        self.hits += 1
        return entry

    def put(self, organization: str | None, token: str, entry: CacheEntry) -> None:
        """Cache a decision; `organization` and `token` as in `get`."""
        self._put((organization, token), entry)

    def rotate(self) -> None:
        """Drop the entries that were not used since the rotation before the last one."""
        self._generations = (_Generation(), self._generations[0])

    def run(self, stop: threading.Event) -> None:
        """Rotate every minute until `stop`."""
        while not stop.wait(ROTATE_SECONDS):
            self.rotate()

    @property
    def size(self) -> int:
        """Estimated bytes."""
        return sum(generation.size for generation in self._generations)

    def _put(self, key: CacheKey, entry: CacheEntry) -> None:
        size = size_of(key, entry)
        if size > self._generation_bytes:
            return
        if self._generations[0].size + size > self._generation_bytes:
            self.rotate()
        self._generations[0].put(key, entry, size)
