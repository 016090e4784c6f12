from __future__ import annotations

import hashlib
import json
import os
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from kit import acme, forge
from watchword.feed import EMPTY, SCHEMA, Page, Snapshot, fold
from watchword.verifier.disk.copy import (
    COMPACTION_INTERVAL_SECONDS,
    MIN_COMPACTION_BYTES,
    RETRY_SECONDS,
    CopyDamaged,
    DiskCopy,
)
from watchword.verifier.disk.watermark import Watermark, WatermarkFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from watchword.core.trust import Trust
    from watchword.verifier.disk.copy import Copy

NOW = float(forge.NOW)
KEY = forge.rsa_key("alice")
HEADER_BYTES = 92


def trust(organization: str = "acme", revision: int = 1, **changes: Any) -> Trust:
    return acme.trust(KEY, organization=organization, revision=revision, **changes)


def snapshot(revision: int = 1, epoch: str = "first", *, suspended: bool = False) -> Snapshot:
    return Snapshot(epoch, revision, {"acme": trust(revision=revision, suspended=suspended)})


def stored(path: Path) -> Copy:
    """What another process finds."""
    # By anybody, as a verifier that starts would clear away what this one is writing.
    copy = DiskCopy(path).load(now=NOW + 10**6, any_owner=True)
    assert copy is not None
    return copy


