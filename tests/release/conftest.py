from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kit.distribution import ROOT, build, copy_project, time_of_last_commit

if TYPE_CHECKING:
    from kit.distribution import Distribution


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Distribution:
    """The files of a release, built from the working tree as it is."""
    folder = tmp_path_factory.mktemp("release")
    copy_project(ROOT, into=folder / "source")
    return build(folder / "source", into=folder / "dist", moment=time_of_last_commit(ROOT))
