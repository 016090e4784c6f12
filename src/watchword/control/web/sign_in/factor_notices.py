"""Sentences about changes of a person's second factors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword.control.base.times import spoken
from watchword.control.web.shell.template_tags import by

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.identity.sign_in_notices import FactorChange


def sentence_about(change: FactorChange) -> str:
    if change.action == "factors_reset":
        return sentence_of_reset(change.actor, change.at)
    where = "" if change.address is None else f" from {change.address}"
    return f"Your second factor was added on {spoken(change.at)}{where}. If that was not you, ask for a reset at once."


def sentence_of_recovery(codes_left: int) -> str:
    left = "one is" if codes_left == 1 else f"{codes_left or 'none'} are"
    return f"You signed in with a recovery code; {left} left. If your device is lost, replace it in Your sign-in."


def sentence_of_reset(actor: str, at: datetime) -> str:
    return f"Your second factors were reset {by(actor)} on {spoken(at)}."
