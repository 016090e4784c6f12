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
BEARER = ("Authorization", "Bearer ")

# Formatting a request for each call would make LuaJIT what is measured. A line of the file is a path, a space and a
# credential; a run starts where the one before it ended, so that no token comes twice before all have come once.
_SCRIPT = """
local requests, count, position = {}, 0, 0
init = function(arguments)
  for line in io.lines(arguments[1]) do
    local path, token = line:match("(%S+) (%S+)")
    count = count + 1
    requests[count] = wrk.format("GET", path, { [arguments[3]] = arguments[4] .. token })
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
        p50, p99: milliseconds within which half of them, and 99 of 100, were answered.
    """

    per_second: float
    requests: int
    failures: int
    p50: float
    p99: float


def load(
    port: int,
    tokens: Path,
    *,
    seconds: int,
    start: int = 0,
    credential: tuple[str, str] = BEARER,
    connections: int = CONNECTIONS,
) -> Load:
    """Send the tokens of a file from the line `start` on, and from the first again when they are used up.

    Args:
        port, tokens, start: where to, and what.
        seconds: for how long.
        credential: the header, and what its value has before the token.
        connections: how many requests wait for a response at the same time.
    """
    script = tokens.parent / "tokens.lua"
    script.write_text(_SCRIPT)
    command = [
        "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "--latency", "-s", str(script),
        f"http://{LOOPBACK}:{port}", "--", str(tokens), str(start), *credential,
    ]  # fmt: skip
    with kept_on(CLIENT):
        output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 60).stdout
    return parse(output)


_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


def parse(output: str) -> Load:
    per_second = re.search(r"Requests/sec:\s+([\d.]+)", output)
    requests = re.search(r"(\d+) requests in", output)
    p50, p99 = (re.search(rf"{share}%\s+([\d.]+)(us|ms|s)", output) for share in (50, 99))
    assert per_second is not None, output
    assert requests is not None, output
    assert p50 is not None, output
    assert p99 is not None, output
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    failures = (int(refused[1]) if refused else 0) + (sum(map(int, broken.groups())) if broken else 0)
    within = [float(share[1]) * _UNITS[share[2]] for share in (p50, p99)]
    return Load(float(per_second[1]), int(requests[1]), failures, *within)
