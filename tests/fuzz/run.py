"""`make fuzz`: the fuzz target under atheris, which looks for bytes that reach new lines of the kernel.

It stops after a time (`make fuzz ARGS="--seconds 600"`), or at the first bytes for which a decision does not hold up;
these are kept in .cache/fuzz, and `make fuzz ARGS=FILE` decides about them again.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import click

TESTS = Path(__file__).resolve().parents[1]
CORPUS = TESTS.parent / ".cache" / "fuzz"
sys.path.insert(0, str(TESTS))


@click.command()
@click.option("--seconds", default=60, show_default=True, help="How long to look.")
@click.argument("found", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(*, seconds: int, found: Path | None) -> None:
    # By name, as it is installed for this target alone and brings no types.
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["watchword.core"]):
        decisions = importlib.import_module("fuzz.decisions")
    if found is not None:
        decisions.check(found.read_bytes())
        return
    corpus = CORPUS / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    limits = [f"-max_total_time={seconds}", "-max_len=512", "-timeout=10", "-rss_limit_mb=1024"]
    atheris.Setup([sys.argv[0], *limits, f"-artifact_prefix={CORPUS}/", str(corpus)], decisions.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
