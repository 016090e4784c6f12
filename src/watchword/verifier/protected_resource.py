"""What clients are told of the API as a protected resource: where to get a token for it (RFC 9728).

Modern clients, those of the Model Context Protocol among them, find an authorization server by the API's own answer:
the challenge of a 401 names a document (section 5.1), and that names the server. A verifier knows both, as soon as it
is told the API's public URL; otherwise nothing of this file is on the path of a request.
"""

from __future__ import annotations

import json
import re
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from watchword.core.trust import ANY, ORGANIZATION_ID
from watchword.settings.api_address import ORGANIZATION
from watchword.verifier import http_contract as wire
from watchword.verifier.http_contract import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from watchword.verifier.http_contract import Answering
    from watchword.verifier.snapshot import CurrentSnapshot

WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"
FRESH_SECONDS: Final = 60
PREFLIGHT_SECONDS: Final = 86_400
_DOCUMENTS: Final = f"{WELL_KNOWN}/"
_ID: Final = re.compile(ORGANIZATION_ID)

_CHALLENGED: Final = frozenset({400, 401})


class ProtectedResource:
    """Answers for the document, and lets every challenge name it."""

    def __init__(self, *, url: str, name: str | None, current: CurrentSnapshot) -> None:
        self._url = url
        self._is_of_each = ORGANIZATION in url
        self._name = name
        self._current = current
        parts = urlsplit(url)
        # RFC 9728 section 3.1 puts the well-known part between the host and the path of the resource. Gateways find the
        # organization there as in any request, and ask the verifier for `/.well-known/…/{organization}`.
        self._document = f"{parts.scheme}://{parts.netloc}{WELL_KNOWN}{parts.path.rstrip('/')}"

    def telling(self, answer: Answering) -> Answering:
        """Wrap what answers gateways, so that it also tells clients where to get a token."""

        def told(path: str, authorization: Sequence[str], later: Callable[[Answer], None], /) -> Answer | None:
            if path == WELL_KNOWN or path.startswith(_DOCUMENTS):
                return self.metadata(path.removeprefix(WELL_KNOWN).removeprefix("/").partition("/")[0] or None)
            answered = answer(path, authorization, partial(told_later, path, later))
            return None if answered is None else self._pointing_to_document(path, answered)

        def told_later(path: str, later: Callable[[Answer], None], answered: Answer) -> None:
            later(self._pointing_to_document(path, answered))

        return told

    def metadata(self, organization: str | None) -> Answer:
        """The document of RFC 9728 section 2.

        It says no more of an organization than its tokens' issuer. One that has none to tell is answered like one
        that does not exist.

        Args:
            organization: None where the URL names none, as the token is to name it.
        """
        if not self._is_there_for(organization):
            return wire.NOT_FOUND
        document: dict[str, Any] = {"resource": self._url.replace(ORGANIZATION, organization or "")}
        issuer = None if organization is None else self._issuer(organization)
        if issuer is not None:
            document["authorization_servers"] = [issuer]
        document["bearer_methods_supported"] = ["header"]
        if self._name is not None:
            document["resource_name"] = self._name
        headers = [
            (b"content-type", b"application/json"),
            (b"cache-control", b"max-age=%d" % FRESH_SECONDS),
            # Public by purpose, and also for clients that run in a browser. Those ask by OPTIONS before they send a
            # header such as MCP-Protocol-Version. The `*` does not include Authorization.
            (b"access-control-allow-origin", b"*"),
            (b"access-control-allow-methods", b"GET"),
            (b"access-control-allow-headers", b"*, Authorization"),
            (b"access-control-max-age", b"%d" % PREFLIGHT_SECONDS),
        ]
        return Answer(HTTPStatus.OK, headers, json.dumps(document).encode())

    def _is_there_for(self, organization: str | None) -> bool:
        """Whether there is a document: for an id, or for no organization where one URL serves all of them."""
        return not self._is_of_each if organization is None else _ID.fullmatch(organization) is not None

    def _issuer(self, organization: str) -> str | None:
        view = self._current.view
        known = None if view is None else view.snapshot.organizations.get(organization)
        if known is None or known.server is None or known.server.issuer is ANY:
            return None
        issuer = str(known.server.issuer)
        # Only such an issuer identifies an authorization server (RFC 8414 section 2); others may name one in tokens.
        return issuer if issuer.startswith("https://") else None

    def _pointing_to_document(self, path: str, answered: Answer) -> Answer:
        """The same answer whose challenge names the document of the organization that was asked about.

        Denials are made once for all organizations; a copy for each would be 30 answers times 100,000. So the few
        headers of one that has a challenge are written anew, which takes some microseconds.
        """
        if answered.status not in _CHALLENGED:
            return answered
        found = wire.route(path)
        if found is None:
            return answered
        _, organization = found
        if not self._is_there_for(organization):
            return answered
        pointer = f', resource_metadata="{self._document.replace(ORGANIZATION, organization or "")}"'.encode("ascii")
        headers = [
            (name, value + pointer if name == wire.CHALLENGE_HEADER else value) for name, value in answered.headers
        ]
        return Answer(answered.status, headers, answered.body)
