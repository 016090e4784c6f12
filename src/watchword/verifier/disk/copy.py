"""The last-good copy on disk. A restarted verifier decides by it while everything else is down (docs/decisions/0008).

A user who can write this file decides which tokens the API accepts. So only its owner can read or write it, and a file
that others may write is refused. The digests detect torn writes and failing disks, not such a user.
"""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from watchword.feed import FeedRefused, Organizations, Packed, Snapshot, read_packed
from watchword.verifier.disk import files
from watchword.verifier.disk.compaction import Compaction, WrittenFile, encode_all
from watchword.verifier.disk.log_format import PAGE, Position, RecordDamaged, encode_record, read_records
from watchword.verifier.disk.watermark import Watermark, WatermarkFile

if TYPE_CHECKING:
    from pathlib import Path

    from watchword.feed import Page
    from watchword.verifier.disk.log_format import Record

CONFIRM_SECONDS: Final = 60.0
RETRY_SECONDS: Final = 10.0
COMPACTION_INTERVAL_SECONDS: Final = 60.0
MIN_COMPACTION_BYTES: Final = 256 * 1024
"""Bytes of pages below which the copy is not compacted, however small it is."""


class CopyDamaged(Exception):
    """The copy cannot be trusted: the verifier starts without a snapshot and denies until the feed answers."""


class Copy(NamedTuple):
    """A copy as it was read.

    Attributes:
        snapshot: the state after the last complete record.
        heard_at: Unix seconds; when the control plane last confirmed it.
        behind: whether the verifier had decided by a newer revision. Then it must not decide by this copy before the
            feed has confirmed or continued it, or it would accept tokens of an organization suspended meanwhile.
    """

    snapshot: Snapshot
    heard_at: float
    behind: bool = False


@dataclass(frozen=True, slots=True)
class _Written:
    """The file as this process left it; `inode` and `size` show whether another process changed it.

    Attributes:
        all_digest, all_size: of its first record; the digest identifies the file among later ones.
        digest: of its last record.
    """

    epoch: str
    revision: int
    all_digest: str
    all_size: int
    digest: str
    size: int
    inode: int


