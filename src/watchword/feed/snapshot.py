"""Snapshots: the trust of all organizations as of one revision, updated page by page.

A verifier reports in a header whose trust it cannot read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from sys import intern
from threading import Lock
from typing import Final, TypeVar, overload

from watchword.core.trust import ORGANIZATION_ID, NotUnderstood, Trust
from watchword.feed.documents import SCHEMA, FeedRefused, Page, encode_trust, read_trust

NOT_UNDERSTOOD_HEADER: Final = "watchword-not-understood"
"""A header of a verifier's request: how many organizations' trust it cannot read, and the first names."""

NOT_UNDERSTOOD_NAMED: Final = 100
_ORGANIZATION: Final = re.compile(ORGANIZATION_ID)
_SHARDS: Final = 1024
_PACKED_BEGINS: Final = re.compile(
    rb'\{"schema":([0-9]{1,9}),"organization":"(%s)","revision":([1-9][0-9]{0,15}),' % ORGANIZATION_ID.encode("ascii")
)
_NOT_UNDERSTOOD: Final = b'{"not_understood":'
"""Begins the line of a document that this version, or the one that wrote it, cannot read."""

_INTERNED: Final = frozenset({"kty", "alg", "crv", "e", "name"})
_unpacking: Final = Lock()

T = TypeVar("T")


class Packed:
    """One organization's trust as JSON text, parsed at its first use.

    Requests use only some of a verifier's organizations, and text takes a third of the memory of objects.

    Attributes:
        document: the line that `pack` wrote.
        trust: None before `unpack`; `NotUnderstood` is set from the start.
    """

    __slots__ = ("document", "trust")

    def __init__(self, document: bytes, trust: NotUnderstood | None = None) -> None:
        self.document = document
        self.trust: Trust | None = trust

    def unpack(self) -> Trust:
        """The trust; always the same object, so that the token cache can compare it by identity.

        `NotUnderstood` if another version wrote the document, and this one does not admit its keys.
        """
        with _unpacking:
            if self.trust is None:
                self.trust = read_trust(json.loads(self.document, object_hook=_shared))
            return self.trust


def _shared(members: dict[str, object]) -> dict[str, object]:
    """Keep values that most organizations share, such as `"kty":"RSA"`, once in memory."""
    for name in members.keys() & _INTERNED:
        value = members[name]
        if isinstance(value, str):
            members[name] = intern(value)
    return members


def pack(trust: Trust) -> Packed:
    """The trust as one line of ASCII, for `read_packed`."""
    line = json.dumps(encode_trust(trust), separators=(",", ":")).encode("ascii")
    return Packed(b"%s%s}" % (_NOT_UNDERSTOOD, line), trust) if isinstance(trust, NotUnderstood) else Packed(line)


def read_packed(document: bytes) -> tuple[str, int, Packed]:
    """Organization, revision and `Packed` of a line that `pack` wrote, perhaps in another version.

    Only documents that the other version did not understand are parsed here; parsing all would take too long.

    Raises:
        FeedRefused: `pack` did not write it.
    """
    begins = _PACKED_BEGINS.match(document)
    if begins is not None and int(begins[1]) <= SCHEMA:
        return begins[2].decode("ascii"), int(begins[3]), Packed(document)
    if begins is None and not document.startswith(_NOT_UNDERSTOOD):
        raise FeedRefused("Not packed trust.")
    try:
        members = json.loads(document)
    except (ValueError, RecursionError):
        raise FeedRefused("Not packed trust.") from None
    trust = read_trust(members["not_understood"] if begins is None else members)
    return trust.organization, trust.revision, pack(trust)


class Organizations(Mapping[str, Trust]):
    """The trust of all organizations. Immutable; two of these objects share all unchanged parts.

    The organizations are in many small dictionaries, and a change copies one of them. With a single large dictionary
    the cost of a change would grow with the number of organizations.
    """

    __slots__ = ("_doubtful", "_shards")

    def __init__(
        self, shards: tuple[dict[str, Packed], ...] = ({},) * _SHARDS, doubtful: set[str] | None = None
    ) -> None:
        self._shards = shards
        # Shared by all successors: every name that was ever `NotUnderstood`; some are understood again.
        self._doubtful: set[str] = set() if doubtful is None else doubtful

    @classmethod
    def of(cls, organizations: Mapping[str, Trust]) -> Organizations:
        if isinstance(organizations, Organizations):
            return organizations
        return cls().changed((name, pack(trust)) for name, trust in organizations.items())

    def changed(self, changes: Iterable[tuple[str, Packed]]) -> Organizations:
        """A copy with these changes."""
        shards, copied = list(self._shards), set[int]()
        for organization, packed in changes:
            number = hash(organization) % _SHARDS
            if number not in copied:
                shards[number] = shards[number].copy()
                copied.add(number)
            shards[number][organization] = packed
            if isinstance(packed.trust, NotUnderstood):
                self._doubtful.add(organization)
        return Organizations(tuple(shards), self._doubtful)

    def not_understood(self) -> list[NotUnderstood]:
        """Sorted by name. From a copy on disk that another version wrote, only organizations that requests used."""
        trusts = [self.get(organization) for organization in sorted(self._doubtful)]
        return [trust for trust in trusts if isinstance(trust, NotUnderstood)]

    def document(self, organization: str) -> bytes:
        """The line that `pack` wrote; a KeyError for an unknown organization."""
        return self._shards[hash(organization) % _SHARDS][organization].document

    def documents(self) -> Iterator[bytes]:
        """The lines that `pack` wrote, of all organizations."""
        for shard in self._shards:
            for packed in shard.values():
                yield packed.document

    @overload
    def get(self, key: str) -> Trust | None: ...

    @overload
    def get(self, key: str, default: T) -> Trust | T: ...

    def get(self, key: str, default: object = None) -> object:
        # Called for every request: no exception for an unknown organization, and one lookup for a known one.
        packed = self._shards[hash(key) % _SHARDS].get(key)
        return default if packed is None else packed.trust or self._unpacked(key, packed)

    def __getitem__(self, organization: str) -> Trust:
        packed = self._shards[hash(organization) % _SHARDS][organization]
        return packed.trust or self._unpacked(organization, packed)

    def _unpacked(self, organization: str, packed: Packed) -> Trust:
        trust = packed.unpack()
        if isinstance(trust, NotUnderstood):
            self._doubtful.add(organization)
        return trust

    def __contains__(self, organization: object) -> bool:
        return organization in self._shards[hash(organization) % _SHARDS]

    def __iter__(self) -> Iterator[str]:
        for shard in self._shards:
            yield from shard

    def __len__(self) -> int:
        return sum(map(len, self._shards))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The trust of all organizations as of one revision. Immutable: a page makes a new one."""

    epoch: str
    revision: int
    organizations: Mapping[str, Trust]


