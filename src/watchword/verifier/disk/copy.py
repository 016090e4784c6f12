"""The last-good copy on disk, from which a restart serves while all else is down (docs/decisions/0008).

Whoever can write this file decides whom the API trusts: it is created for its owner alone, and refused if anybody else
may write it. The digests are against torn writes and failing disks, not against that person.
"""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from watchword.feed import FeedRefused, Organizations, Packed, Snapshot, read_packed
from watchword.verifier.disk.compaction import Rewriting, Rewritten, encode_all, take_the_place, write
from watchword.verifier.disk.log_format import PAGE, Place, RecordDamaged, encode_record, read_records
from watchword.verifier.disk.watermark import Mark, MarkFile

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import BinaryIO

    from watchword.feed import Page
    from watchword.verifier.disk.log_format import Record

HEARD_EVERY_SECONDS: Final = 60.0
RETRY_SECONDS: Final = 10.0
TIDY_AGAIN_SECONDS: Final = 60.0
SMALLEST_REWRITE: Final = 256 * 1024
"""Bytes of pages below which the copy is not written anew, however small it is."""


class CopyDamaged(Exception):
    """There is a copy and it cannot be believed: the verifier starts with nothing and denies until the feed answers."""


class Copy(NamedTuple):
    """What was read.

    Attributes:
        snapshot: as of the last whole record.
        heard_at: Unix seconds; when the control plane last confirmed it.
        behind: a verifier has decided by more than this. It must not be decided by before the feed has confirmed or
            continued it: whoever was suspended meanwhile would be let in again.
    """

    snapshot: Snapshot
    heard_at: float
    behind: bool = False


@dataclass(frozen=True, slots=True)
class _Written:
    """What the file was left as; `inode` and `size` tell whether it still is.

    Attributes:
        all_digest, all_size: of its first record, which names this file among its successors.
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
    """The copy at `path`: everything as of some revision, then the pages of the feed since. One thread uses it.

    Beside it, in `path`.heard, lies the mark of how far was decided, and of when the control plane last confirmed that.

    Attributes:
        behind: whether more is decided by than is on disk. A start from the copy then waits for the feed.
        unmarked: whether not even that could be written down, so that a start would decide by the older copy.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mark = MarkFile(path.with_name(path.name + ".heard"))
        self._written: _Written | None = None
        self._marked_at = 0.0
        self._tried_at = 0.0
        self._rewriting: Rewriting | None = None
        self._tidied_at = 0.0
        self.behind = False
        self.unmarked = False

    def load(self, *, now: float, by_anybody: bool = False) -> Copy | None:
        """Read the copy; None if there is none.

        Args:
            now: Unix seconds; a copy from the future, made while a clock was wrong, counts as made now.
            by_anybody: read it also if others may have written it. Never to decide by.

        Raises:
            CopyDamaged: unreadable, changed, cut short, not of this version's form, or writable for others.
        """
        if not by_anybody:
            self._remove_unfinished()
        try:
            with self._path.open("rb") as file:
                if not by_anybody:
                    _check_owner(os.fstat(file.fileno()))
                snapshot, self._written, heard_at = _read(file)
        except FileNotFoundError:
            return None
        except OSError as failure:
            raise CopyDamaged(type(failure).__name__) from failure
        except (RecordDamaged, FeedRefused) as failure:
            raise CopyDamaged(str(failure)) from failure
        mark = self._mark.read()
        if mark is not None and mark.all_digest == self._written.all_digest:
            self.behind = mark.revision > snapshot.revision
            if mark.revision == snapshot.revision:
                heard_at = max(heard_at, mark.heard_at)
        self._marked_at = heard_at = min(heard_at, now)
        return Copy(snapshot, heard_at, self.behind)

    def store(self, snapshot: Snapshot, *, heard_at: float, page: Page | None = None) -> None:
        """Make the copy that of `snapshot`, unless that would bring an older revision of the same epoch back.

        Args:
            snapshot: what is to be decided by from now on.
            heard_at: Unix seconds.
            page: what led to it; where it continues the copy, nothing else is written.

        Raises:
            OSError: the disk refused, and the copy is behind.
        """
        written = self._written
        if written is not None and written.epoch == snapshot.epoch and snapshot.revision <= written.revision:
            if snapshot.revision == written.revision:
                self._confirm(written, heard_at)
            return
        if self.behind and 0 <= heard_at - self._tried_at < RETRY_SECONDS:
            # A full disk is not written all over again for each change.
            return
        self._tried_at = heard_at
        try:
            if written is None or page is None or not self._append(written, page, snapshot, heard_at):
                self._rewrite(snapshot, heard_at)
        except OSError:
            self._fall_behind(snapshot, heard_at)
            raise
        self.behind = self.unmarked = False

    def tidy(self, snapshot: Snapshot, *, heard_at: float) -> None:
        """Have the copy written anew once its pages outgrow the rest. Nobody waits for this: the pages are safe.

        Raises:
            OSError: the disk refused; the copy is as good as before.
        """
        written, rewriting = self._written, self._rewriting
        if written is None:
            return
        if rewriting is not None:
            if rewriting.is_done():
                self._rewriting = None
                self._take_over(rewriting.finish(), written.epoch, written.revision, heard_at)
            return
        is_that = (written.epoch, written.revision) == (snapshot.epoch, snapshot.revision)
        has_waited = not 0 <= heard_at - self._tidied_at < TIDY_AGAIN_SECONDS
        if is_that and has_waited and written.size - written.all_size > max(written.all_size, SMALLEST_REWRITE):
            self._tidied_at = heard_at
            self._rewriting = Rewriting(self._path, snapshot, heard_at)

    def _remove_unfinished(self) -> None:
        # What was being written when a process was killed is as large as the copy, and nobody else clears it away.
        with contextlib.suppress(OSError):
            for unfinished in self._path.parent.glob(f"{self._path.name}.*.new"):
                unfinished.unlink()

    def _confirm(self, written: _Written, heard_at: float) -> None:
        if self.behind or heard_at - self._marked_at >= HEARD_EVERY_SECONDS:
            self._mark.write(Mark(written.all_digest, written.revision, heard_at), durable=True)
            self._marked_at = heard_at
            self.behind = self.unmarked = False

    def _append(self, written: _Written, page: Page, snapshot: Snapshot, heard_at: float) -> bool:
        """Add the page; False if it does not continue what is there, or the file is no longer what it was left as."""
        if (page.epoch, page.after) != (written.epoch, written.revision):
            return False
        place = Place(page.epoch, page.after, page.revision, heard_at)
        organizations = Organizations.of(snapshot.organizations)
        documents = [organizations.document(trust.organization) for trust in page.changes]
        digest, parts = encode_record(PAGE, previous=written.digest, place=place, documents=documents)
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        except FileNotFoundError:
            return False
        with os.fdopen(descriptor, "ab", buffering=0) as file:
            status = os.fstat(descriptor)
            if (status.st_ino, status.st_size) != (written.inode, written.size):
                return False
            size = written.size + _append_all(file, b"".join(parts), written.size)
        self._written = replace(written, revision=page.revision, digest=digest, size=size)
        if self._rewriting is not None:
            self._rewriting.add(place, documents)
        with contextlib.suppress(OSError):
            # Not durable: should the end of the file get lost, this most likely tells; the page itself is safe.
            self._mark.write(Mark(written.all_digest, page.revision, heard_at), durable=False)
        return True

    def _rewrite(self, snapshot: Snapshot, heard_at: float) -> None:
        self._give_up_rewriting()
        digest, parts = encode_all(snapshot, heard_at)
        size, inode = _replace(self._path, parts)
        self._take_over(Rewritten(digest, size, digest, size, inode), snapshot.epoch, snapshot.revision, heard_at)

    def _take_over(self, rewritten: Rewritten, epoch: str, revision: int, heard_at: float) -> None:
        self._written = _Written(epoch, revision, *rewritten)
        self._marked_at = heard_at
        with contextlib.suppress(OSError):
            # Written now, while there is room, so that it can be written over when there is none.
            self._mark.write(Mark(rewritten.all_digest, revision, heard_at), durable=True)

    def _give_up_rewriting(self) -> None:
        if self._rewriting is not None:
            self._rewriting.give_up()
            self._rewriting = None

    def _fall_behind(self, snapshot: Snapshot, heard_at: float) -> None:
        """See to it that no start decides by the copy alone: by the mark, or else by taking the copy away."""
        self.behind = True
        # It would not know of what is missing, and its own mark would say that nothing is.
        self._give_up_rewriting()
        written = self._written
        if written is None:
            return
        beyond = snapshot.revision if snapshot.epoch == written.epoch else written.revision + 1
        try:
            self._mark.write(Mark(written.all_digest, beyond, heard_at), durable=True)
        except OSError:
            try:
                self._path.unlink(missing_ok=True)
            except OSError:
                self.unmarked = True


