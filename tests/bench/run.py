"""`make bench`: every measurement, one after the other. Prints ratios of one run and never fails on a timing.

ARGS="--quick" for a first impression, ARGS="--only decisions" for one of them. The comparison with peers is written to
docs/benchmarks.md when all of it was measured at full length.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

MEASUREMENTS = ("kernel", "decisions", "in_the_path", "management_api", "pages", "scale")

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short rounds, for a first impression")
    parser.add_argument("--only", choices=MEASUREMENTS, action="append", help="this measurement alone; repeatable")
    arguments = parser.parse_args()
    measured = {
        name: importlib.import_module(f"bench.{name}").main(quick=arguments.quick)
        for name in arguments.only or MEASUREMENTS
    }
    compared = ("kernel", "decisions", "in_the_path", "management_api")
    if not arguments.quick and measured.keys() >= set(compared):
        importlib.import_module("bench.report").write([section for name in compared for section in measured[name]])
