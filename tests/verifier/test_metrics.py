from __future__ import annotations

from typing import TYPE_CHECKING

from watchword.core.trust import NotUnderstood
from watchword.feed import EMPTY, Page, fold
from watchword.verifier.disk.copy import DiskCopy
from watchword.verifier.metrics import FeedCollector
from watchword.verifier.snapshot import CurrentSnapshot

if TYPE_CHECKING:
    from pathlib import Path


def test_each_figure_is_1_while_something_needs_an_operator(tmp_path: Path) -> None:
    current, disk, now = CurrentSnapshot(hard_limit=100, soft_limit=30), DiskCopy(tmp_path / "snapshot.json"), 1000.0

    def figures() -> dict[str, float]:
        collector = FeedCollector(current=current, disk=disk, clock=lambda: now)
        samples = [sample for metric in collector.collect() for sample in metric.samples]
        return {sample.name.removeprefix("watchword_verifier_"): sample.value for sample in samples}

    quiet = {
        "feed_schema_unknown": 0.0,
        "feed_page_refused": 0.0,
        "copy_behind": 0.0,
        "copy_unmarked": 0.0,
        "organizations_not_understood": 0.0,
    }
    assert figures() == quiet, "an alert must not take nothing for fresh"
    current.swap(EMPTY, heard_at=now)
    assert figures() == {**quiet, "snapshot_stale": 0.0}
    now += 30
    odd = Page("first", 0, 1, complete=True, changes=(NotUnderstood("acme", 1),))
    current.swap(fold(EMPTY, odd), heard_at=now - 30)
    current.schema_unknown = current.page_refused = disk.behind = disk.watermark_failed = True
    assert set(figures().values()) == {1.0}
