"""A verifier always ends with the trust that a new one would get, and never goes back on the way.

Commands, lost, late and repeated responses, new epochs, restored backups, restarts, a process killed while it writes,
and a full disk come in any order that hypothesis finds.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from watchword.core.trust import Trust
from watchword.feed import EMPTY, Page, Snapshot, decode_page, encode_page, fold
from watchword.verifier.disk import copy as disk_module
from watchword.verifier.disk import files
from watchword.verifier.disk.copy import RETRY_SECONDS, DiskCopy
from watchword.verifier.feed_client.failures import FeedUnavailable
from watchword.verifier.feed_client.follower import FeedClient
from watchword.verifier.snapshot import CurrentSnapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

ORGANIZATIONS = st.sampled_from(["acme", "globex", "initech", "acme-2", "globex-2"])
GARBAGE = st.sampled_from(
    [b"", b"{}", b"<html>", b'{"schema":2}', b'{"schema":1,"epoch":"e0","after":0,"revision":0,"complete":true}']
)


class ControlPlane:
    """The control plane's state and responses."""

    def __init__(self) -> None:
        self.epochs = 1
        self.revision = 0
        self.trusts: dict[str, Trust] = {}
        self.backup: tuple[int, dict[str, Trust]] = (0, {})
        self.page_length = 2

    @property
    def epoch(self) -> str:
        return f"e{self.epochs}"

    def publish(self, organization: str, *, suspended: bool) -> None:
        self.revision += 1
        self.trusts[organization] = Trust(organization, self.revision, suspended, None, None)

    def page(self, epoch: str, after: int) -> Page:
        if epoch != self.epoch or after > self.revision:
            after = 0
        newer = sorted((trust for trust in self.trusts.values() if trust.revision > after), key=lambda t: t.revision)
        changes = tuple(newer[: self.page_length])
        revision = changes[-1].revision if changes else after
        return Page(self.epoch, after, revision, complete=len(changes) == len(newer), changes=changes)

    def told_to_a_new_verifier(self) -> Mapping[str, Trust]:
        snapshot = EMPTY
        while True:
            page = self.page(snapshot.epoch, snapshot.revision)
            snapshot = fold(snapshot, decode_page(encode_page(page)))
            if page.complete:
                return dict(snapshot.organizations)


class Answers:
    """The unreliable network between the two.

    Attributes:
        given: the responses that have arrived, and may arrive again. A lost one never does: its connection is gone.
        next: what arrives instead of the right response, or None.
    """

    origin = "https://portal.example"

    def __init__(self, control: ControlPlane) -> None:
        self._control = control
        self.given: list[bytes] = []
        self.next: bytes | Exception | None = None

    def changes(self, *, epoch: str, after: int, wait: int, **_: object) -> bytes:  # noqa: ARG002 - as the protocol has it.
        right = json.dumps(encode_page(self._control.page(epoch, after))).encode()
        instead, self.next = self.next, None
        if isinstance(instead, Exception):
            raise instead
        if instead is None:
            self.given.append(right)
        return right if instead is None else instead

    def report_unknown_keys(self, report: bytes) -> None:
        """No request asks."""


