"""The demo's API: it asks a verifier about every request, as a gateway would, and shows what the verifier said.

The host names the organization: `acme.localhost` is Acme's API. The API asks the second verifier if the first one does
not answer or cannot decide. It fails closed: only after a verifier's 200 does a client get anything but a refusal.
"""

from __future__ import annotations

import http.client
import re
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from watchword.core.trust import ORGANIZATION_ID
from watchword.demo.serving import DemoHandler, serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Address = tuple[str, int]
# As gateways do (docs/gateways.md). Nothing is gained by giving up on the last verifier as early.
TRY_SECONDS = 0.7
LAST_TRY_SECONDS = 5.0
MAX_ANSWER_BYTES = 65_536
# Of a refusal, only what the client needs: the problem document, the challenge (RFC 6750) and when to come back.
PASSED_ON = ("Content-Type", "WWW-Authenticate", "Retry-After")
REFUSALS = frozenset({400, 401, 403, 503})
# Where a refusal's challenge says that this document is (RFC 9728).
WELL_KNOWN = "/.well-known/oauth-protected-resource"
_HOST = re.compile(rf"({ORGANIZATION_ID})\.localhost(?::[0-9]{{1,5}})?")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verifier's answer to one request, with header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def identity(self) -> dict[str, str]:
        return {name: value for name, value in self.headers.items() if name.startswith("x-auth-")}


UNREACHABLE = Verdict(
    HTTPStatus.SERVICE_UNAVAILABLE,
    {"content-type": "application/problem+json", "retry-after": "1"},
    b'{"title": "No verifier answers, so the API refuses the request.", "status": 503}\n',
)


def organization_of(hosts: Sequence[str]) -> str | None:
    """The organization that a request's `Host` headers name; None unless there is one header and it names one."""
    found = _HOST.fullmatch(hosts[0].lower()) if len(hosts) == 1 else None
    return None if found is None else found[1]


def ask_verifiers(verifiers: Sequence[Address], path: str, authorization: Sequence[str]) -> Verdict:
    """The answer of the first verifier that can decide; a 503 if none can."""
    verdict = UNREACHABLE
    for number, verifier in enumerate(verifiers, start=1):
        seconds = LAST_TRY_SECONDS if number == len(verifiers) else TRY_SECONDS
        verdict = ask_verifier(verifier, path, authorization, seconds)
        if verdict.status != HTTPStatus.SERVICE_UNAVAILABLE:
            break
    return verdict


def ask_verifier(verifier: Address, path: str, authorization: Sequence[str], seconds: float) -> Verdict:
    """Ask about all `Authorization` headers of a request, as they came: how many are allowed is the verifier's rule."""
    connection = http.client.HTTPConnection(*verifier, timeout=seconds)
    try:
        connection.putrequest("GET", path)
        for value in authorization:
            connection.putheader("Authorization", value)
        connection.endheaders()
        response = connection.getresponse()
        body = response.read(MAX_ANSWER_BYTES)
        headers = {name.lower(): value for name, value in response.getheaders()}
    except (OSError, http.client.HTTPException, ValueError):
        # ValueError: a header value that cannot be sent. A request that the verifier cannot check is refused.
        return UNREACHABLE
    finally:
        connection.close()
    return Verdict(response.status, headers, body)


class SampleApiHandler(DemoHandler):
    verifiers: Sequence[Address]

    def do_GET(self) -> None:  # noqa: N802 - the base class finds it by this name.
        self._guarded()

    def do_POST(self) -> None:  # noqa: N802 - the base class finds it by this name.
        self.read_body()
        self._guarded()

    def _guarded(self) -> None:
        # A target in absolute form names a host of its own, which may be another one (RFC 9112 section 3.2.2).
        hosts = (self.headers.get_all("Host") or []) if self.path.startswith("/") else []
        organization = organization_of(hosts)
        if organization is None:
            self._unknown_host()
            return
        if self.path == WELL_KNOWN:
            document = ask_verifiers(self.verifiers, f"{WELL_KNOWN}/{organization}", ())
            self.answer(document.status, document.body, {"Content-Type": document.headers.get("content-type", "")})
            return
        path = f"/verify/plain/{organization}"
        verdict = ask_verifiers(self.verifiers, path, self.headers.get_all("Authorization") or [])
        if verdict.status == HTTPStatus.OK:
            # Only the verifier's X-Auth headers count. Those that the client sent are never looked at.
            self.answer_json(HTTPStatus.OK, {"message": "Hello from the sample API.", "identity": verdict.identity})
            return
        headers = {name: verdict.headers[name.lower()] for name in PASSED_ON if name.lower() in verdict.headers}
        status = verdict.status if verdict.status in REFUSALS else HTTPStatus.SERVICE_UNAVAILABLE
        self.answer(status, verdict.body, headers)

    def _unknown_host(self) -> None:
        port = self.connection.getsockname()[1]
        problem = {
            "title": "This host names no organization.",
            "status": HTTPStatus.NOT_FOUND,
            "detail": f"Acme's API is http://acme.localhost:{port}, and other organizations have hosts of their own.",
        }
        self.answer_json(HTTPStatus.NOT_FOUND, problem, {"Content-Type": "application/problem+json"})


@contextmanager
def sample_api(*, host: str, port: int, verifiers: Sequence[Address]) -> Iterator[int]:
    """Run the API while the block runs; yields its port.

    Raises:
        OSError: the port is in use.
    """
    handler = type("Handler", (SampleApiHandler,), {"verifiers": verifiers})
    with serving(host, port, handler) as (_, bound_port):
        yield bound_port
