"""What operators see of the fleet: verifiers, and key sets that cannot be fetched."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

from django.utils import timezone
from ninja import Router
from pydantic import Field

from watchword.control.api.addresses import base_url
from watchword.control.api.cursors import Cursor, Limit, cursor_of, position_of
from watchword.control.api.operation import Answer, Call, operation
from watchword.control.api.types import Body, Resource
from watchword.control.base.actor import Privilege
from watchword.control.base.paging import AFTER
from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.fleet import console_queries
from watchword.control.fleet.verifier_commands import (
    CreateVerifier,
    RevokePreviousSecret,
    RevokeVerifier,
    RotateVerifier,
)

if TYPE_CHECKING:
    from watchword.control.fleet.console_queries import FailingKeySet, VerifierRow

router: Final = Router(tags=["Fleet"])

_VERIFIERS: Final = "/verifiers"
_FAILING: Final = "/failing-key-sets"
_RIGHT: Final = Privilege.OPERATOR


class Verifier(Resource):
    """A process that a gateway asks. What it reports about itself is unverified."""

    id: int
    name: str
    state: str
    """following, silent, never_seen or revoked."""
    node: str | None
    version: str | None
    revision: int | None
    """Of the feed, when the verifier was last seen."""
    behind: int | None
    """How many revisions it lacked then."""
    created_at: datetime
    credential_created_at: datetime
    """When its newest secret was created."""
    previous_until: datetime | None
    """Until then the secret before the newest one is valid too; null if it is not."""
    is_newest_used: bool
    """Whether a request has come with the newest secret."""
    last_seen_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, row: VerifierRow, **more: Any) -> Self:
        members = {name: getattr(row, name) for name in Verifier.model_fields}
        return cls(**members | {"state": row.state.value}, **more)


class Verifiers(Resource):
    """A page of verifiers, by name."""

    items: list[Verifier]
    next_cursor: str | None


class NewVerifier(Body):
    """A verifier's credential to create."""

    name: str


class CreatedVerifier(Verifier):
    """A new verifier with its secret."""

    secret: str
    """Cannot be shown again."""


class Rotation(Body):
    """How a verifier's credential is rotated."""

    overlap_hours: Annotated[int, Field(ge=0, le=168)] = 24
    """How long the secret that the verifier uses now stays valid."""


class FailingKeySetItem(Resource):
    """A key set whose latest fetch failed."""

    organization: str
    authorization_server: str
    enabled: bool
    failing_since: datetime
    detail: str
    fix: str | None
    good_until: datetime | None
    """How long the organization's tokens are accepted, at the least; see `KeySet`."""

    @classmethod
    def of(cls, row: FailingKeySet) -> Self:
        return cls(
            organization=row.organization_id,
            authorization_server=row.server,
            enabled=row.enabled,
            failing_since=row.failing_since,
            detail=row.problem,
            fix=row.fix,
            good_until=row.good_until,
        )


class FailingKeySets(Resource):
    """A page of failing key sets, the longest failing first."""

    items: list[FailingKeySetItem]
    next_cursor: str | None


@operation(router, "GET", _VERIFIERS, reads=_RIGHT, returns=Verifiers)
def list_verifiers(call: Call, limit: Limit = 50, cursor: Cursor = None) -> Answer:  # noqa: ARG001 - every handler gets it.
    """List the verifiers by name, revoked ones too."""
    page = console_queries.list_verifiers(_asked(_VERIFIERS, cursor), timezone.now(), length=limit)
    items = [Verifier.of(row) for row in page.rows]
    return Answer(body=Verifiers(items=items, next_cursor=cursor_of(_VERIFIERS, {}, page.after)))


@operation(
    router, "POST", _VERIFIERS,
    changes=(_RIGHT, "verifier_created"), returns=CreatedVerifier, status=201, refusals=(RefusalReason.NAME_TAKEN,),
)  # fmt: skip
def create_verifier(call: Call, verifier: NewVerifier) -> Answer:
    """Create a verifier's credential. The response is the only one that has its secret."""
    secret = CreateVerifier(name=verifier.name).run(call.actor)
    row = console_queries.verifier_row(verifier.name, timezone.now())
    shown = CreatedVerifier.of(row, secret=secret)
    return Answer(body=shown, status=201, location=f"{base_url()}{_VERIFIERS}/{shown.id}")


@operation(
    router, "POST", f"{_VERIFIERS}/{{int:verifier}}/credential",
    changes=(_RIGHT, "verifier_rotated"), returns=CreatedVerifier,
)  # fmt: skip
def rotate_verifier(call: Call, verifier: int, rotation: Rotation) -> Answer:
    """Give a verifier a new secret; the one that it uses stays valid for a while. Only this response has the secret."""
    name = _name_of(verifier)
    secret = RotateVerifier(name=name, overlap=timedelta(hours=rotation.overlap_hours)).run(call.actor)
    return Answer(body=CreatedVerifier.of(console_queries.verifier_row(name, timezone.now()), secret=secret))


@operation(
    router, "DELETE", f"{_VERIFIERS}/{{int:verifier}}/previous-credential",
    changes=(_RIGHT, "verifier_previous_revoked"), status=204,
)  # fmt: skip
def revoke_previous_credential(call: Call, verifier: int) -> Answer:
    """Revoke the secret that a rotation left valid."""
    RevokePreviousSecret(name=_name_of(verifier)).run(call.actor)
    return Answer(status=204)


@operation(router, "DELETE", f"{_VERIFIERS}/{{int:verifier}}", changes=(_RIGHT, "verifier_revoked"), status=204)
def revoke_verifier(call: Call, verifier: int) -> Answer:
    """Revoke a verifier's credential. Its name cannot be reused."""
    RevokeVerifier(name=_name_of(verifier)).run(call.actor)
    return Answer(status=204)


@operation(router, "GET", _FAILING, reads=_RIGHT, returns=FailingKeySets)
def list_failing_key_sets(call: Call, limit: Limit = 50, cursor: Cursor = None) -> Answer:  # noqa: ARG001 - every handler gets it.
    """List the key sets whose latest fetch failed, the longest failing first."""
    page = console_queries.list_failing(_asked(_FAILING, cursor), timezone.now(), length=limit)
    items = [FailingKeySetItem.of(row) for row in page.rows]
    return Answer(body=FailingKeySets(items=items, next_cursor=cursor_of(_FAILING, {}, page.after)))


def _name_of(verifier: int) -> str:
    name = console_queries.verifier_name(verifier)
    if name is None:
        raise Refusal(RefusalReason.NOT_FOUND)
    return name


def _asked(listing: str, cursor: str | None) -> dict[str, str]:
    position = position_of(listing, {}, cursor)
    return {} if position is None else {AFTER: position}
