"""Protected resource metadata: tells clients where to get a token for the API (RFC 9728).

Modern clients, such as those of the Model Context Protocol, discover the authorization server from the API's response:
the challenge of a 401 names a document (section 5.1), and the document names the server. Used only if the settings
contain the API's public URL.
"""

from __future__ import annotations

import json
import re
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from watchword.core.named_organization import scope_of
from watchword.core.trust import ANY, ORGANIZATION_ID
from watchword.settings.api_address import ORGANIZATION
from watchword.verifier import http_contract
from watchword.verifier.http_contract import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from watchword.core.trust import ServerTrust
    from watchword.verifier.http_contract import RequestHandler
    from watchword.verifier.snapshot import CurrentSnapshot

WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"
FRESH_SECONDS: Final = 60
PREFLIGHT_SECONDS: Final = 86_400
_DOCUMENTS: Final = f"{WELL_KNOWN}/"
_ID: Final = re.compile(ORGANIZATION_ID)

_CHALLENGED: Final = frozenset({400, 401, 403})
"""The statuses of refusals with a challenge; of 403 only some have one."""


class ProtectedResource:
    """Serves the metadata document, and adds its URL to every challenge."""

    def __init__(self, *, url: str, name: str | None, current: CurrentSnapshot, cloud_name: str = "") -> None:
        self._url = url
        self._is_per_organization = ORGANIZATION in url
        self._name = name
        self._current = current
        self._cloud_name = cloud_name
        parts = urlsplit(url)
        # RFC 9728 section 3.1 puts the well-known part between host and path of the resource. Gateways read the
        # organization from it as from any request, and ask the verifier for `/.well-known/…/{organization}`.
        self._document = f"{parts.scheme}://{parts.netloc}{WELL_KNOWN}{parts.path.rstrip('/')}"

    def wrap(self, respond: RequestHandler) -> RequestHandler:
        """A handler that also serves the document and adds its URL to challenges."""

        def handle(
            path: str, authorization: Sequence[str], respond_later: Callable[[Response], None], /
        ) -> Response | None:
            if path == WELL_KNOWN or path.startswith(_DOCUMENTS):
                return self.metadata(path.removeprefix(WELL_KNOWN).removeprefix("/").partition("/")[0] or None)
            response = respond(path, authorization, partial(handle_later, path, respond_later))
            return None if response is None else self._with_document_url(path, response)

        def handle_later(path: str, respond_later: Callable[[Response], None], response: Response) -> None:
            respond_later(self._with_document_url(path, response))

        return handle

    def metadata(self, organization: str | None) -> Response:
        """The document of RFC 9728 section 2.

        It contains only the issuer of the organization's tokens, and the scope that they must carry, if any. An
        organization without an issuer looks like one that does not exist, so its document has no scope either.

        Args:
            organization: None if the URL names none, because the token must name it.
        """
        if not self._has_document(organization):
            return http_contract.NOT_FOUND
        document: dict[str, Any] = {"resource": self._url.replace(ORGANIZATION, organization or "")}
        server = None if organization is None else self._discoverable_server(organization)
        if organization is not None and server is not None:
            document["authorization_servers"] = [server.issuer]
            if server.required_role is not None and self._cloud_name:
                document["scopes_supported"] = [scope_of(self._cloud_name, organization, server.required_role)]
        document["bearer_methods_supported"] = ["header"]
        if self._name is not None:
            document["resource_name"] = self._name
        headers = [
            (b"content-type", b"application/json"),
            (b"cache-control", b"max-age=%d" % FRESH_SECONDS),
            # The document is public, also for clients in a browser. Those send an OPTIONS request first if they send a
            # header such as MCP-Protocol-Version. `*` does not include Authorization.
            (b"access-control-allow-origin", b"*"),
            (b"access-control-allow-methods", b"GET"),
            (b"access-control-allow-headers", b"*, Authorization"),
            (b"access-control-max-age", b"%d" % PREFLIGHT_SECONDS),
        ]
        return Response(HTTPStatus.OK, headers, json.dumps(document).encode())

    def _has_document(self, organization: str | None) -> bool:
        """Whether there is a document: for a valid id, or for None if one URL serves all organizations."""
        return not self._is_per_organization if organization is None else _ID.fullmatch(organization) is not None

    def _discoverable_server(self, organization: str) -> ServerTrust | None:
        view = self._current.view
        known = None if view is None else view.snapshot.organizations.get(organization)
        if known is None or known.server is None or known.server.issuer is ANY:
            return None
        # Tokens may name other issuers, but only an https URL identifies an authorization server (RFC 8414 section 2).
        return known.server if str(known.server.issuer).startswith("https://") else None

    def _with_document_url(self, path: str, response: Response) -> Response:
        """The same response, with the URL of the organization's document in its challenge.

        All organizations share the denials; a copy for each would be 30 responses times 100,000. So this copies
        the few headers of a response with a challenge, which takes some microseconds.
        """
        if response.status not in _CHALLENGED:
            return response
        found = http_contract.route(path)
        if found is None:
            return response
        _, organization = found
        if not self._has_document(organization):
            return response
        url = self._document.replace(ORGANIZATION, organization or "")
        return http_contract.with_challenge_parameter(response, "resource_metadata", url)
