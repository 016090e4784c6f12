"""Trust and pages of changes as JSON.

Decoding trust is strict: an unknown schema, an additional or missing member, or a wrong type refuses the whole
document. A verifier that ignored a part it does not understand might ignore a restriction.

A page is only the envelope. A refused document in it becomes `NotUnderstood`: the verifier refuses that organization's
tokens, and applies the changes of all others. Additional members of a page are ignored, so that a later control plane
may add some; a change of the page's meaning raises PAGE_SCHEMA.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NoReturn

from watchword.core.jwk import KeySetRefused, admit_stored
from watchword.core.trust import (
    ANY,
    API_ROLE,
    ORGANIZATION_ID,
    Expected,
    NotUnderstood,
    ServerTrust,
    SubscriptionPeriod,
    Trust,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA: Final = 3
"""Of trust. Raised for each change of the members or their meaning.

2 added `accepts_bound_tokens` to a server. A document of schema 1 means that bound tokens are accepted, as before.

3 added `required_role` to a server. Trust that requires no role is still written as schema 2, so that verifiers of the
previous version go on serving its organization. They deny the others, because they cannot check the role.
"""

SCHEMA_WITHOUT_ROLE: Final = 2
OLDEST_SCHEMA: Final = 1
"""Older documents are still read: verifiers are upgraded before the control plane, and have a copy on disk."""

PAGE_SCHEMA: Final = 1
"""Of pages. A higher number stops every older verifier, so it is raised only if the meaning of a page changes."""

_ORGANIZATION = re.compile(ORGANIZATION_ID)
_ANY_ORGANIZATION = re.compile(r".{1,256}", re.DOTALL)
"""An id that a later version may allow."""

_SERVER_NAME = re.compile(r"[A-Za-z0-9]{1,64}")
_API_ROLE = re.compile(API_ROLE)
_SINCE: Final = {1: "", 2: " accepts_bound_tokens", 3: " accepts_bound_tokens required_role"}
"""The members of a server that each schema added, together with those of the schemas before."""

_MAX_INTEGER: Final = 2**53


class FeedRefused(Exception):
    """The document is not valid, or does not continue the snapshot. The message contains nothing of the document.

    Attributes:
        where: the member that is not acceptable; empty if there is none to name.
    """

    def __init__(self, sentence: str = "", where: str = "") -> None:
        super().__init__(sentence)
        self.where = where


class SchemaUnknown(FeedRefused):
    """The document has another schema, most likely because the other plane runs another version."""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the stream of changes.

    Attributes:
        epoch: names one continuous history of revisions; a restored backup starts a new one.
        after: the revision that this page continues; 0 starts from nothing.
        revision: the revision that a verifier has reached with this page.
        complete: False if there are more changes already, so that the verifier requests the next page at once.
        changes: the newest trust of each changed organization, by rising revision; some may be `NotUnderstood`.
    """

    epoch: str
    after: int
    revision: int
    complete: bool
    changes: tuple[Trust, ...]


def encode_trust(trust: Trust) -> dict[str, object]:
    if isinstance(trust, NotUnderstood):
        document: dict[str, object] = json.loads(trust.document)
        return document | {"organization": trust.organization, "revision": trust.revision}
    return {
        "schema": SCHEMA_WITHOUT_ROLE if trust.server is None or trust.server.required_role is None else SCHEMA,
        "organization": trust.organization,
        "revision": trust.revision,
        "suspended": trust.suspended,
        "subscription": None if trust.subscription is None else _encode_subscription(trust.subscription),
        "server": None if trust.server is None else _encode_server(trust.server),
    }


def decode_trust(document: object) -> Trust:
    """Read a document of `encode_trust`; every key is admitted again.

    Raises:
        SchemaUnknown: the document has another schema.
        FeedRefused: it is not valid for another reason.
    """
    _check_schema(document, OLDEST_SCHEMA, SCHEMA)
    members = _members(document, "trust", "schema organization revision suspended subscription server")
    subscription, server = members["subscription"], members["server"]
    return Trust(
        organization=_matching(members["organization"], _ORGANIZATION, "organization"),
        revision=_integer(members["revision"], "revision", minimum=1),
        suspended=_boolean(members["suspended"], "suspended"),
        subscription=None if subscription is None else _decode_subscription(subscription),
        server=None if server is None else _decode_server(server, _integer(members["schema"], "schema")),
    )


def read_trust(document: object) -> Trust:
    """Like `decode_trust`, but a refused document becomes `NotUnderstood`.

    Raises:
        FeedRefused: even the organization or the revision cannot be read.
    """
    try:
        return decode_trust(document)
    except Exception as fault:  # noqa: BLE001 - one document must not stop the others.
        if not isinstance(document, dict):
            _refuse("trust")
        return NotUnderstood(
            organization=_matching(document.get("organization"), _ANY_ORGANIZATION, "organization"),
            revision=_integer(document.get("revision"), "revision"),
            document=json.dumps(document, separators=(",", ":")),
            problem=fault.where if isinstance(fault, FeedRefused) else type(fault).__name__,
        )


