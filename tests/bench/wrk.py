"""Load by wrk: one thread, keep-alive connections, every request formatted before the clock starts."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.cores import CLIENT, kept_on
from kit.processes import LOOPBACK

if TYPE_CHECKING:
    from pathlib import Path

CONNECTIONS = 32

# Formatting a request for each call would make LuaJIT what is measured. A line of the file is a path, a space and a
# token; a run starts where the one before it ended, so that no token comes twice before all have come once.
_SCRIPT = """
local requests, count, position = {}, 0, 0
init = function(arguments)
  for line in io.lines(arguments[1]) do
    local path, token = line:match("(%S+) (%S+)")
    count = count + 1
    requests[count] = wrk.format("GET", path, { ["Authorization"] = "Bearer " .. token })
  end
  position = tonumber(arguments[2]) % count
end
request = function()
  position = position % count + 1
  return requests[position]
end
"""


@dataclass(frozen=True)
class Load:
    """One run.

    Attributes:
        per_second: requests answered.
        requests: all of them.
        failures: how many were not answered 2xx, or failed on the socket.
        p99: milliseconds within which 99 of 100 were answered.
    """

    per_second: float
    requests: int
    failures: int
    p99: float


def load(port: int, tokens: Path, *, seconds: int, start: int = 0) -> Load:
    """Send the tokens of a file from the line `start` on, and from the first again when they are used up."""
    script = tokens.parent / "tokens.lua"
    script.write_text(_SCRIPT)
    command = [
        "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", str(script),
        f"http://{LOOPBACK}:{port}", "--", str(tokens), str(start),
    ]  # fmt: skip
    with kept_on(CLIENT):
        output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 60).stdout
    return parse(output)


_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


def parse(output: str) -> Load:
    per_second = re.search(r"Requests/sec:\s+([\d.]+)", output)
    requests = re.search(r"(\d+) requests in", output)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", output)
    assert per_second is not None, output
    assert requests is not None, output
    assert p99 is not None, output
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    failures = (int(refused[1]) if refused else 0) + (sum(map(int, broken.groups())) if broken else 0)
    return Load(float(per_second[1]), int(requests[1]), failures, float(p99[1]) * _UNITS[p99[2]])