class Following(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="watchword-following-")
        self.path = Path(self.folder.name) / "snapshot.json"
        self.patched, self.hurried = pytest.MonkeyPatch(), pytest.MonkeyPatch()
        # So that the copy is compacted again and again.
        self.hurried.setattr(disk_module, "MIN_COMPACTION_BYTES", 400)
        self.hurried.setattr(disk_module, "COMPACTION_INTERVAL_SECONDS", 0.0)
        self.control = ControlPlane()
        self.now = 1_000_000.0
        self.decided_by: dict[tuple[str, str], int] = {}
        self.newest_epoch = 0
        self._start()

    def teardown(self) -> None:
        try:
            self._settle()
        finally:
            self.patched.undo()
            self.hurried.undo()
            self.folder.cleanup()

    def _start(self) -> None:
        self.answers = Answers(self.control)
        self.current = CurrentSnapshot(hard_limit=10**9)
        disk = DiskCopy(self.path)
        copy = disk.load(now=self.now)
        if copy is not None and not copy.behind:
            self.current.swap(copy.snapshot, heard_at=copy.heard_at)
        base = copy.snapshot if copy is not None and copy.behind else None
        self.client = FeedClient(feed=self.answers, current=self.current, disk=disk, base=base, clock=lambda: self.now)

    def _settle(self) -> None:
        self.patched.undo()
        for _ in range(4 + len(self.control.trusts)):
            self.now += RETRY_SECONDS
            self._step()
        assert self.client.connected
        self.never_goes_back()
        expected = self.control.told_to_a_new_verifier()
        assert dict(self._known().organizations) == expected
        copy = DiskCopy(self.path).load(now=self.now)
        assert copy is not None
        assert not copy.behind
        assert dict(copy.snapshot.organizations) == expected

    def _step(self) -> None:
        self.client.step()
        rewriting = self.client.disk._compaction
        if rewriting is not None:
            # Pages come between; how many must not depend on the machine.
            rewriting.join()

    def _known(self) -> Snapshot:
        return EMPTY if self.current.view is None else self.current.view.snapshot

    @rule(organization=ORGANIZATIONS, suspended=st.booleans())
    def somebody_changes_something(self, organization: str, suspended: bool) -> None:  # noqa: FBT001 - drawn.
        self.control.publish(organization, suspended=suspended)

    @rule()
    def an_epoch_begins(self) -> None:
        self.control.epochs += 1

    @rule()
    def a_backup_is_made(self) -> None:
        self.control.backup = self.control.revision, dict(self.control.trusts)

    @rule()
    def the_backup_is_restored(self) -> None:
        self.control.revision, self.control.trusts = self.control.backup[0], dict(self.control.backup[1])
        self.control.epochs += 1

    @rule(length=st.integers(1, 4))
    def pages_get_another_length(self, length: int) -> None:
        self.control.page_length = length

    @rule()
    def the_verifier_asks(self) -> None:
        self.now += 1
        self._step()

    @rule(organizations=st.lists(ORGANIZATIONS, min_size=1, max_size=6))
    def all_goes_well_for_a_while(self, organizations: list[str]) -> None:
        for organization in organizations:
            self.control.publish(organization, suspended=True)
            self.the_verifier_asks()

    @rule()
    def an_answer_is_lost(self) -> None:
        self.answers.next = FeedUnavailable("timed_out")
        self._step()

    @rule(garbage=GARBAGE)
    def an_answer_is_garbage(self, garbage: bytes) -> None:
        self.answers.next = garbage
        self._step()

    @precondition(lambda self: self.answers.given)
    @rule(data=st.data())
    def an_older_answer_comes_once_more(self, data: st.DataObject) -> None:
        self.answers.next = data.draw(st.sampled_from(self.answers.given))
        self._step()

    @rule()
    def the_verifier_restarts(self) -> None:
        self._start()

    # After half a page nothing is added any more; everything is rewritten.
    @precondition(lambda self: not self.is_cut_off and self.path.exists())
    @rule(data=st.data())
    def the_verifier_is_killed_while_it_adds_a_page(self, data: st.DataObject) -> None:
        content = self.path.read_bytes()
        last = content[max(content.rindex(b"all  0"), content.rfind(b"page 0")) :]
        self.path.write_bytes(content + last[: data.draw(st.integers(1, len(last) - 1))])
        self._start()

    @property
    def is_cut_off(self) -> bool:
        written = self.client.disk._written
        return written is None or written.size != self.path.stat().st_size

    @rule()
    def the_disk_is_full(self) -> None:
        def no_room(*_: object) -> int:
            raise OSError(28, "No space left on device")

        self.patched.setattr(files, "append", no_room)
        self.patched.setattr(files, "replace", no_room)

    @rule()
    def the_disk_has_room_again(self) -> None:
        self.patched.undo()

    @invariant()
    def never_goes_back(self) -> None:
        """The verifier goes back to no epoch that it left, and to no older trust of any organization."""
        known = self._known()
        if not known.epoch:
            return
        assert int(known.epoch[1:]) >= self.newest_epoch
        self.newest_epoch = int(known.epoch[1:])
        for organization, trust in known.organizations.items():
            decided_by = self.decided_by.get((known.epoch, organization), 0)
            assert trust.revision >= decided_by
            self.decided_by[known.epoch, organization] = trust.revision
        for (epoch, organization), revision in self.decided_by.items():
            assert epoch != known.epoch or known.organizations[organization].revision == revision


# Without shrinking, which would take minutes: forty steps can be read as they are.
Following.TestCase.settings = settings(
    max_examples=50, stateful_step_count=40, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate]
)
TestFollowing = Following.TestCase


def test_model_sends_everything_to_a_new_verifier() -> None:
    control = ControlPlane()
    for organization in ("acme", "globex", "initech", "acme"):
        control.publish(organization, suspended=organization == "globex")
    told = control.told_to_a_new_verifier()
    assert {name: replace(trust, revision=1) for name, trust in told.items()} == {
        name: Trust(name, 1, name == "globex", None, None) for name in ("acme", "globex", "initech")
    }