class Follower:
    """Keeps a copy as the feed's thread does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.disk = DiskCopy(path)
        self.snapshot = EMPTY
        self.now = NOW

    def hear(self, *changes: Trust, epoch: str = "first") -> None:
        after = self.snapshot.revision if epoch == self.snapshot.epoch else 0
        page = Page(epoch, after, changes[-1].revision, complete=True, changes=changes)
        self.snapshot = fold(self.snapshot, page)
        self.disk.store(self.snapshot, heard_at=self.now, page=page)

    def compact(self) -> None:
        """Begin to write anew if that is due, or take over what is written."""
        self.disk.compact(self.snapshot, heard_at=self.now)
        if self.disk._compaction is not None:
            self.disk._compaction.join()

    def outgrow(self) -> None:
        """Hear of so much that the copy is due to be written anew."""
        page = [trust(f"organization-{number:03d}", self.snapshot.revision + 1 + number) for number in range(250)]
        while self.path.stat().st_size < MIN_COMPACTION_BYTES + 2 * 125_000 + 10_000:
            self.hear(
                *(replace(each, revision=self.snapshot.revision + 1 + number) for number, each in enumerate(page))
            )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "verifier" / "snapshot.json"


@pytest.fixture
def follower(path: Path) -> Follower:
    """Knows three organizations: of the first page, and of two that were added to it; Globex was then suspended."""
    follower = Follower(path)
    follower.hear(trust("acme"), trust("globex", 2))
    follower.hear(trust("initech", 3))
    follower.hear(trust("globex", 4, suspended=True))
    return follower


# -------------------------------------------------------------------- what comes back


def test_what_was_stored_comes_back_in_another_process_life(path: Path) -> None:
    DiskCopy(path).store(snapshot(7, suspended=True), heard_at=NOW)
    copy = DiskCopy(path).load(now=NOW + 5)
    assert copy is not None
    assert copy.heard_at == NOW
    assert copy.snapshot.revision == 7
    assert copy.snapshot.organizations["acme"].suspended


def test_pages_come_back_with_what_they_were_added_to(follower: Follower) -> None:
    copy = stored(follower.path)
    assert copy.snapshot == follower.snapshot
    assert copy.snapshot.organizations["globex"].suspended
    assert not copy.behind


def test_a_page_is_added_and_not_all_written_again(follower: Follower) -> None:
    before = follower.path.read_bytes()
    follower.hear(trust("acme", 5, suspended=True))
    after = follower.path.read_bytes()
    assert after.startswith(before)
    assert stored(follower.path).snapshot == follower.snapshot


def test_the_next_process_goes_on_adding(follower: Follower) -> None:
    before = follower.path.read_bytes()
    again = Follower(follower.path)
    again.snapshot = (again.disk.load(now=NOW) or pytest.fail("no copy")).snapshot
    again.hear(trust("acme", 5, suspended=True))
    assert follower.path.read_bytes().startswith(before)
    assert stored(follower.path).snapshot == again.snapshot


def test_pages_that_outgrow_the_rest_are_taken_into_it_while_others_come(follower: Follower) -> None:
    follower.compact()
    assert follower.disk._compaction is None, "not for so little"
    follower.outgrow()
    before = follower.path.stat().st_size
    follower.compact()
    assert follower.path.stat().st_size == before
    # These come while it is being written.
    follower.hear(trust("acme", follower.snapshot.revision + 1, suspended=True))
    follower.hear(trust("late", follower.snapshot.revision + 1))
    assert stored(follower.path).snapshot == follower.snapshot
    follower.compact()
    assert follower.path.stat().st_size < before
    assert stored(follower.path).snapshot == follower.snapshot
    assert not stored(follower.path).behind
    follower.hear(trust("late", follower.snapshot.revision + 1, suspended=True))
    assert stored(follower.path).snapshot == follower.snapshot
    assert {file.name for file in follower.path.parent.iterdir()} == {"snapshot.json", "snapshot.json.heard"}


def test_what_is_written_anew_is_given_up_for_another_epoch(follower: Follower) -> None:
    follower.outgrow()
    follower.disk.compact(follower.snapshot, heard_at=NOW)
    compaction = follower.disk._compaction
    assert compaction is not None
    follower.hear(trust("acme"), epoch="restored")
    assert follower.disk._compaction is None
    compaction.join()
    follower.compact()
    assert stored(follower.path).snapshot.epoch == "restored"
    assert {file.name for file in follower.path.parent.iterdir()} == {"snapshot.json", "snapshot.json.heard"}


def test_what_is_written_anew_never_hides_that_the_copy_is_behind(
    follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower.outgrow()
    follower.compact()
    with _Full(follower, monkeypatch), pytest.raises(OSError, match="No space"):
        follower.hear(trust("acme", follower.snapshot.revision + 1, suspended=True))
    follower.compact()
    assert stored(follower.path).behind
    assert {file.name for file in follower.path.parent.iterdir()} == {"snapshot.json", "snapshot.json.heard"}


@pytest.mark.parametrize("what", ["cleared away", "emptied"])
def test_what_was_written_anew_and_then_spoilt_never_takes_the_place(follower: Follower, what: str) -> None:
    follower.outgrow()
    follower.compact()
    follower.hear(trust("acme", follower.snapshot.revision + 1, suspended=True))
    (temporary,) = follower.path.parent.glob("*.new")
    if what == "emptied":
        temporary.write_bytes(b"")
    else:
        temporary.unlink()
    with pytest.raises(OSError, match=r"not as it was written|No such file"):
        follower.compact()
    assert stored(follower.path).snapshot == follower.snapshot
    assert {file.name for file in follower.path.parent.iterdir()} == {"snapshot.json", "snapshot.json.heard"}


def test_a_disk_without_room_for_a_second_copy_keeps_the_first_and_is_asked_again_later(
    follower: Follower, disk: Disk
) -> None:
    follower.outgrow()
    disk.refuses_once = {"fsync"}
    follower.compact()
    with pytest.raises(OSError, match="No space"):
        follower.compact()
    assert (follower.disk.behind, stored(follower.path).snapshot) == (False, follower.snapshot)
    follower.compact()
    assert follower.disk._compaction is None, "not at each change"
    follower.now += COMPACTION_INTERVAL_SECONDS
    follower.compact()
    follower.hear(trust("acme", follower.snapshot.revision + 1))
    disk.refuses_once = {"fsync"}
    with pytest.raises(OSError, match="No space"):
        follower.compact()
    assert stored(follower.path).snapshot == follower.snapshot
    assert {file.name for file in follower.path.parent.iterdir()} == {"snapshot.json", "snapshot.json.heard"}


def test_there_may_be_no_copy_yet(path: Path) -> None:
    assert DiskCopy(path).load(now=NOW) is None
    DiskCopy(path).compact(snapshot(), heard_at=NOW)
    assert not path.exists()


def test_an_empty_snapshot_is_a_copy_too(path: Path) -> None:
    DiskCopy(path).store(Snapshot("first", 0, EMPTY.organizations), heard_at=NOW)
    assert stored(path).snapshot.organizations == {}


def test_an_older_revision_never_replaces_a_newer_one(path: Path) -> None:
    disk = DiskCopy(path)
    disk.store(snapshot(7, suspended=True), heard_at=NOW)
    disk.store(snapshot(6), heard_at=NOW)
    again = DiskCopy(path)
    copy = again.load(now=NOW)
    assert copy is not None
    assert copy.snapshot.revision == 7
    again.store(snapshot(6), heard_at=NOW)
    assert stored(path).snapshot.revision == 7


def test_another_epoch_may_start_at_a_lower_revision(follower: Follower) -> None:
    follower.hear(trust("acme"), epoch="restored")
    copy = stored(follower.path)
    assert (copy.snapshot.epoch, copy.snapshot.revision) == ("restored", 1)
    assert set(copy.snapshot.organizations) == {"acme"}


def test_a_page_that_continues_something_else_is_written_with_everything(follower: Follower) -> None:
    page = Page("first", 5, 6, complete=True, changes=(trust("acme", 6, suspended=True),))
    moved_on = fold(Snapshot("first", 5, follower.snapshot.organizations), page)
    follower.disk.store(moved_on, heard_at=NOW, page=page)
    assert stored(follower.path).snapshot == moved_on


# -------------------------------------------------------------------- who may write it


def test_only_its_owner_may_read_or_write_it(path: Path) -> None:
    disk = DiskCopy(path)
    disk.store(snapshot(), heard_at=NOW)
    disk.store(snapshot(), heard_at=NOW + 60)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    for file in path.parent.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600
    assert {file.name for file in path.parent.iterdir()} == {"snapshot.json", "snapshot.json.heard"}


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_copy_that_others_may_write_is_refused(follower: Follower, mode: int) -> None:
    follower.path.chmod(mode)
    with pytest.raises(CopyDamaged, match="writable for others"):
        DiskCopy(follower.path).load(now=NOW)
    assert DiskCopy(follower.path).load(now=NOW, any_owner=True) is not None


def test_a_copy_of_another_owner_is_refused(follower: Follower, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() == 0:
        os.chown(follower.path, 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(CopyDamaged, match="of another owner"):
        DiskCopy(follower.path).load(now=NOW)
    assert DiskCopy(follower.path).load(now=NOW, any_owner=True) is not None


# -------------------------------------------------------------------- damage


def _begins_of_records(content: bytes) -> list[int]:
    begins, at = [], content.index(b"\n") + 1
    while at < len(content):
        begins.append(at)
        at += HEADER_BYTES + int(content[at + 5 : at + 17])
    return begins


def _without(number: int) -> Callable[[bytes], bytes]:
    def without(content: bytes) -> bytes:
        begins = [*_begins_of_records(content), len(content)]
        return content[: begins[number]] + content[begins[number + 1] :]

    return without


def _exchanged(content: bytes) -> bytes:
    first, second = _begins_of_records(content)[1:]
    return content[:first] + content[second:] + content[first:second]


def _turned(number: int, offset: int) -> Callable[[bytes], bytes]:
    def turned(content: bytes) -> bytes:
        at = _begins_of_records(content)[number] + offset
        return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]

    return turned


def _signed_anew(change: Callable[[list[bytes]], object]) -> Callable[[bytes], bytes]:
    """Change lines of the first record and give it the right digest and checksum: alone it would be believed."""

    def signed(content: bytes) -> bytes:
        begins = _begins_of_records(content)
        lines = content[begins[0] + HEADER_BYTES : begins[1]].split(b"\n")[:-1]
        change(lines)
        body = b"".join(line + b"\n" for line in lines)
        digest = hashlib.sha256(b" all  %d\n" % len(body) + body).hexdigest().encode()
        line = b"all  %012d %s " % (len(body), digest)
        return b"watchword-copy-2\n%s%08x\n" % (line, zlib.crc32(line)) + body

    return signed


def _place(**members: object) -> Callable[[list[bytes]], object]:
    def change(lines: list[bytes]) -> None:
        lines[0] = json.dumps({**json.loads(lines[0]), **members}).encode()

    return change


def _second_line(line: bytes) -> Callable[[list[bytes]], object]:
    def change(lines: list[bytes]) -> None:
        lines[1] = line

    return change


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "the name of its form alone": lambda _: b"watchword-copy-2\n",
    "another form": lambda content: content.replace(b"copy-2", b"copy-3", 1),
    "zeros, as after a power cut": lambda content: bytes(len(content)),
    "cut short in the first record": lambda content: content[: _begins_of_records(content)[1] - 100],
    "one word changed in the last record": lambda content: content.replace(b'"suspended":true', b'"suspended":null'),
    "a suspension taken out of the last record": lambda content: content.replace(b":true", b":false"),
    "the first record taken out": _without(0),
    "a record in the middle taken out": _without(1),
    "two records exchanged": _exchanged,
    "a record repeated": lambda content: content + content[_begins_of_records(content)[2] :],
    "everything repeated": lambda content: content + content.partition(b"\n")[2],
    "another kind": _turned(1, 0),
    "a larger length in the first record": _turned(0, 6),
    "a larger length in the middle": _turned(1, 6),
    "a larger length in the last record": _turned(2, 6),
    "a wrong digest": _turned(1, 20),
    "a wrong checksum": _turned(1, 85),
    "a turned bit in the first record": _turned(0, 300),
    "a turned bit in the middle": _turned(1, 300),
    "a turned bit in the last record": _turned(2, 300),
    "more than zeros at the end": lambda content: content + bytes(500) + b"x" + bytes(500),
    "rightly signed, without a time": _signed_anew(_place(heard_at=None)),
    "rightly signed, with a wrong time": _signed_anew(_place(heard_at="soon")),
    "rightly signed, without an epoch": _signed_anew(_place(epoch="")),
    "rightly signed, with another epoch": _signed_anew(_place(epoch=1)),
    "rightly signed, with a wrong revision": _signed_anew(_place(revision=2.0)),
    "rightly signed, with a revision below zero": _signed_anew(_place(revision=-1)),
    "rightly signed, with an older revision than an organization's": _signed_anew(_place(revision=1)),
    "rightly signed, in the middle of the feed": _signed_anew(_place(after=1)),
    "rightly signed, in no place": _signed_anew(lambda lines: lines.pop(0)),
    "rightly signed, of another schema": _signed_anew(
        _second_line(b'{"schema":%d,"organization":"acme","revision":1,' % (SCHEMA + 1))
    ),
    "rightly signed, of no organization": _signed_anew(_second_line(b"{}")),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_copy_is_refused(follower: Follower, damage: str) -> None:
    intact = follower.path.read_bytes()
    follower.path.write_bytes(DAMAGES[damage](intact))
    assert follower.path.read_bytes() != intact
    with pytest.raises(CopyDamaged):
        DiskCopy(follower.path).load(now=NOW)


def test_fl_04_copy_of_a_build_before_schema_2_is_read_and_accepts_bound_tokens(follower: Follower) -> None:
    def of_schema_1(lines: list[bytes]) -> None:
        # All of them, as their order differs from process to process.
        for number, line in enumerate(lines[1:], start=1):
            older = line.replace(b'{"schema":2,', b'{"schema":1,').replace(b'"accepts_bound_tokens":false,', b"")
            assert older != line
            lines[number] = older

    follower.path.write_bytes(_signed_anew(of_schema_1)(follower.path.read_bytes()))
    assert b"accepts_bound_tokens" not in follower.path.read_bytes()
    server = acme.server(KEY, accepts_bound_tokens=True)
    assert stored(follower.path).snapshot.organizations["acme"] == trust(server=server)


def test_signing_anew_is_right_where_nothing_was_changed(follower: Follower) -> None:
    follower.path.write_bytes(_signed_anew(lambda _: None)(follower.path.read_bytes()))
    assert stored(follower.path).snapshot.revision == 2


def test_a_copy_that_cannot_be_read_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(CopyDamaged):
        DiskCopy(path).load(now=NOW)


# -------------------------------------------------------------------- the end of it


@pytest.mark.parametrize("kept", [0, 1, HEADER_BYTES - 1, HEADER_BYTES, HEADER_BYTES + 1, -1])
def test_a_page_whose_writing_was_cut_off_never_counted(follower: Follower, kept: int) -> None:
    whole = follower.path.read_bytes()
    follower.hear(trust("acme", 5))
    added = follower.path.read_bytes()[len(whole) :]
    # It never counted, so the mark has not reached it.
    WatermarkFile(follower.path.with_name("snapshot.json.heard")).write(_mark(follower, revision=4), durable=False)
    follower.path.write_bytes(whole + added[:kept])
    copy = stored(follower.path)
    assert (copy.snapshot.revision, copy.behind) == (4, False)
    assert copy.snapshot.organizations["globex"].suspended


def test_a_page_of_which_only_the_room_was_made_never_counted(follower: Follower) -> None:
    follower.path.write_bytes(follower.path.read_bytes() + bytes(3_000_000))
    copy = stored(follower.path)
    assert (copy.snapshot.revision, copy.behind) == (4, False)


def test_nothing_is_added_after_an_end_that_was_cut_off(follower: Follower) -> None:
    follower.path.write_bytes(follower.path.read_bytes() + b"page 0000")
    again = Follower(follower.path)
    again.snapshot = (again.disk.load(now=NOW) or pytest.fail("no copy")).snapshot
    again.hear(trust("acme", 5, suspended=True))
    assert b"page 0000page" not in follower.path.read_bytes()
    assert stored(follower.path).snapshot == again.snapshot


@pytest.mark.parametrize("lost", [1, 2])
def test_a_copy_that_lost_pages_it_had_is_behind(follower: Follower, lost: int) -> None:
    """Cut exactly between two records the copy itself looks whole; only the mark tells."""
    content = follower.path.read_bytes()
    follower.path.write_bytes(content[: _begins_of_records(content)[3 - lost]])
    copy = stored(follower.path)
    assert (copy.snapshot.revision, copy.behind) == (4 - lost, True)


def test_a_copy_that_is_behind_is_made_good_by_the_feed(follower: Follower) -> None:
    content = follower.path.read_bytes()
    follower.path.write_bytes(content[: _begins_of_records(content)[2]])
    again = Follower(follower.path)
    again.snapshot = (again.disk.load(now=NOW) or pytest.fail("no copy")).snapshot
    assert again.disk.behind
    again.hear(trust("globex", 4, suspended=True))
    assert not again.disk.behind
    copy = stored(follower.path)
    assert (copy.snapshot, copy.behind) == (follower.snapshot, False)


def test_a_copy_that_is_behind_is_good_again_when_the_feed_has_nothing_newer(follower: Follower) -> None:
    content = follower.path.read_bytes()
    follower.path.write_bytes(content[: _begins_of_records(content)[2]])
    again = DiskCopy(follower.path)
    copy = again.load(now=NOW)
    assert copy is not None
    again.store(copy.snapshot, heard_at=NOW)
    assert not again.behind
    assert not stored(follower.path).behind


# -------------------------------------------------------------------- when it was confirmed


def test_a_confirmation_is_remembered_at_most_once_a_minute(path: Path) -> None:
    disk = DiskCopy(path)
    disk.store(snapshot(), heard_at=NOW)
    disk.store(snapshot(), heard_at=NOW + 59)
    assert stored(path).heard_at == NOW
    disk.store(snapshot(), heard_at=NOW + 60)
    assert stored(path).heard_at == NOW + 60


def _mark(follower: Follower, **members: Any) -> Watermark:
    mark = WatermarkFile(follower.path.with_name("snapshot.json.heard")).read()
    assert mark is not None
    return mark._replace(**members)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"zz {}", b"%08x []" % zlib.crc32(b"[]"), b"%08x {}" % zlib.crc32(b"{}")]
)
def test_a_mark_that_is_not_whole_counts_for_nothing(follower: Follower, content: bytes) -> None:
    follower.path.with_name("snapshot.json.heard").write_bytes(content)
    copy = stored(follower.path)
    assert (copy.heard_at, copy.behind) == (NOW, False)


def test_a_mark_with_a_turned_bit_counts_for_nothing(follower: Follower) -> None:
    mark = follower.path.with_name("snapshot.json.heard")
    mark.write_bytes(mark.read_bytes().replace(b'"revision":4', b'"revision":5'))
    assert not stored(follower.path).behind


@pytest.mark.parametrize(
    ("members", "heard_at", "behind"),
    [
        ({"heard_at": NOW + 90}, NOW + 90, False),
        ({"heard_at": NOW - 90}, NOW, False),
        ({"heard_at": NOW + 90, "revision": 3}, NOW, False),
        ({"heard_at": NOW + 90, "revision": 5}, NOW, True),
        ({"heard_at": NOW + 90, "revision": 5, "all_digest": "another"}, NOW, False),
    ],
    ids=["newer", "older", "of fewer pages", "of more pages", "of another copy"],
)
def test_the_mark_speaks_of_one_copy_and_revision(
    follower: Follower,
    members: dict[str, Any],
    heard_at: float,
    behind: bool,  # noqa: FBT001 - a column of the table above.
) -> None:
    WatermarkFile(follower.path.with_name("snapshot.json.heard")).write(_mark(follower, **members), durable=False)
    copy = stored(follower.path)
    assert (copy.heard_at, copy.behind) == (heard_at, behind)


def test_a_copy_from_the_future_counts_as_made_now(path: Path) -> None:
    DiskCopy(path).store(snapshot(), heard_at=NOW + 10**6)
    assert (DiskCopy(path).load(now=NOW) or pytest.fail("no copy")).heard_at == NOW


# -------------------------------------------------------------------- a disk that refuses


class Disk:
    """Refuses what a test wants, as a full or failing disk does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.refuses: set[str] = set()
        self.refuses_once: set[str] = set()
        for name in ("fsync", "ftruncate", "unlink", "pwrite"):
            monkeypatch.setattr(os, name, self._refusing(name, getattr(os, name)))

    def _refusing(self, name: str, really: Callable[..., Any]) -> Callable[..., Any]:
        def act(*arguments: Any, **named: Any) -> Any:
            if name in self.refuses | self.refuses_once:
                self.refuses_once.discard(name)
                raise OSError(28, "No space left on device")
            return really(*arguments, **named)

        return act


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def test_a_failed_start_leaves_nothing_behind(path: Path, disk: Disk) -> None:
    disk.refuses = {"fsync"}
    copy = DiskCopy(path)
    with pytest.raises(OSError, match="No space"):
        copy.store(snapshot(1), heard_at=NOW)
    assert copy.behind
    assert list(path.parent.iterdir()) == []


