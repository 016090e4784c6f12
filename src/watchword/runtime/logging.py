"""A role's log: one line for each event, as text for people or as JSON for programs."""

from __future__ import annotations

import importlib.metadata
import logging
import os
import platform
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TextIO

import structlog

from watchword.settings.variables import LOG_FORMAT_VARIABLE

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor

LogFormat = Literal["text", "json"]
# Libraries that log every start and worker at INFO; our own lines say it once.
QUIET = ("_granian", "granian.access", "asyncio", "httpcore2")
POOL: Final = "psycopg.pool"
"""Warns of each attempt to connect while the database is away, with its address. Our own lines say it once."""

# Django names the path or the Host of what it refused; a path can be a one-time link, a Host is what a client wrote.
# The status and the kind are what matters.
OF_REQUESTS: Final = ("django.request", "django.security.")
FRAMES: Final = 12
"""Of a traceback, the innermost; enough to see who called whom."""

PLACES: Final = "places"


def chosen_format() -> LogFormat:
    """From the environment, because a server's own worker processes must choose alike."""
    chosen = os.environ.get(LOG_FORMAT_VARIABLE)
    if chosen is None:
        return "text" if sys.stdout.isatty() else "json"
    return "json" if chosen == "json" else "text"


class _Handler(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name.
        # Without a reader of the log, or with a full disk, the role continues; a traceback for each line does not help.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


def configure_logging(role: str) -> None:
    """Send structlog's and the standard library's events to standard output in one form."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        without_text_of_faults,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = _Handler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[without_paths, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(role)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger(POOL).setLevel(logging.ERROR)


def log_start(role: str) -> None:
    """The first line of a role's log, so that every later line can be read with the version that wrote it."""
    structlog.get_logger(f"watchword.{role}").info(
        f"{role}_starting",
        version=importlib.metadata.version("watchword"),
        python=platform.python_version(),
    )


def _rendering(role: str) -> list[Processor]:
    if chosen_format() == "text":
        return [structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)]

    def add_role(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["role"] = role
        return event

    return [add_role, structlog.processors.JSONRenderer()]


def without_paths(_logger: object, _method: str, event: EventDict) -> EventDict:
    """A line of Django about a request, without its path."""
    record: logging.LogRecord | None = event.get("_record")
    if record is not None and record.name.startswith(OF_REQUESTS):
        event["event"] = "request_refused" if record.levelno < logging.ERROR else "request_failed"
        event["status"] = getattr(record, "status_code", None)
        event["kind"] = record.name.rpartition(".")[2]
    return event


def without_text_of_faults(_logger: object, _method: str, event: EventDict) -> EventDict:
    """An exception as its kind and the frames it passed. Its text may hold a row of the database, or a secret."""
    given = event.pop("exc_info", None)
    fault = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(fault, BaseException):
        event["fault"] = type(fault).__name__
        event[PLACES] = [
            f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(fault.__traceback__)[-FRAMES:]
        ]
    return event
