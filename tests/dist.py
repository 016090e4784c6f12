"""`make dist`: build the release of the last commit twice, in different folders, and keep it if both are the same."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from kit.distribution import (
    ROOT,
    DistributionFailed,
    build,
    copy_project,
    time_of_last_commit,
    uncommitted_changes,
)

if TYPE_CHECKING:
    from kit.distribution import Distribution


def build_in(folder: Path, project: Path) -> Distribution:
    source = folder / "source"
    copy_project(project, into=source)
    return build(source, into=folder / "dist", moment=time_of_last_commit(project))


def main(project: Path) -> int:
    if changes := uncommitted_changes(project):
        sys.stderr.write(f"A release is built from a commit; commit these changes or remove them:\n{changes}")
        return 1
    with tempfile.TemporaryDirectory(prefix="watchword-dist-") as temporary:
        first, second = (build_in(Path(temporary) / name, project) for name in ("first", "the-second"))
        if first.hashes() != second.hashes():
            sys.stderr.write(f"Two builds of the same commit differ:\n{first.hashes()}\n{second.hashes()}\n")
            return 1
        shutil.rmtree(project / "dist", ignore_errors=True)
        shutil.copytree(first.folder, project / "dist")
        for name, digest in first.hashes().items():
            sys.stdout.write(f"{digest}  dist/{name}\n")
    sys.stdout.write("Built twice, in different folders: each file has the same hash.\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(ROOT))
    except DistributionFailed as failure:
        sys.exit(str(failure))