EMPTY: Final = Snapshot(epoch="", revision=0, organizations=Organizations())
"""Before the first page. No page has the empty epoch."""


def fold(snapshot: Snapshot, page: Page) -> Snapshot:
    """The snapshot after a page, which is the next part of the same epoch, or the first part of another one.

    A page of the same epoch must start at the snapshot's revision, not even at 0: an outdated control plane would
    otherwise restore access that was withdrawn, such as a suspended organization's.

    Raises:
        FeedRefused: the page does not continue the snapshot.
    """
    if page.epoch == snapshot.epoch:
        if page.after != snapshot.revision:
            raise FeedRefused("The page does not continue the snapshot.")
        organizations = Organizations.of(snapshot.organizations)
    else:
        if page.after != 0:
            raise FeedRefused("A new epoch starts at 0.")
        organizations = Organizations()
    changed = organizations.changed((trust.organization, pack(trust)) for trust in page.changes)
    return Snapshot(page.epoch, page.revision, changed)


def encode_not_understood(organizations: Sequence[str]) -> str:
    """The value of NOT_UNDERSTOOD_HEADER, such as `2 acme globex`; `0` for none."""
    # Ids that this version does not know count too, but may not fit into a header.
    named = [name for name in organizations if _ORGANIZATION.fullmatch(name)]
    return " ".join((str(len(organizations)), *named[:NOT_UNDERSTOOD_NAMED]))