class _Full:
    """Only what is written over itself finds room."""

    def __init__(self, follower: Follower, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self._follower = follower

    def __enter__(self) -> None:
        def no_room(*_: object) -> int:
            raise OSError(28, "No space left on device")

        self._patched = self._monkeypatch.context()
        patched = self._patched.__enter__()
        patched.setattr("watchword.verifier.disk.files.append", no_room)
        patched.setattr("watchword.verifier.disk.files.replace", no_room)

    def __exit__(self, *_: object) -> None:
        self._patched.__exit__(None, None, None)


def test_a_full_disk_leaves_a_copy_that_knows_it_is_behind(follower: Follower, monkeypatch: pytest.MonkeyPatch) -> None:
    before = follower.path.read_bytes()
    with _Full(follower, monkeypatch), pytest.raises(OSError, match="No space"):
        follower.hear(trust("acme", 5, suspended=True))
    assert follower.disk.behind
    assert not follower.disk.watermark_failed
    assert follower.path.read_bytes() == before
    copy = stored(follower.path)
    assert (copy.snapshot.revision, copy.behind) == (4, True)


def test_a_full_disk_at_a_new_epoch_leaves_a_copy_that_knows_it_is_behind(
    follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _Full(follower, monkeypatch), pytest.raises(OSError, match="No space"):
        follower.hear(trust("acme", 1, suspended=True), epoch="restored")
    copy = stored(follower.path)
    assert (copy.snapshot.epoch, copy.behind) == ("first", True)


def test_it_is_tried_again_later_and_then_whole(follower: Follower, monkeypatch: pytest.MonkeyPatch) -> None:
    with _Full(follower, monkeypatch), pytest.raises(OSError, match="No space"):
        follower.hear(trust("acme", 5, suspended=True))
    follower.now += RETRY_SECONDS - 1
    follower.hear(trust("initech", 6, suspended=True))
    assert follower.disk.behind, "not at each change"
    follower.disk.store(follower.snapshot, heard_at=follower.now + 1)
    assert not follower.disk.behind
    copy = stored(follower.path)
    assert (copy.snapshot, copy.behind) == (follower.snapshot, False)


def test_a_clock_that_was_set_back_does_not_put_it_off(follower: Follower, monkeypatch: pytest.MonkeyPatch) -> None:
    with _Full(follower, monkeypatch), pytest.raises(OSError, match="No space"):
        follower.hear(trust("acme", 5, suspended=True))
    follower.disk.store(follower.snapshot, heard_at=follower.now - 3600)
    assert not follower.disk.behind


def test_half_a_page_is_taken_back(follower: Follower, disk: Disk) -> None:
    before = follower.path.read_bytes()
    disk.refuses_once = {"fsync"}
    with pytest.raises(OSError, match="No space"):
        follower.hear(trust("acme", 5))
    assert follower.path.read_bytes() == before
    assert stored(follower.path).behind


def test_a_page_that_could_not_be_taken_back_is_followed_by_nothing(follower: Follower, disk: Disk) -> None:
    disk.refuses_once = {"fsync", "ftruncate"}
    with pytest.raises(OSError, match="No space"):
        follower.hear(trust("acme", 5))
    copy = stored(follower.path)
    assert (copy.snapshot.revision, copy.behind) == (5, False), "as it happens, it is whole"
    follower.now += RETRY_SECONDS
    follower.hear(trust("acme", 6))
    assert stored(follower.path).snapshot == follower.snapshot


def test_a_copy_that_cannot_be_marked_is_taken_away(follower: Follower, disk: Disk) -> None:
    disk.refuses = {"fsync", "pwrite"}
    with pytest.raises(OSError, match="No space"):
        follower.hear(trust("acme", 5, suspended=True))
    assert not follower.path.exists()
    assert not follower.disk.watermark_failed
    disk.refuses = set()
    follower.now += RETRY_SECONDS
    follower.hear(trust("acme", 6, suspended=True))
    assert stored(follower.path).snapshot == follower.snapshot


def test_a_copy_that_cannot_even_be_taken_away_is_told_of(follower: Follower, disk: Disk) -> None:
    disk.refuses = {"fsync", "pwrite", "unlink"}
    with pytest.raises(OSError, match="No space"):
        follower.hear(trust("acme", 5, suspended=True))
    assert (follower.disk.behind, follower.disk.watermark_failed) == (True, True)
    disk.refuses = set()
    follower.disk.store(follower.snapshot, heard_at=follower.now + RETRY_SECONDS)
    assert (follower.disk.behind, follower.disk.watermark_failed) == (False, False)


def test_a_page_that_is_safe_needs_no_mark(follower: Follower, disk: Disk) -> None:
    disk.refuses = {"pwrite"}
    follower.hear(trust("acme", 5, suspended=True))
    assert not follower.disk.behind
    assert stored(follower.path).snapshot == follower.snapshot


def test_a_copy_that_was_taken_away_or_exchanged_is_written_whole(follower: Follower) -> None:
    follower.path.unlink()
    follower.hear(trust("acme", 5))
    assert stored(follower.path).snapshot == follower.snapshot
    other = follower.path.with_name("other")
    other.write_bytes(follower.path.read_bytes())
    other.replace(follower.path)
    follower.hear(trust("acme", 6))
    assert stored(follower.path).snapshot == follower.snapshot
    follower.path.write_bytes(b"")
    follower.hear(trust("acme", 7))
    assert stored(follower.path).snapshot == follower.snapshot


def test_a_killed_process_leaves_no_half_copy_for_ever(follower: Follower) -> None:
    unfinished = follower.path.with_name("snapshot.json.4711.new")
    unfinished.write_bytes(b"half")
    DiskCopy(follower.path).load(now=NOW, any_owner=True)
    assert unfinished.exists()
    DiskCopy(follower.path).load(now=NOW)
    assert not unfinished.exists()
