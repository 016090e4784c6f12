"""`make bench`: every measurement, one after the other. Prints ratios of one run and never fails on a timing."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import kernel, pages, scale, verifier_vs_envoy

if __name__ == "__main__":
    kernel.main(quick="--quick" in sys.argv[1:])
    verifier_vs_envoy.main(quick="--quick" in sys.argv[1:])
    pages.main(quick="--quick" in sys.argv[1:])
    scale.main(quick="--quick" in sys.argv[1:])