def encode_page(page: Page) -> dict[str, object]:
    return {
        "schema": PAGE_SCHEMA,
        "epoch": page.epoch,
        "after": page.after,
        "revision": page.revision,
        "complete": page.complete,
        "changes": [encode_trust(trust) for trust in page.changes],
    }


def decode_page(document: object) -> Page:
    """Read a document of `encode_page`, and check that its revisions rise from `after` to `revision`.

    Raises:
        SchemaUnknown: the document has another schema.
        FeedRefused: it is not valid for another reason.
    """
    _check_schema(document, PAGE_SCHEMA, PAGE_SCHEMA)
    members = _members(document, "page", "schema epoch after revision complete changes", more=True)
    page = Page(
        epoch=_text(members["epoch"], "epoch"),
        after=_integer(members["after"], "after"),
        revision=_integer(members["revision"], "revision"),
        complete=_boolean(members["complete"], "complete"),
        changes=tuple(read_trust(change) for change in _list(members["changes"], "changes")),
    )
    revisions = [page.after, *(trust.revision for trust in page.changes)]
    if any(later <= earlier for earlier, later in pairwise(revisions)):
        _refuse("changes")
    if page.revision < revisions[-1] or not (page.complete or page.revision > page.after):
        # The second half: a page that announces more but does not advance would be requested endlessly.
        _refuse("revision")
    _check_unique(page.changes, "changes")
    return page


def _encode_subscription(subscription: SubscriptionPeriod) -> dict[str, object]:
    return {"starts_at": subscription.starts_at, "expires_at": subscription.expires_at}


def _decode_subscription(document: object) -> SubscriptionPeriod:
    members = _members(document, "subscription", "starts_at expires_at")
    return SubscriptionPeriod(
        starts_at=_integer(members["starts_at"], "starts_at"),
        expires_at=_integer(members["expires_at"], "expires_at"),
    )


def _encode_server(server: ServerTrust) -> dict[str, object]:
    since_3 = {} if server.required_role is None else {"required_role": server.required_role}
    return {
        "id": server.id,
        "name": server.name,
        "issuer": _encode_expected(server.issuer),
        "audience": _encode_expected(server.audience),
        "client_id": _encode_expected(server.client_id),
        "accepts_bound_tokens": server.accepts_bound_tokens,
        **since_3,
        "keys": [key.to_jwk() for key in server.keys],
        "keys_good_until": server.keys_good_until,
    }


def _decode_server(document: object, schema: int) -> ServerTrust:
    members = _members(document, "server", f"id name issuer audience client_id keys keys_good_until{_SINCE[schema]}")
    try:
        keys = admit_stored(_list(members["keys"], "keys"))
    except KeySetRefused:
        _refuse("keys")
    return ServerTrust(
        id=_text(members["id"], "id"),
        name=_matching(members["name"], _SERVER_NAME, "name"),
        issuer=_decode_expected(members["issuer"], "issuer"),
        audience=_decode_expected(members["audience"], "audience"),
        client_id=_decode_expected(members["client_id"], "client_id"),
        accepts_bound_tokens=schema == 1 or _boolean(members["accepts_bound_tokens"], "accepts_bound_tokens"),
        required_role=None if schema <= SCHEMA_WITHOUT_ROLE else _role(members["required_role"]),
        keys=keys,
        keys_good_until=_integer(members["keys_good_until"], "keys_good_until"),
    )


def _role(value: object) -> str:
    return _matching(value, _API_ROLE, "required_role")


def _encode_expected(expected: Expected) -> object:
    # `is`, and a member of its own: an administrator may require the text "any".
    return ANY.value if expected is ANY else {"equals": expected}


def _decode_expected(document: object, where: str) -> Expected:
    if document == ANY.value:
        return ANY
    return _text(_members(document, where, "equals")["equals"], where)


def _refuse(where: str) -> NoReturn:
    raise FeedRefused(f"Not acceptable: {where}.", where)


def _members(document: object, where: str, names: str, *, more: bool = False) -> Mapping[str, object]:
    """The object, if it has these members, and no others unless `more` are allowed."""
    wanted = set(names.split())
    if not isinstance(document, dict) or not document.keys() >= wanted or not (more or document.keys() == wanted):
        _refuse(where)
    return document


def _check_schema(document: object, oldest: int, newest: int) -> None:
    # Before the members: another schema may have others.
    if isinstance(document, dict) and not oldest <= _integer(document.get("schema"), "schema") <= newest:
        raise SchemaUnknown(f"The schema is not {newest}.", "schema")


def _check_unique(trusts: tuple[Trust, ...], where: str) -> None:
    if len({trust.organization for trust in trusts}) != len(trusts):
        _refuse(where)


def _integer(value: object, where: str, minimum: int = 0) -> int:
    # `True` is an int to Python, and 1.0 equals 1.
    if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value < _MAX_INTEGER:
        _refuse(where)
    return value


def _boolean(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        _refuse(where)
    return value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value:
        _refuse(where)
    return value


def _matching(value: object, pattern: re.Pattern[str], where: str) -> str:
    text = _text(value, where)
    if pattern.fullmatch(text) is None:
        _refuse(where)
    return text


def _list(value: object, where: str) -> list[object]:
    if not isinstance(value, list):
        _refuse(where)
    return value
