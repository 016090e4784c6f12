"""As many connections as open files allow, and no more."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
from watchword.runtime.open_files import connections_allowed
print(connections_allowed(8192), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(
    ("soft", "hard", "allowed", "raised"),
    [
        pytest.param(1024, 12_000, 8192, 12_000, id="soft limit of most systems"),
        pytest.param(1024, 4096, 3840, 4096, id="less than wanted"),
        pytest.param(200, 200, 100, 200, id="next to nothing"),
    ],
)
def test_soft_limit_is_raised_and_leaves_room_for_others(soft: int, hard: int, allowed: int, raised: int) -> None:
    command = [sys.executable, "-c", PROGRAM, str(soft), str(hard)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == [str(allowed), str(raised)]
