"""ARCHITECTURE.md walks a sign-in from the password to the session. It is made here, and the files are compared."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import watchword
from kit.signing_in import sign_in
from watchword.control.identity.models import Session

if TYPE_CHECKING:
    from types import FrameType

    from django.test import Client

    from watchword.control.identity.models import Person

CONTROL = Path(watchword.__file__).parent / "control"
CHAPTER = (Path(__file__).parents[4] / "ARCHITECTURE.md").read_text().partition("### A sign-in, from the password")[2]
WALK = re.findall(r"^\d+\. `([a-z_/.]+)`", CHAPTER.partition("\n##")[0], re.MULTILINE)


def test_sign_in_passes_the_files_of_the_walk(client: Client, operator: Person) -> None:
    called = []

    def note(frame: FrameType, event: str, _argument: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(CONTROL):
            called.append(str(path.relative_to(CONTROL)))

    sys.setprofile(note)
    try:
        sign_in(client, operator)
    finally:
        sys.setprofile(None)
    assert Session.objects.get().person == operator
    assert len(WALK) == 12
    assert [path for path in WALK if path not in called] == []
