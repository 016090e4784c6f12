"""The file format of the copy on disk: a line that names the format, one full record, then one record per page.

A record is a header line of fixed length (kind, length and digest of the body, checksum of the line itself) and a body:
a line with the record's position in the feed, and a line of JSON per organization. Each digest covers the previous one,
so a missing, repeated or exchanged record breaks the next digest.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

FORM: Final = b"watchword-copy-2\n"
ALL: Final = b"all "
PAGE: Final = b"page"

_HEADER: Final = re.compile(rb"(all |page) ([0-9]{12}) ([0-9a-f]{64}) ([0-9a-f]{8})\n")
_HEADER_BYTES: Final = 92
_MAX_INTEGER: Final = 2**53
_MAX_AT_ONCE: Final = 1024 * 1024


class RecordDamaged(Exception):
    """The file is not as it was written. The message says where, and contains nothing of the file."""


class Position(NamedTuple):
    """The position of a record in the feed.

    Attributes:
        epoch: of the feed.
        after, revision: the revisions that it continues and reaches; a full record continues 0.
        heard_at: Unix seconds, when the control plane sent it.
    """

    epoch: str
    after: int
    revision: int
    heard_at: float


class Record(NamedTuple):
    """One record.

    Attributes:
        kind: ALL or PAGE.
        digest: of this record and, through it, of all previous ones.
        position: in the feed.
        documents: one for each organization, as `watchword.feed.pack` writes them.
    """

    kind: bytes
    digest: str
    position: Position
    documents: Sequence[bytes]


def encode_record(
    kind: bytes, *, previous: str, position: Position, documents: Sequence[bytes]
) -> tuple[str, Iterator[bytes]]:
    """The digest of a record, and its bytes in parts.

    Args:
        kind: ALL or PAGE.
        previous: the digest of the previous record; "" for the first.
        position: in the feed.
        documents: of the organizations.
    """
    first = json.dumps(position._asdict(), separators=(",", ":")).encode("ascii")
    length = sum(map(len, documents)) + len(documents) + len(first) + 1
    digest = _digest_of(previous, kind, length)
    for line in (first, *documents):
        digest.update(line)
        digest.update(b"\n")
    return digest.hexdigest(), _parts(_header(kind, length, digest.hexdigest()), first, documents)


def _parts(header: bytes, first: bytes, documents: Iterable[bytes]) -> Iterator[bytes]:
    yield header
    yield first + b"\n"
    for document in documents:
        yield document + b"\n"


def read_records(file: BinaryIO, size: int) -> Iterator[Record]:
    """All complete records in order, without an incomplete last one.

    A power cut leaves a last record that is truncated, or all zeros. It is skipped: the verifier never decided by it,
    since it uses a page only once the page is on disk. Every other difference is damage.

    Args:
        file: at its beginning.
        size: bytes of the file.

    Raises:
        RecordDamaged: also for a file without a complete first record.
    """
    if file.readline(len(FORM)) != FORM:
        raise RecordDamaged("form")
    before: Record | None = None
    while record := _read(file, size, "" if before is None else before.digest):
        if not _follows(record, before):
            raise RecordDamaged("order")
        yield record
        # Without the documents, which would otherwise be in memory twice.
        before = record._replace(documents=())
    if before is None:
        raise RecordDamaged("no record")


def _follows(record: Record, before: Record | None) -> bool:
    if before is None:
        return record.kind == ALL and record.position.after == 0
    continued = (before.position.epoch, before.position.revision)
    return record.kind == PAGE and (record.position.epoch, record.position.after) == continued


def _read(file: BinaryIO, size: int, previous: str) -> Record | None:
    begins = file.tell()
    header = file.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES:
        return None
    found = _HEADER.fullmatch(header)
    if found is None or int(found[4], 16) != _checksum(header):
        # The header has its own checksum: with a wrong length a damaged record would look like a truncated last one.
        file.seek(begins)
        if _is_zeros(file):
            return None
        raise RecordDamaged("header")
    kind, length = found[1], int(found[2])
    if begins + _HEADER_BYTES + length > size:
        return None
    digest = _digest_of(previous, kind, length)
    lines = []
    while length > 0:
        line = file.readline(length)
        digest.update(line)
        lines.append(line.removesuffix(b"\n"))
        length -= len(line)
    if digest.hexdigest().encode() != found[3]:
        raise RecordDamaged("digest")
    return Record(kind, digest.hexdigest(), _position(lines[0]), lines[1:])


def _header(kind: bytes, length: int, digest: str) -> bytes:
    line = b"%s %012d %s " % (kind, length, digest.encode("ascii"))
    return b"%s%08x\n" % (line, zlib.crc32(line))


def _checksum(header: bytes) -> int:
    return zlib.crc32(header[:-9])


def _digest_of(previous: str, kind: bytes, length: int) -> hashlib._Hash:
    return hashlib.sha256(b"%s %s %d\n" % (previous.encode("ascii"), kind, length))


def _is_zeros(file: BinaryIO) -> bool:
    while part := file.read(_MAX_AT_ONCE):
        if part.count(0) != len(part):
            return False
    return True


def _position(line: bytes) -> Position:
    try:
        members = json.loads(line)
        position = Position(members["epoch"], members["after"], members["revision"], float(members["heard_at"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise RecordDamaged("position") from None
    if not members["epoch"] or not isinstance(members["epoch"], str):
        raise RecordDamaged("position")
    if not all(type(number) is int and 0 <= number < _MAX_INTEGER for number in (position.after, position.revision)):
        raise RecordDamaged("position")
    return position
