"""What tests in several folders share: the real peers, each started once per run and only when a test asks for it."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING, Any, Final

import pytest
import structlog
import trustme
from hypothesis import settings

from kit.browser import chromium
from kit.emptying import log_may_be_emptied
from kit.postgres import postgres
from kit.scheduling import SideBySide, is_unmeasured, measures, stop_measuring

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser
    from xdist.remote import Producer  # type: ignore[import-untyped]

    from kit.postgres import Cluster

# Container images often forbid it; each of the hundreds of processes that tests start would then compile all of Django:
# three seconds instead of one.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

WORKER: Final = os.environ.get("PYTEST_XDIST_WORKER")
"""The name of this process among those of pytest-xdist, such as `gw0`, or None without it."""

# Time is bounded per test, by pytest-timeout; a bound per example fails for no reason on a machine that is busy.
settings.register_profile("watchword", deadline=None)
settings.load_profile("watchword")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> SideBySide | None:
    return SideBySide(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection() -> None:
    """Half of the workers never measure, see tests/kit/scheduling.py."""
    if WORKER is not None and not measures(WORKER):
        stop_measuring()


def pytest_collection_finish() -> None:
    """What is loaded by now stays: searching all of Django for garbage again and again took a tenth of the time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def unmeasured(request: pytest.FixtureRequest) -> Iterator[None]:
    """These tests and the processes that they start run without coverage, in half the time."""
    with pytest.MonkeyPatch.context() as patch:
        if is_unmeasured(request.path.relative_to(request.config.rootpath).as_posix()):
            patch.setenv("COVERAGE_PROCESS_CONFIG", "")
            if WORKER is not None:
                # For good: a worker gets such files after all others.
                stop_measuring()
        yield


@pytest.fixture(autouse=True, scope="session")
def uncached_loggers() -> Iterator[None]:
    """A logger that kept what was configured at its first use would hide lines from the tests after it."""
    configure = structlog.configure

    def configure_without_cache(**given: Any) -> None:
        configure(**(given | {"cache_logger_on_first_use": False}))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(structlog, "configure", configure_without_cache)
        yield


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL cluster; make a database of your own in it, and start it again if you stop it."""
    with postgres() as running:
        yield running


# Not for the session: while Playwright is open its event loop counts as running, and Django refuses every query of the
# tests after it as "called from an async context".
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """A certificate authority that only the tests trust."""
    return trustme.CA()


@pytest.fixture(scope="session")
def authority_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The authority's certificate as a PEM file, for WATCHWORD_JWKS_CA_FILE."""
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """The test database, which transactional tests must be able to empty."""
    with log_may_be_emptied():
        yield
