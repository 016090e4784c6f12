from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING

import pytest

from kit import acme, forge
from watchword.feed import EMPTY, Snapshot
from watchword.verifier.disk import CopyDamaged, DiskCopy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW = float(forge.NOW)
ACME = acme.trust(forge.rsa_key("alice"))


def snapshot(revision: int = 1, epoch: str = "first", *, suspended: bool = False) -> Snapshot:
    return Snapshot(epoch, revision, {"acme": acme.trust(forge.rsa_key("alice"), suspended=suspended)})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "verifier" / "snapshot.json"


def test_what_was_stored_comes_back_in_another_process_life(path: Path) -> None:
    DiskCopy(path).store(snapshot(7, suspended=True), heard_at=NOW)
    copy = DiskCopy(path).load(now=NOW + 5)
    assert copy is not None
    assert copy.heard_at == NOW
    assert copy.snapshot.revision == 7
    assert copy.snapshot.organizations["acme"].suspended


def test_there_may_be_no_copy_yet(path: Path) -> None:
    assert DiskCopy(path).load(now=NOW) is None


def test_only_its_owner_may_read_or_write_it(path: Path) -> None:
    disk = DiskCopy(path)
    disk.store(snapshot(), heard_at=NOW)
    disk.confirm(NOW + 60)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    for file in path.parent.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600
    assert {file.name for file in path.parent.iterdir()} == {"snapshot.json", "snapshot.json.heard"}


def test_an_older_revision_never_replaces_a_newer_one(path: Path) -> None:
    disk = DiskCopy(path)
    disk.store(snapshot(7, suspended=True), heard_at=NOW)
    disk.store(snapshot(6), heard_at=NOW)
    again = DiskCopy(path)
    copy = again.load(now=NOW)
    assert copy is not None
    assert copy.snapshot.revision == 7
    again.store(snapshot(6), heard_at=NOW)
    assert (DiskCopy(path).load(now=NOW) or copy).snapshot.revision == 7


def test_another_epoch_may_start_at_a_lower_revision(path: Path) -> None:
    disk = DiskCopy(path)
    disk.store(snapshot(7), heard_at=NOW)
    disk.store(snapshot(2, "restored"), heard_at=NOW)
    copy = DiskCopy(path).load(now=NOW)
    assert copy is not None
    assert (copy.snapshot.epoch, copy.snapshot.revision) == ("restored", 2)


def _cut(content: bytes) -> bytes:
    return content[:-100]


def _flipped(content: bytes) -> bytes:
    return content.replace(b'"suspended": true', b'"suspended": null')


def _unsuspended(content: bytes) -> bytes:
    return content.replace(b'"suspended": true', b'"suspended": false')


def _resigned(content: bytes, change: Callable[[dict[str, object]], object]) -> bytes:
    document = json.loads(content.partition(b"\n")[2])
    change(document)
    body = json.dumps(document).encode()
    return f"watchword-snapshot-1 {hashlib.sha256(body).hexdigest()}\n".encode() + body


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut short": _cut,
    "one word changed": _flipped,
    "a suspension taken out": _unsuspended,
    "no first line": lambda content: content.partition(b"\n")[2],
    "another format": lambda content: content.replace(b"snapshot-1", b"snapshot-2", 1),
    "zeros, as after a power cut": lambda content: bytes(len(content)),
    "right checksum over no snapshot": lambda content: _resigned(content, lambda document: document.pop("snapshot")),
    "right checksum over no time": lambda content: _resigned(content, lambda document: document.pop("heard_at")),
    "right checksum over a wrong time": lambda content: _resigned(content, lambda doc: doc.update(heard_at="soon")),
    "right checksum over another schema": lambda content: _resigned(content, _with_schema_2),
}


def _with_schema_2(document: dict[str, object]) -> None:
    document["snapshot"] = {"schema": 2}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_copy_is_refused(path: Path, damage: str) -> None:
    DiskCopy(path).store(snapshot(7, suspended=True), heard_at=NOW)
    intact = path.read_bytes()
    path.write_bytes(DAMAGES[damage](intact))
    assert path.read_bytes() != intact
    with pytest.raises(CopyDamaged):
        DiskCopy(path).load(now=NOW)


def test_a_copy_that_cannot_be_read_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(CopyDamaged):
        DiskCopy(path).load(now=NOW)


def test_a_confirmation_is_remembered_at_most_once_a_minute(path: Path) -> None:
    disk = DiskCopy(path)
    disk.confirm(NOW)
    assert not path.parent.exists()
    disk.store(snapshot(), heard_at=NOW)
    disk.confirm(NOW + 59)
    assert (DiskCopy(path).load(now=NOW + 100) or pytest.fail("no copy")).heard_at == NOW
    disk.confirm(NOW + 60)
    assert (DiskCopy(path).load(now=NOW + 100) or pytest.fail("no copy")).heard_at == NOW + 60


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"heard_at": 1}', b'{"digest": "other", "heard_at": 9e9}'])
def test_a_confirmation_of_anything_else_counts_for_nothing(path: Path, content: bytes) -> None:
    disk = DiskCopy(path)
    disk.store(snapshot(), heard_at=NOW)
    path.with_name("snapshot.json.heard").write_bytes(content)
    assert (DiskCopy(path).load(now=NOW + 100) or pytest.fail("no copy")).heard_at == NOW


def test_a_copy_from_the_future_counts_as_made_now(path: Path) -> None:
    DiskCopy(path).store(snapshot(), heard_at=NOW + 10**6)
    assert (DiskCopy(path).load(now=NOW) or pytest.fail("no copy")).heard_at == NOW


def test_a_failed_write_leaves_the_former_copy_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = DiskCopy(path)
    disk.store(snapshot(1), heard_at=NOW)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            disk.store(snapshot(2), heard_at=NOW)
    assert [file.name for file in path.parent.iterdir()] == ["snapshot.json"]
    assert (DiskCopy(path).load(now=NOW) or pytest.fail("no copy")).snapshot.revision == 1
    disk.store(snapshot(2), heard_at=NOW)
    assert (DiskCopy(path).load(now=NOW) or pytest.fail("no copy")).snapshot.revision == 2


def test_an_empty_snapshot_is_a_copy_too(path: Path) -> None:
    DiskCopy(path).store(Snapshot("first", 0, EMPTY.organizations), heard_at=NOW)
    assert (DiskCopy(path).load(now=NOW) or pytest.fail("no copy")).snapshot.organizations == {}
