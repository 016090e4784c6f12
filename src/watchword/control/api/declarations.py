"""What is declared of an operation, for its guard, the OpenAPI document and the test of who may do what."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    from watchword.control.base.actor import Required
    from watchword.control.base.refusals import RefusalReason


class ETag(Enum):
    """How an operation uses versions. NONE: not at all; SENT: the response has one; REQUIRED: the request, too."""

    NONE = "none"
    SENT = "sent"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One declared operation.

    Attributes:
        name: unique; the OpenAPI document's operationId.
        path: below /api/v1/, in django-ninja's notation.
        right: what the actor needs.
        action: for the audit log if the right is missing; None for an operation that only reads.
        status: of success.
        returns: the body of success; None for none, or for one of another type.
        produces: the content type of success.
        refusals: the reasons of its command, besides those that follow from the right.
        etag: see ETag.
        identity: the part of the path whose ETag is required; "" if the operation compares it itself.
        members: the body's member for each field of the command that has another name there.
        parameters: the names of the query parameters.
        takes_body: whether it reads a body.
    """

    name: str
    method: str
    path: str
    right: Required
    action: str | None
    status: int
    returns: type[BaseModel] | None
    produces: str
    refusals: frozenset[RefusalReason]
    etag: ETag
    identity: str
    members: Mapping[str, str] = field(default_factory=dict)
    parameters: frozenset[str] = frozenset()
    takes_body: bool = False

    @property
    def of_organization(self) -> bool:
        """Whether the address names an organization."""
        return ORGANIZATION in self.path


ORGANIZATION: Final = "{slug:organization}"
OPERATIONS: Final[dict[str, Operation]] = {}
"""All operations by name."""
