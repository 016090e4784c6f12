"""Where one mutant after the other is put to the test, each in a process of its own that is forked from a warm one.

Starting Python, pytest and the libraries takes longer than most killers do. Nothing of the product is loaded before the
fork: each child reads the source as it is then.

    python -m mutants.bench        in a copy of the product; reads orders from its standard input, a line of JSON each
"""

from __future__ import annotations

import importlib
import json
import os
import re
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import pytest

_LIBRARIES: Final = (
    "cryptography.x509", "fido2.webauthn", "httpcore2", "hypothesis", "idna", "jwt", "joserfc.jwt", "logging.config",
    "pytest_socket", "pytest_timeout", "ssl", "trustme", "truststore", "kit.authorities", "kit.certificates",
    "kit.old_certificates",
)  # fmt: skip
_RSA_KEY: Final = re.compile(r'rsa_key\("([^"]+)"\)')
_PRODUCT: Final = "watchword"


def warm_up() -> None:
    """Load what the killers need in addition to the product, and make the keys that they sign with."""
    for name in _LIBRARIES:
        importlib.import_module(name)
    from kit import forge  # noqa: PLC0415 - it is one of the things to load.

    forge.rsa_key()
    for name in {name for path in Path("tests").rglob("*.py") for name in _RSA_KEY.findall(path.read_text("utf-8"))}:
        forge.rsa_key(name)
    loaded = [name for name in sys.modules if name.partition(".")[0] == _PRODUCT]
    if loaded:
        raise RuntimeError(f"Loaded before any mutant is there: {', '.join(loaded)}")


def try_out(arguments: list[str], seconds: float | None) -> tuple[int | None, str]:
    """Run pytest in a child; its exit status, None if it was still running after that time, and what it printed."""
    with tempfile.TemporaryFile() as printed:
        child = os.fork()
        if child == 0:
            # In its own session, so that all its children can be ended with it.
            os.setsid()
            os.dup2(printed.fileno(), 1)
            os.dup2(printed.fileno(), 2)
            sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
            verdict = int(pytest.main(arguments))
            sys.stdout.flush()
            os._exit(verdict)
        status = _ended(child, seconds)
        printed.seek(0)
        return status, printed.read().decode("utf-8", "replace")


def _ended(child: int, seconds: float | None) -> int | None:
    ends_at = None if seconds is None else time.monotonic() + seconds
    while ends_at is None or time.monotonic() < ends_at:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def main() -> None:
    warm_up()
    for line in sys.stdin:
        order = json.loads(line)
        os.environ.update(order["environment"])
        status, printed = try_out(order["arguments"], order["seconds"])
        sys.stdout.write(json.dumps({"status": status, "printed": printed}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