def _check_owner(status: os.stat_result) -> None:
    if status.st_uid not in {os.geteuid(), 0}:
        raise CopyDamaged("of another owner")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise CopyDamaged("writable for others")


def _read(file: BinaryIO) -> tuple[Snapshot, _Written, float]:
    status = os.fstat(file.fileno())
    packed: dict[str, Packed] = {}
    first: tuple[str, int] | None = None
    written: tuple[_Written, float] | None = None
    for record in read_records(file, status.st_size):
        place, end = record.place, file.tell()
        _take(record, packed)
        first = first or (record.digest, end)
        state = _Written(place.epoch, place.revision, *first, record.digest, end, status.st_ino)
        written = state, place.heard_at
    if written is None:
        raise RecordDamaged("no record")
    state, heard_at = written
    return Snapshot(state.epoch, state.revision, Organizations().changed(packed.items())), state, heard_at


def _take(record: Record, packed: dict[str, Packed]) -> None:
    for document in record.documents:
        organization, revision, one = read_packed(document)
        if not record.place.after < revision <= record.place.revision:
            raise RecordDamaged("revision")
        packed[organization] = one


def _append_all(file: BinaryIO, content: bytes, size: int) -> int:
    """Write to the disk itself; returns the number of bytes. After a failure the file has `size` again, if possible."""
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[file.write(rest) :]
        os.fsync(file.fileno())
    except OSError:
        # Half a record at the end would do no harm, but nothing could ever follow it.
        with contextlib.suppress(OSError):
            os.ftruncate(file.fileno(), size)
        raise
    return len(content)


def _replace(path: Path, content: Iterable[bytes]) -> tuple[int, int]:
    """Put `content` at `path`, whole or not at all; returns its size and its inode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The process id keeps two verifiers that were given one path by mistake from writing into one file.
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        status = write(temporary, content)
        take_the_place(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    return status.st_size, status.st_ino
