"""The left rail: the specification's path, word for word. A page that does not exist yet has no entry: no dead link."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Leaf:
    """An entry that opens a page. `route` is the URL name, reversed with the organization."""

    label: str
    route: str


@dataclass(frozen=True, slots=True)
class Branch:
    label: str
    icon: str
    entries: tuple[Branch | Leaf, ...]


ADMINISTRATION: Final = Branch(
    "Administration",
    "cog-6-tooth",
    (
        Branch(
            "API Configuration",
            "code-bracket",
            (Branch("Legacy API", "archive-box", (Leaf("Internet & SaaS API", "servers:list"),)),),
        ),
    ),
)


def path_to(route: str, branch: Branch = ADMINISTRATION) -> tuple[str, ...]:
    """The labels from the root to the page of `route`, for the breadcrumbs; empty when the rail does not hold it."""
    for entry in branch.entries:
        if isinstance(entry, Leaf):
            if entry.route == route:
                return (branch.label, entry.label)
        elif below := path_to(route, entry):
            return (branch.label, *below)
    return ()
