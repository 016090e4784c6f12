"""The control plane's settings in tests: temporary data; PostgreSQL if WATCHWORD_TEST_DATABASE_URL is set."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_DATA = Path(tempfile.mkdtemp(prefix="watchword-tests-"))
atexit.register(shutil.rmtree, _DATA, ignore_errors=True)

# A developer's settings for a real portal must not leak into the tests, nor the reverse.
for _name in [name for name in os.environ if name.startswith("WATCHWORD_") and "_TEST_" not in name]:
    del os.environ[_name]
os.environ["WATCHWORD_DATA_DIR"] = str(_DATA)
if _url := os.environ.get("WATCHWORD_TEST_DATABASE_URL"):
    os.environ["WATCHWORD_DATABASE_URL"] = _url

from watchword.control.settings import *  # noqa: E402, F403 - after the environment is set.
from watchword.control.settings import DATABASES  # noqa: E402

if "sqlite3" in DATABASES["default"]["ENGINE"]:
    # A file as in production: an in-memory database has neither WAL nor the locks that concurrency tests need.
    DATABASES["default"]["TEST"] = {"NAME": str(_DATA / "test.sqlite3")}
    # No test survives a power cut, and to wait for the disk takes longer than the transaction.
    _pragmas = DATABASES["default"]["OPTIONS"]["init_command"]
    DATABASES["default"]["OPTIONS"]["init_command"] = _pragmas.replace("synchronous=FULL", "synchronous=OFF")
