"""How far an organization's trust has come: what `watchword apply --wait` waits for."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from django.utils import timezone
from ninja import Router

from watchword.control.api.operation import Answer, Call, operation
from watchword.control.api.types import Resource
from watchword.control.base.actor import Permission
from watchword.control.fleet.queries import publication_of

router: Final = Router(tags=["Authorization servers"])


class Publication(Resource):
    """Which verifiers have the newest trust of the organization."""

    revision: int | None
    """Grows with each change; null before the first one."""
    verifiers: int
    """How many follow the feed."""
    up_to_date: int
    """How many of them have the revision and can read it."""


@operation(
    router, "GET", "/organizations/{slug:organization}/publication",
    reads=Permission.API_KEY_MANAGEMENT, returns=Publication,
)  # fmt: skip
def read_publication(call: Call) -> Answer:
    """Read whether the verifiers have the last change. They report it within 25 seconds."""
    return Answer(body=Publication(**asdict(publication_of(call.organization, timezone.now()))))
