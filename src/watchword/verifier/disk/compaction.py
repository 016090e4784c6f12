"""Rewrites the copy on disk in a thread of its own, while pages are still appended to the old file."""

from __future__ import annotations

import contextlib
import os
import threading
from itertools import chain, count
from typing import TYPE_CHECKING, Final, NamedTuple

from watchword.feed import Organizations
from watchword.verifier.disk import files
from watchword.verifier.disk.log_format import ALL, FORM, PAGE, Position, encode_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from watchword.feed import Snapshot

_numbers: Final = count()


class WrittenFile(NamedTuple):
    """Identifies a file as it was written: digest and size of its first record, of all records, and its inode."""

    all_digest: str
    all_size: int
    digest: str
    size: int
    inode: int


class Compaction:
    """Writes one full record in place of all pages. The pages that arrive meanwhile are appended at the end.

    With a million organizations this takes many seconds, for which no suspension may wait.
    """

    def __init__(self, path: Path, snapshot: Snapshot, heard_at: float) -> None:
        self._path = path
        # The number keeps a cancelled compaction from writing into the next one's file.
        self._temporary = path.with_name(f"{path.name}.{os.getpid()}-{next(_numbers)}.new")
        self._pages: list[tuple[Position, Sequence[bytes]]] = []
        self._first: tuple[str, int] | None = None
        self._failure: OSError | None = None
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._write, args=(snapshot, heard_at), name="copy", daemon=True)
        self._thread.start()

    def add(self, position: Position, documents: Sequence[bytes]) -> None:
        """Keep a page that was appended to the old file."""
        self._pages.append((position, documents))

    def is_done(self) -> bool:
        return not self._thread.is_alive()

    def join(self) -> None:
        self._thread.join()

    def cancel(self) -> None:
        """Discard the new file, because the old one was replaced in another way. Does not wait for the thread."""
        self._cancelled.set()
        if self.is_done():
            self._remove()

    def finish(self) -> WrittenFile:
        """Append the pages that arrived meanwhile and replace the old file. Call it once `is_done`.

        Raises:
            OSError: the disk refused, in the thread or now; the old file is unchanged.
        """
        try:
            written = self._append_pages()
            files.rename_over(self._temporary, self._path)
        except OSError:
            self._remove()
            raise
        return written

    def _append_pages(self) -> WrittenFile:
        if self._first is None:
            raise self._failure or OSError("the copy could not be written")
        digest, size = self._first
        # Without O_CREAT: if another process removed the file, there is nothing to append to.
        with os.fdopen(os.open(self._temporary, os.O_WRONLY | os.O_APPEND), "ab") as file:
            if os.fstat(file.fileno()).st_size != size:
                raise OSError("the new copy is not as it was written")
            for position, documents in self._pages:
                digest, parts = encode_record(PAGE, previous=digest, position=position, documents=documents)
                file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
            status = os.fstat(file.fileno())
        return WrittenFile(*self._first, digest, status.st_size, status.st_ino)

    def _write(self, snapshot: Snapshot, heard_at: float) -> None:
        try:
            digest, parts = encode_all(snapshot, heard_at)
            self._first = digest, files.write(self._temporary, parts).st_size
        except OSError as failure:
            self._failure = failure
        if self._cancelled.is_set():
            self._remove()

    def _remove(self) -> None:
        with contextlib.suppress(OSError):
            self._temporary.unlink()


def encode_all(snapshot: Snapshot, heard_at: float) -> tuple[str, Iterable[bytes]]:
    """The digest of a full record, and the bytes of a file that consists of this record."""
    position = Position(snapshot.epoch, 0, snapshot.revision, heard_at)
    documents = list(Organizations.of(snapshot.organizations).documents())
    digest, parts = encode_record(ALL, previous="", position=position, documents=documents)
    return digest, chain((FORM,), parts)
