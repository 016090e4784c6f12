"""Reads a verifier's batch of counts. A line that cannot be read does not affect the others."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Final, NamedTuple, NoReturn

from watchword.control.activity.models import BOOT_MAX, NODE_MAX, OUTCOME_MAX, SERVER_MAX, VALUE_MAX, UsageLine
from watchword.control.organizations.rules import is_organization_id
from watchword.core.characters import printable

SCHEMA: Final = 1
MAX_BYTES: Final = 256 * 1024
MAX_LINES: Final = 1_000

_MAX_INTEGER: Final = 2**53
_MAX_DIGITS: Final = 20
_BEYOND: Final = 10**_MAX_DIGITS
"""Replaces every greater number. plausibility.py refuses it as a number of calls."""

_CODE: Final = re.compile(rf"[a-z_]{{1,{OUTCOME_MAX}}}")
_HEAD: Final = frozenset({"schema", "node", "boot", "sequence", "lines"})
_LINE: Final = frozenset({"begins", "organization", "server", "revision", "outcome", "profile", "calls"})
_PROFILE: Final = ("issuer", "audience", "client_claim", "client_id", "kid", "alg", "typ")
_NODE: Final = re.compile(rf"[!-~]{{1,{NODE_MAX}}}")
_BOOT: Final = re.compile(rf"[0-9a-f]{{16,{BOOT_MAX}}}")


class BatchRefused(Exception):
    """The batch has another form. The message names the field and never its value."""


class Kind(NamedTuple):
    """What the calls of a line have in common. The attributes are those of `UsageLine`."""

    organization: str | None
    server: str | None
    outcome: str | None
    read: str
    profile: tuple[str | None, ...]

    @property
    def digest(self) -> str:
        """The hexadecimal SHA-256 of all attributes."""
        return hashlib.sha256(json.dumps(self).encode("ascii")).hexdigest()

    def values(self) -> dict[str, str | None]:
        """Return the values by the model's field names, without the organization."""
        named = dict(zip(_PROFILE, self.profile, strict=True))
        return {"server": self.server, "outcome": self.outcome, "read": self.read, **named}


class Counted(NamedTuple):
    """A line: the calls of a kind in the minute, hour or day that begins at `begins` (Unix seconds)."""

    begins: int
    kind: Kind
    revision: int
    calls: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Counts of one verifier process. `sequence` numbers its batches from 1; `dropped` counts unreadable lines."""

    node: str
    boot: str
    sequence: int
    lines: tuple[Counted, ...]
    dropped: int = 0


def decode_batch(body: bytes) -> Batch:
    """Read a batch. Lines of another form are dropped, and values that cannot be stored are replaced.

    Lines contain values of unverified tokens and codes of newer verifiers. Refusing a batch because of one of them
    would leave all other organizations' calls uncounted.

    Raises:
        BatchRefused: node, boot or sequence are missing, or the batch is too large.
    """
    try:
        # Not the strict reader, which refuses lone surrogates; they are replaced below.
        document = json.loads(body.decode("utf-8", "replace"), parse_int=_bounded)
    except (ValueError, RecursionError):
        _refuse("JSON")
    if not isinstance(document, dict) or document.keys() != _HEAD or _integer(document["schema"], "schema") != SCHEMA:
        _refuse("schema")
    lines = document["lines"]
    if not isinstance(lines, list) or not 1 <= len(lines) <= MAX_LINES:
        _refuse("lines")
    read = [_line_or_none(line) for line in lines]
    return Batch(
        node=_matching(document["node"], _NODE, "node"),
        boot=_matching(document["boot"], _BOOT, "boot"),
        sequence=_integer(document["sequence"], "sequence", minimum=1),
        lines=tuple(line for line in read if line is not None),
        dropped=read.count(None),
    )


def _bounded(digits: str) -> int:
    return int(digits) if len(digits) <= _MAX_DIGITS else _BEYOND


def _line_or_none(line: object) -> Counted | None:
    try:
        return _line(line)
    except BatchRefused:
        return None


def _line(line: object) -> Counted:
    if not isinstance(line, dict) or not line.keys() >= _LINE:
        _refuse("line")
    organization, outcome = line["organization"], line["outcome"]
    if organization is not None and not (isinstance(organization, str) and is_organization_id(organization)):
        _refuse("organization")
    # Any code: a newer verifier may know more reasons.
    if outcome is not None:
        outcome = _matching(outcome, _CODE, "outcome")
    if organization is None and outcome is None:
        # An allowed call always has an organization.
        _refuse("organization")
    server = _value(line["server"], "server", SERVER_MAX)
    read, profile = _profile(line["profile"])
    return Counted(
        begins=_integer(line["begins"], "begins"),
        kind=Kind(organization, server, outcome, read, profile),
        revision=_integer(line["revision"], "revision"),
        calls=_integer(line["calls"], "calls", minimum=1, below=_BEYOND + 1),
    )


def _profile(document: object) -> tuple[str, tuple[str | None, ...]]:
    nothing = (None,) * len(_PROFILE)
    if document is None:
        return UsageLine.Read.NOTHING.value, nothing
    if not isinstance(document, dict) or not document.keys() >= set(_PROFILE):
        # The calls count even if the profile cannot be read.
        return UsageLine.Read.OTHER.value, nothing
    return UsageLine.Read.PROFILE.value, tuple(_value(document[name], name, VALUE_MAX) for name in _PROFILE)


def _value(value: object, where: str, longest: int) -> str | None:
    # PostgreSQL cannot store U+0000, and invisible characters make one text look like another.
    if value is None:
        return None
    if not isinstance(value, str):
        _refuse(where)
    return printable(value[:longest])


def _matching(value: object, pattern: re.Pattern[str], where: str) -> str:
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        _refuse(where)
    return value


def _integer(value: object, where: str, minimum: int = 0, below: int = _MAX_INTEGER) -> int:
    # `True` is an int to Python, and 1.0 equals 1.
    if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value < below:
        _refuse(where)
    return value


def _refuse(where: str) -> NoReturn:
    raise BatchRefused(f"Not acceptable: {where}.")
