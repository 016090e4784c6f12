"""The form of the copy on disk: a line that names the form, then records, of which the first holds everything.

A record is a line of fixed length (kind, length and digest of what follows, checksum of the line itself) and its body:
a line that says where the record stands in the feed, and one line of JSON for each organization. Each digest covers the
one before, so that no record can be missing, repeated or exchanged without the next one showing it.
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
    """What is written there is not what was written. Says where, never what."""


class Place(NamedTuple):
    """Where a record stands in the feed.

    Attributes:
        epoch: the feed's.
        after, revision: what it continues and what it reaches; a record of everything continues 0.
        heard_at: Unix seconds, when the control plane said so.
    """

    epoch: str
    after: int
    revision: int
    heard_at: float


class Record(NamedTuple):
    """One record as it was read.

    Attributes:
        kind: ALL or PAGE.
        digest: of this record and, by it, of all before.
        place: where it stands.
        documents: one for each organization, as `watchword.feed.pack` writes them.
    """

    kind: bytes
    digest: str
    place: Place
    documents: Sequence[bytes]


def encode_record(
    kind: bytes, *, previous: str, place: Place, documents: Sequence[bytes]
) -> tuple[str, Iterator[bytes]]:
    """A record's digest, and its bytes in parts.

    Args:
        kind: ALL or PAGE.
        previous: the digest of the record before; "" for the first.
        place: where it stands.
        documents: of the organizations.
    """
    first = json.dumps(place._asdict(), separators=(",", ":")).encode("ascii")
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
    """Each whole record, in order, until the end or until the record that was being written when the power went.

    Such a last one is cut short, or nothing but zeros. Nobody was ever answered by it, since a page counts only once it
    is on disk. Anything else that is not as it was written is damage.

    Args:
        file: at its beginning, which `size` counts from.
        size: bytes of the file.

    Raises:
        RecordDamaged: also for a file without a whole first record.
    """
    if file.readline(len(FORM)) != FORM:
        raise RecordDamaged("form")
    before: Record | None = None
    while record := _read(file, size, "" if before is None else before.digest):
        if not _follows(record, before):
            raise RecordDamaged("order")
        yield record
        # What it holds is the reader's; kept here, everything would be in memory twice.
        before = record._replace(documents=())
    if before is None:
        raise RecordDamaged("no record")


def _follows(record: Record, before: Record | None) -> bool:
    if before is None:
        return record.kind == ALL and record.place.after == 0
    standing = (record.place.epoch, record.place.after)
    return record.kind == PAGE and standing == (before.place.epoch, before.place.revision)


def _read(file: BinaryIO, size: int, previous: str) -> Record | None:
    begins = file.tell()
    header = file.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES:
        return None
    found = _HEADER.fullmatch(header)
    if found is None or int(found[4], 16) != _checksum(header):
        # Checked by itself: a wrong length would make a damaged record in the middle look like a last one cut short.
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
    return Record(kind, digest.hexdigest(), _place(lines[0]), lines[1:])


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


def _place(line: bytes) -> Place:
    try:
        members = json.loads(line)
        place = Place(members["epoch"], members["after"], members["revision"], float(members["heard_at"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise RecordDamaged("place") from None
    if not members["epoch"] or not isinstance(members["epoch"], str):
        raise RecordDamaged("place")
    if not all(type(number) is int and 0 <= number < _MAX_INTEGER for number in (place.after, place.revision)):
        raise RecordDamaged("place")
    return place
