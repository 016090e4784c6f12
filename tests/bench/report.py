"""docs/benchmarks.md: what one run of `make bench` measured, on which machine, with which versions and settings."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT: Final = Path(__file__).parents[2]
DOCUMENT: Final = ROOT / "docs" / "benchmarks.md"

_INTRODUCTION: Final = """# Benchmarks

Written by `make bench`; do not edit by hand. One run, on one machine: the figures are this machine's, what counts
are the **ratios** between lines of one table.

- Every server is kept on one core, wrk on another, with 32 connections and requests that are formatted before the
  clock starts. If the two are threads of one physical core, as often in the cloud, they slow each other down, all
  of them alike.
- Rounds alternate between the subjects, every second round the other way about; *requests/s* is the median,
  *spread* the slowest and the fastest round.
- *processor* is the time that the server's process spent on a processor for each request: it hardly depends on what
  else the machine does.
- *reused* is one token sent again and again; of the *never seen* ones none comes twice in the whole run.
- All check the signature, issuer, audience and expiry; mod_auth_openidc the issuer but not the audience. How each
  is set up: [`tests/bench/peers`](../tests/bench/peers).
"""

_READING: Final = """
## How to read it

- **Reused tokens** are answered from the verifier's memory of verified tokens (docs/decisions/0010), Envoy's from
  its own. HAProxy, mod_auth_openidc and PyJWT verify each time.
- **Never-seen tokens** cost a signature check everywhere; the rest is reading the token, the checks, HTTP and
  counting. Here Python pays: about half of a request is the interpreter. Envoy and HAProxy are written in C++ and
  C. What was tried against that is in docs/decisions/0010 and 0013.
- **The kernel** is measured in turns with the bare call of `cryptography`, token by token. The interpreter's build
  counts: a distribution's CPython, made with profile-guided optimization, takes two thirds of the time of one that a
  version manager built without.
- **Through a gateway** the hop to a verifier costs another HTTP exchange on the same core. On a machine of more
  than two cores gateway and verifier do not share one.
- **Keeping a yes** in nginx for some seconds saves the hop for a token that comes again, and delays every
  withdrawal by as long: see docs/gateways.md.
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
    parts = [_INTRODUCTION, _machine(), *(section.markdown() for section in sections)]
    DOCUMENT.write_text("\n".join(parts) + _READING, encoding="utf-8")
    sys.stdout.write(f"Written to {DOCUMENT.relative_to(ROOT)}.\n")


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _machine() -> str:
    processor = _first(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    lines = [
        (
            f"Measured on {datetime.now(UTC):%Y-%m-%d} on {os.cpu_count()} cores of {processor}, "
            f"Linux {platform.release()}, CPython {platform.python_version()}. "
            f"Load average at the end: {os.getloadavg()[0]:.1f}."
        ),
        "",
        "Versions: " + ", ".join(f"{name} {number}" for name, number in _versions().items()) + ".",
        "",
    ]
    return "\n".join(lines)


def _versions() -> dict[str, str]:
    found = {name: version(name) for name in ("cryptography", "granian", "fastapi", "PyJWT", "uvicorn")}
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