class DiskCopy:
    """The copy at `path`: a full record as of some revision, then the feed's pages since. For one thread.

    The file `path`.heard is its watermark: the revision up to which the verifier has decided, and when the control
    plane last confirmed that revision.

    Attributes:
        behind: whether the file lacks changes that are already in use. A start then waits for the feed.
        watermark_failed: whether the watermark could not be written either, so that a start decides by the old copy.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._watermark = WatermarkFile(path.with_name(path.name + ".heard"))
        self._written: _Written | None = None
        self._watermark_at = 0.0
        self._tried_at = 0.0
        self._compaction: Compaction | None = None
        self._compacted_at = 0.0
        self.behind = False
        self.watermark_failed = False

    def load(self, *, now: float, any_owner: bool = False) -> Copy | None:
        """Read the copy; None if there is none.

        Args:
            now: Unix seconds; a copy from the future, made while a clock was wrong, counts as made now.
            any_owner: read it even if other users may have written it. Never decide by such a copy.

        Raises:
            CopyDamaged: it is unreadable, changed, truncated, of another format version, or writable by others.
        """
        if not any_owner:
            self._remove_unfinished()
        try:
            with self._path.open("rb") as file:
                if not any_owner:
                    _check_owner(os.fstat(file.fileno()))
                snapshot, self._written, heard_at = _read(file)
        except FileNotFoundError:
            return None
        except OSError as failure:
            raise CopyDamaged(type(failure).__name__) from failure
        except (RecordDamaged, FeedRefused) as failure:
            raise CopyDamaged(str(failure)) from failure
        watermark = self._watermark.read()
        if watermark is not None and watermark.all_digest == self._written.all_digest:
            self.behind = watermark.revision > snapshot.revision
            if watermark.revision == snapshot.revision:
                heard_at = max(heard_at, watermark.heard_at)
        self._watermark_at = heard_at = min(heard_at, now)
        return Copy(snapshot, heard_at, self.behind)

    def store(self, snapshot: Snapshot, *, heard_at: float, page: Page | None = None) -> None:
        """Update the copy to `snapshot`, unless it already has a newer revision of the same epoch.

        Args:
            snapshot: the snapshot that decides from now on.
            heard_at: Unix seconds.
            page: the page that led to it. If it continues the copy, only this page is written.

        Raises:
            OSError: the disk refused, and the copy is behind.
        """
        written = self._written
        if written is not None and written.epoch == snapshot.epoch and snapshot.revision <= written.revision:
            if snapshot.revision == written.revision:
                self._confirm(written, heard_at)
            return
        if self.behind and 0 <= heard_at - self._tried_at < RETRY_SECONDS:
            # Do not try a full disk again with each change.
            return
        self._tried_at = heard_at
        try:
            if written is None or page is None or not self._append(written, page, snapshot, heard_at):
                self._write_all(snapshot, heard_at)
        except OSError:
            self._fall_behind(snapshot, heard_at)
            raise
        self.behind = self.watermark_failed = False

    def compact(self, snapshot: Snapshot, *, heard_at: float) -> None:
        """Start or finish a compaction, once the pages outgrow the full record. Does not wait for it.

        Raises:
            OSError: the disk refused; the copy is as good as before.
        """
        written, compaction = self._written, self._compaction
        if written is None:
            return
        if compaction is not None:
            if compaction.is_done():
                self._compaction = None
                self._use(compaction.finish(), written.epoch, written.revision, heard_at)
            return
        is_current = (written.epoch, written.revision) == (snapshot.epoch, snapshot.revision)
        is_due = not 0 <= heard_at - self._compacted_at < COMPACTION_INTERVAL_SECONDS
        if is_current and is_due and written.size - written.all_size > max(written.all_size, MIN_COMPACTION_BYTES):
            self._compacted_at = heard_at
            self._compaction = Compaction(self._path, snapshot, heard_at)

    def _remove_unfinished(self) -> None:
        # Files of a killed process are as large as the copy, and nothing else removes them.
        with contextlib.suppress(OSError):
            for unfinished in self._path.parent.glob(f"{self._path.name}.*.new"):
                unfinished.unlink()

    def _confirm(self, written: _Written, heard_at: float) -> None:
        if self.behind or heard_at - self._watermark_at >= CONFIRM_SECONDS:
            self._watermark.write(Watermark(written.all_digest, written.revision, heard_at), durable=True)
            self._watermark_at = heard_at
            self.behind = self.watermark_failed = False

    def _append(self, written: _Written, page: Page, snapshot: Snapshot, heard_at: float) -> bool:
        """Append the page; False if it does not continue the file, or another process changed the file."""
        if (page.epoch, page.after) != (written.epoch, written.revision):
            return False
        position = Position(page.epoch, page.after, page.revision, heard_at)
        organizations = Organizations.of(snapshot.organizations)
        documents = [organizations.document(trust.organization) for trust in page.changes]
        digest, parts = encode_record(PAGE, previous=written.digest, position=position, documents=documents)
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        except FileNotFoundError:
            return False
        with os.fdopen(descriptor, "ab", buffering=0) as file:
            status = os.fstat(descriptor)
            if (status.st_ino, status.st_size) != (written.inode, written.size):
                return False
            size = written.size + files.append(file, b"".join(parts), written.size)
        self._written = replace(written, revision=page.revision, digest=digest, size=size)
        if self._compaction is not None:
            self._compaction.add(position, documents)
        with contextlib.suppress(OSError):
            # Not durable, as the page itself is. It detects a file whose end got lost.
            self._watermark.write(Watermark(written.all_digest, page.revision, heard_at), durable=False)
        return True

    def _write_all(self, snapshot: Snapshot, heard_at: float) -> None:
        self._cancel_compaction()
        digest, parts = encode_all(snapshot, heard_at)
        status = files.replace(self._path, parts)
        written = WrittenFile(digest, status.st_size, digest, status.st_size, status.st_ino)
        self._use(written, snapshot.epoch, snapshot.revision, heard_at)

    def _use(self, written: WrittenFile, epoch: str, revision: int, heard_at: float) -> None:
        self._written = _Written(epoch, revision, *written)
        self._watermark_at = heard_at
        with contextlib.suppress(OSError):
            # Written while the disk has space, so that it can be overwritten when the disk is full.
            self._watermark.write(Watermark(written.all_digest, revision, heard_at), durable=True)

    def _cancel_compaction(self) -> None:
        if self._compaction is not None:
            self._compaction.cancel()
            self._compaction = None

    def _fall_behind(self, snapshot: Snapshot, heard_at: float) -> None:
        """Keep every start from deciding by the old copy: raise the watermark, or else delete the copy."""
        self.behind = True
        # The compacted file would lack this change, and its watermark would say that it is complete.
        self._cancel_compaction()
        written = self._written
        if written is None:
            return
        beyond = snapshot.revision if snapshot.epoch == written.epoch else written.revision + 1
        try:
            self._watermark.write(Watermark(written.all_digest, beyond, heard_at), durable=True)
        except OSError:
            try:
                self._path.unlink(missing_ok=True)
            except OSError:
                self.watermark_failed = True


def _check_owner(status: os.stat_result) -> None:
    if status.st_uid not in {os.geteuid(), 0}:
        raise CopyDamaged("of another owner")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise CopyDamaged("writable for others")


def _read(file: BinaryIO) -> tuple[Snapshot, _Written, float]:
    status = os.fstat(file.fileno())
    packed: dict[str, Packed] = {}
    first: tuple[str, int] | None = None
    last: tuple[_Written, float] | None = None
    for record in read_records(file, status.st_size):
        position, end = record.position, file.tell()
        _apply(record, packed)
        first = first or (record.digest, end)
        written = _Written(position.epoch, position.revision, *first, record.digest, end, status.st_ino)
        last = written, position.heard_at
    if last is None:
        raise RecordDamaged("no record")
    written, heard_at = last
    return Snapshot(written.epoch, written.revision, Organizations().changed(packed.items())), written, heard_at


def _apply(record: Record, packed: dict[str, Packed]) -> None:
    for document in record.documents:
        organization, revision, one = read_packed(document)
        if not record.position.after < revision <= record.position.revision:
            raise RecordDamaged("revision")
        packed[organization] = one
