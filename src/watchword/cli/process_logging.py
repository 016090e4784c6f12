"""How a role's process writes its log: one line an event, as text for people or as JSON for programs."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, Literal

import structlog

from watchword.cli.options import FORMAT_VARIABLE

if TYPE_CHECKING:
    from structlog.typing import Processor

LogFormat = Literal["text", "json"]
# Third parties that announce every start and worker at INFO; our own lines say it once.
QUIET = ("_granian", "granian.access", "asyncio", "httpcore2")


def chosen_format() -> LogFormat:
    """From the environment, because a server's own worker processes must choose alike."""
    chosen = os.environ.get(FORMAT_VARIABLE)
    if chosen is None:
        return "text" if sys.stdout.isatty() else "json"
    return "json" if chosen == "json" else "text"


def configure_logging(role: str) -> None:
    """Send structlog's and the standard library's events to standard output in one form."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(role)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _rendering(role: str) -> list[Processor]:
    if chosen_format() == "text":
        return [structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)]

    def add_role(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["role"] = role
        return event

    return [add_role, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
