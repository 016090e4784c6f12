"""docs/benchmarks.md: what one run of `make bench` measured, on which machine, with which versions and settings."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT: Final = Path(__file__).parents[2]
DOCUMENT: Final = ROOT / "docs" / "benchmarks.md"
WIDTH: Final = 100

INTRODUCTION: Final = """# Benchmarks

`make bench` writes this page; do not edit it by hand. It is one run on one machine: compare the
**ratios** between lines of one table, not the figures.

- Each server runs on one core and wrk on another, with 32 connections, or 8 for the management
  API, and requests that are formatted before the clock starts. If the two cores are threads of one
  physical core, as often in the cloud, they slow each other down, all servers alike.
- Rounds alternate between the subjects, every second round in reverse order; *requests/s* is the
  median, *spread* the slowest and the fastest round.
- *p50* and *p99* are the times within which half of the requests, and 99 of 100, were answered,
  waiting behind the others included.
- *processor* is the processor time of the server for each request: other work on the machine hardly
  changes it.
- *reused* is one token sent again and again; *never seen* tokens come only once in the whole run.
- All check the signature, issuer, audience and expiry; mod_auth_openidc the issuer but not the
  audience. [`tests/bench/peers`](../tests/bench/peers) shows how each is set up.
"""

READING: Final = """
## How to read it

- **Reused tokens**: the verifier answers from its memory of verified tokens
  ([decision 10](decisions/0010-tokens-that-are-remembered.md)), Envoy from its own. HAProxy,
  mod_auth_openidc and PyJWT verify each time.
- **Never-seen tokens** cost a signature check everywhere; the rest is reading the token, the
  checks, HTTP and counting. Here Python pays: about half of a request is the interpreter. Envoy and
  HAProxy are written in C++ and C. Decision 10 and
  [decision 13](decisions/0013-no-compiled-kernel.md) say what was tried against that.
- **The kernel** is measured in turns with a bare call of `cryptography`, token by token. The build
  of the interpreter matters: a distribution's CPython, made with profile-guided optimization, takes
  two thirds of the time of one that a version manager built without.
- **Through a gateway**, the hop to a verifier costs another HTTP exchange on the same core. On a
  machine with more than two cores, gateway and verifier do not share one.
- **Keeping an allow** in nginx for some seconds saves the hop for a token that comes again, and
  delays every withdrawal by as long:
  [keeping a decision](gateways.md#keeping-a-decision-for-a-few-seconds).
- **The management API** is compared with the portal's page of the same servers, and with a Django
  view that only looks up the key and reads the rows, on the same server, database and connection
  pool: the rest is rights, strict reading, response types and request ids.
"""


@dataclass(frozen=True)
class Section:
    """One table, and sentences below it."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    sentences: Sequence[str]

    def markdown(self) -> str:
        lines = [f"## {self.title}", "", _row(self.headings), _row(["---"] * len(self.headings))]
        lines += [_row(row) for row in self.rows]
        return "\n".join([*lines, "", *(f"- {sentence}" for sentence in self.sentences), ""])


def write(sections: Sequence[Section]) -> None:
    parts = [INTRODUCTION, _machine(), *(section.markdown() for section in sections)]
    DOCUMENT.write_text("\n".join(parts) + READING, encoding="utf-8")
    sys.stdout.write(f"Written to {DOCUMENT.relative_to(ROOT)}.\n")


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _machine() -> str:
    processor = _first(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    lines = [
        *textwrap.wrap(
            f"Measured on {datetime.now(UTC):%Y-%m-%d} on {os.cpu_count()} cores of {processor}, "
            f"Linux {platform.release()}, CPython {platform.python_version()}. "
            f"Load average at the end: {os.getloadavg()[0]:.1f}.",
            WIDTH,
            break_on_hyphens=False,
        ),
        "",
        *textwrap.wrap(
            "Versions: " + ", ".join(f"{name} {number}" for name, number in _versions().items()) + ".",
            WIDTH,
            break_on_hyphens=False,
        ),
        "",
    ]
    return "\n".join(lines)


def _versions() -> dict[str, str]:
    found = {name: version(name) for name in ("cryptography", "granian", "django", "fastapi", "PyJWT", "uvicorn")}
    programs = {
        "Envoy": ([str(Path(sys.executable).parent / "envoy"), "--version"], r"/(\d+\.\d+\.\d+)/"),
        "HAProxy": (["/usr/sbin/haproxy", "-v"], r"version (\S+)"),
        "nginx": (["/usr/sbin/nginx", "-v"], r"nginx/(\S+)"),
        "mod_auth_openidc": (["dpkg-query", "-W", "libapache2-mod-auth-openidc"], r"\s(\S+)"),
        "wrk": (["wrk", "-v"], r"wrk (\S+)"),
    }
    for name, (command, pattern) in programs.items():
        printed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        found[name] = _first(pattern, printed.stdout + printed.stderr)
    return found


def _first(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    return match[1].strip() if match else "unknown"
