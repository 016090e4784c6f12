"""Load by wrk: one thread, keep-alive connections, every request formatted before the clock starts."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kit.processes import LOOPBACK

if TYPE_CHECKING:
    from pathlib import Path

CONNECTIONS = 32

# Formatting a request for each call would make LuaJIT what is measured.
_SCRIPT = """
local requests, count, position = {}, 0, 0
init = function(arguments)
  for token in io.lines(arguments[2]) do
    count = count + 1
    requests[count] = wrk.format("GET", arguments[1], { ["Authorization"] = "Bearer " .. token })
  end
end
request = function()
  position = position % count + 1
  return requests[position]
end
"""


@dataclass(frozen=True)
class Load:
    """One run: requests per second, all requests sent, and how many were not answered 2xx or failed on the socket."""

    per_second: float
    requests: int
    failures: int


def load(port: int, path: str, tokens: Path, *, seconds: int, core: int, folder: Path) -> Load:
    """Send the tokens of a file, one per line, in order and from the start again when they are used up."""
    script = folder / "tokens.lua"
    script.write_text(_SCRIPT)
    command = [
        *pinned(core), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script),
        f"http://{LOOPBACK}:{port}", "--", path, str(tokens),
    ]  # fmt: skip
    output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 30).stdout
    return parse(output)


def parse(output: str) -> Load:
    per_second = re.search(r"Requests/sec:\s+([\d.]+)", output)
    requests = re.search(r"(\d+) requests in", output)
    assert per_second is not None, output
    assert requests is not None, output
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    failures = (int(refused[1]) if refused else 0) + (sum(map(int, broken.groups())) if broken else 0)
    return Load(float(per_second[1]), int(requests[1]), failures)


def pinned(core: int) -> tuple[str, ...]:
    """The words before a command that keep it on one core; none where that cannot be said."""
    return ("taskset", "-c", str(core)) if shutil.which("taskset") else ()
