"""The last-good copy on disk, from which a restart serves while all else is down.

Whoever can write this file decides whom the API trusts; it is created for its owner alone. The checksum is against
torn writes and failing disks, not against that person.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from typing import TYPE_CHECKING, NamedTuple

from watchword.feed import FeedRefused, decode_snapshot, encode_snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from watchword.feed import Snapshot

FORMAT = "watchword-snapshot-1"
HEARD_EVERY_SECONDS = 60.0


class CopyDamaged(Exception):
    """There is a copy and it cannot be believed: the verifier starts with nothing and denies until the feed answers."""


class Copy(NamedTuple):
    snapshot: Snapshot
    heard_at: float


class DiskCopy:
    """The copy at `path`, and beside it `path`.heard: when the control plane last confirmed that copy.

    The second file is small, so that a quiet hour costs no rewriting of all trust. It names the digest of the copy it
    speaks of; lost, damaged or of another copy, it is ignored and the older time in the copy itself counts.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._heard_path = path.with_name(path.name + ".heard")
        self._written: tuple[str, int] | None = None
        self._digest = ""
        self._heard_at = 0.0

    def load(self, *, now: float) -> Copy | None:
        """Read the copy; None if there is none.

        Args:
            now: Unix seconds; a copy from the future, made while a clock was wrong, counts as made now.

        Raises:
            CopyDamaged: unreadable, changed, cut short, or not of this version's form.
        """
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as failure:
            raise CopyDamaged(type(failure).__name__) from failure
        first, _, body = content.partition(b"\n")
        digest = hashlib.sha256(body).hexdigest()
        if first != f"{FORMAT} {digest}".encode():
            raise CopyDamaged("checksum")
        try:
            document = json.loads(body)
            snapshot = decode_snapshot(document["snapshot"])
            heard_at = float(document["heard_at"])
        except (ValueError, KeyError, TypeError, RecursionError, FeedRefused) as failure:
            raise CopyDamaged(type(failure).__name__) from failure
        heard_at = min(max(heard_at, self._confirmed_at(digest)), now)
        self._written, self._digest, self._heard_at = (snapshot.epoch, snapshot.revision), digest, heard_at
        return Copy(snapshot, heard_at)

    def store(self, snapshot: Snapshot, *, heard_at: float) -> None:
        """Replace the copy, unless that would bring an older revision of the same epoch back.

        Raises:
            OSError: the disk refused; the former copy is then still whole.
        """
        if self._written is not None and self._written[0] == snapshot.epoch and snapshot.revision <= self._written[1]:
            return
        body = json.dumps({"heard_at": heard_at, "snapshot": encode_snapshot(snapshot)}).encode()
        digest = hashlib.sha256(body).hexdigest()
        _replace(self._path, f"{FORMAT} {digest}\n".encode() + body)
        self._written, self._digest, self._heard_at = (snapshot.epoch, snapshot.revision), digest, heard_at

    def confirm(self, heard_at: float) -> None:
        """Note that the stored copy was still right at `heard_at`; written at most once a minute.

        Raises:
            OSError: the disk refused.
        """
        if not self._digest or heard_at - self._heard_at < HEARD_EVERY_SECONDS:
            return
        _replace(self._heard_path, json.dumps({"digest": self._digest, "heard_at": heard_at}).encode())
        self._heard_at = heard_at

    def _confirmed_at(self, digest: str) -> float:
        try:
            document = json.loads(self._heard_path.read_bytes())
            return float(document["heard_at"]) if document["digest"] == digest else 0.0
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return 0.0


def _replace(path: Path, content: bytes) -> None:
    """Put `content` at `path` so that after a crash or a power cut the file is the old or the new one, whole."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The process id keeps two verifiers that were given one path by mistake from writing into one file.
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
