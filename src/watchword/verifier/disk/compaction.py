"""A copy that is written anew in a thread of its own, while pages are still added to the old one."""

from __future__ import annotations

import contextlib
import os
import threading
from itertools import chain, count
from typing import TYPE_CHECKING, Final, NamedTuple

from watchword.feed import Organizations
from watchword.verifier.disk.log_format import ALL, FORM, PAGE, Place, encode_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from watchword.feed import Snapshot

_numbers: Final = count()


class Rewritten(NamedTuple):
    """What a file was written as: digest and size of its first record, of all records, and its inode."""

    all_digest: str
    all_size: int
    digest: str
    size: int
    inode: int


class Rewriting:
    """With a million organizations it takes many seconds, for which no suspension may wait.

    Pages that come meanwhile are kept, and added when it takes the old copy's place.
    """

    def __init__(self, path: Path, snapshot: Snapshot, heard_at: float) -> None:
        self._path = path
        # A number, so that one that was given up never writes into its successor's file.
        self._temporary = path.with_name(f"{path.name}.{os.getpid()}-{next(_numbers)}.new")
        self._pages: list[tuple[Place, Sequence[bytes]]] = []
        self._first: tuple[str, int] | None = None
        self._failure: OSError | None = None
        self._given_up = threading.Event()
        self._thread = threading.Thread(target=self._write, args=(snapshot, heard_at), name="copy", daemon=True)
        self._thread.start()

    def add(self, place: Place, documents: Sequence[bytes]) -> None:
        """A page was added to the old copy."""
        self._pages.append((place, documents))

    def is_done(self) -> bool:
        return not self._thread.is_alive()

    def join(self) -> None:
        self._thread.join()

    def give_up(self) -> None:
        """The old copy was replaced in another way. Does not wait for the thread."""
        self._given_up.set()
        if self.is_done():
            self._remove()

    def finish(self) -> Rewritten:
        """Add what came meanwhile and take the old copy's place, once `is_done`.

        Raises:
            OSError: the disk refused, now or then; the old copy is untouched.
        """
        try:
            rewritten = self._with_pages()
            take_the_place(self._temporary, self._path)
        except OSError:
            self._remove()
            raise
        return rewritten

    def _with_pages(self) -> Rewritten:
        if self._first is None:
            raise self._failure or OSError("the copy could not be written")
        digest, size = self._first
        # Never created here: if somebody has cleared it away, there is nothing that pages could be added to.
        with os.fdopen(os.open(self._temporary, os.O_WRONLY | os.O_APPEND), "ab") as file:
            if os.fstat(file.fileno()).st_size != size:
                raise OSError("the new copy is not as it was written")
            for place, documents in self._pages:
                digest, parts = encode_record(PAGE, previous=digest, place=place, documents=documents)
                file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
            status = os.fstat(file.fileno())
        return Rewritten(*self._first, digest, status.st_size, status.st_ino)

    def _write(self, snapshot: Snapshot, heard_at: float) -> None:
        try:
            digest, parts = encode_all(snapshot, heard_at)
            self._first = digest, write(self._temporary, parts).st_size
        except OSError as failure:
            self._failure = failure
        if self._given_up.is_set():
            self._remove()

    def _remove(self) -> None:
        with contextlib.suppress(OSError):
            self._temporary.unlink()


def encode_all(snapshot: Snapshot, heard_at: float) -> tuple[str, Iterable[bytes]]:
    """The digest of a copy's first record, and the bytes of a copy that is this record alone."""
    place = Place(snapshot.epoch, 0, snapshot.revision, heard_at)
    documents = list(Organizations.of(snapshot.organizations).documents())
    digest, parts = encode_record(ALL, previous="", place=place, documents=documents)
    return digest, chain((FORM,), parts)


def write(path: Path, content: Iterable[bytes]) -> os.stat_result:
    """Write a file for this user alone, down to the disk.

    Raises:
        OSError: the disk refused.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb", buffering=1024 * 1024) as file:
        file.writelines(content)
        file.flush()
        os.fsync(descriptor)
        return os.fstat(descriptor)


def take_the_place(temporary: Path, path: Path) -> None:
    """Rename, so that after a crash or a power cut the file at `path` is the old or the new one.

    Raises:
        OSError: the disk refused.
    """
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
