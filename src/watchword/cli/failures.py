"""Turns what went wrong below into one sentence that says how to mend it. The traceback stays for `--debug`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from watchword.cli.output import CommandFailed, SettingsWrong

if TYPE_CHECKING:
    import click


def explain(failure: Exception) -> click.ClickException:
    """The exception that click prints in place of `failure`."""
    sentences = getattr(failure, "sentences", None)
    if isinstance(sentences, tuple):
        # SettingsProblem: one sentence for each wrong setting.
        return SettingsWrong("\n".join(str(sentence) for sentence in sentences))
    if _is(failure, "watchword.control.base.refusals", "Refusal"):
        return CommandFailed(_refusal(failure))
    if _is(failure, "django.db", "OperationalError") or _is(failure, "django.db", "ProgrammingError"):
        return CommandFailed(
            f"The database cannot be used ({_first_line(failure)}). Check database_url with `watchword config check`; "
            "if tables are missing, run `watchword migrate`."
        )
    if isinstance(failure, OSError) and failure.filename is not None:
        return CommandFailed(f"{failure.filename}: {failure.strerror}.")
    if isinstance(failure, OSError) and failure.strerror is not None:
        return CommandFailed(f"The operating system refused what this command needs: {failure.strerror}.")
    return CommandFailed(
        f"Unexpected failure ({type(failure).__name__}: {_first_line(failure)}). Run it again with --debug for the "
        "traceback, and please report it."
    )


def _is(failure: Exception, module: str, name: str) -> bool:
    # Asked by name: a module that was never loaded cannot have raised, and need not be loaded to find out.
    kind: Any = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(failure, kind)


def _refusal(refusal: Any) -> str:
    fields = "".join(f"\n  {name}: {sentence}" for name, sentence in refusal.field_errors.items())
    return f"{refusal.sentence}{fields}"


def _first_line(failure: Exception) -> str:
    return (str(failure).strip().splitlines() or ["no further word"])[0].rstrip(".")
