"""The exception for a failed step of a probe."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watchword.jwks.problem import Problem


class ProbeFailed(Exception):
    """A step failed. Always raised `from None`, because the cause may contain what the server sent.

    Attributes:
        presented: the untrusted certificates in DER that the server presented, if they are the reason.
    """

    def __init__(self, problem: Problem, *, presented: tuple[bytes, ...] = ()) -> None:
        super().__init__(problem.code)
        self.problem = problem
        self.presented = presented
