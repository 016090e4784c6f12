"""The demo's API: it asks the verifier about every request, as a gateway would, and shows what the verifier said.

It fails closed: a request is answered only after a 200 of the verifier. Anything else, silence included, is a refusal.
"""

from __future__ import annotations

import http.client
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from watchword.demo.serving import DemoHandler, serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

VERIFIER_SECONDS = 2.0
MAX_ANSWER_BYTES = 65_536
# Of a refusal, only what the client needs: the problem document, the challenge (RFC 6750) and when to come back.
PASSED_ON = ("Content-Type", "WWW-Authenticate", "Retry-After")
REFUSALS = frozenset({400, 401, 403, 503})


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
    b'{"title": "The verifier does not answer, so nothing is let through.", "status": 503}\n',
)


def ask_verifier(host: str, port: int, organization: str, authorization: Sequence[str]) -> Verdict:
    """Ask about all `Authorization` headers of a request, as they came: how many are allowed is the verifier's rule."""
    connection = http.client.HTTPConnection(host, port, timeout=VERIFIER_SECONDS)
    try:
        connection.putrequest("GET", f"/verify/plain/{organization}")
        for value in authorization:
            connection.putheader("Authorization", value)
        connection.endheaders()
        response = connection.getresponse()
        body = response.read(MAX_ANSWER_BYTES)
        headers = {name.lower(): value for name, value in response.getheaders()}
    except (OSError, http.client.HTTPException, ValueError):
        # ValueError: a header value that cannot be sent on. What cannot be asked cannot be allowed.
        return UNREACHABLE
    finally:
        connection.close()
    return Verdict(response.status, headers, body)


class SampleApiHandler(DemoHandler):
    verifier: tuple[str, int]
    organization: str

    def do_GET(self) -> None:  # noqa: N802 - the base class finds it by this name.
        self._guarded()

    def do_POST(self) -> None:  # noqa: N802 - the base class finds it by this name.
        self.read_body()
        self._guarded()

    def _guarded(self) -> None:
        verdict = ask_verifier(*self.verifier, self.organization, self.headers.get_all("Authorization") or [])
        if verdict.status == HTTPStatus.OK:
            # Only the verifier's X-Auth headers count. Those that the client sent are never looked at.
            self.answer_json(HTTPStatus.OK, {"message": "Hello from the sample API.", "identity": verdict.identity})
            return
        headers = {name: verdict.headers[name.lower()] for name in PASSED_ON if name.lower() in verdict.headers}
        status = verdict.status if verdict.status in REFUSALS else HTTPStatus.SERVICE_UNAVAILABLE
        self.answer(status, verdict.body, headers)


@contextmanager
def sample_api(*, host: str, port: int, verifier: tuple[str, int], organization: str) -> Iterator[str]:
    """Run the API while the block runs; yields its origin.

    Raises:
        OSError: the port is in use.
    """
    handler = type("Handler", (SampleApiHandler,), {"verifier": verifier, "organization": organization})
    with serving(host, port, handler) as (bound_host, bound_port):
        yield f"http://{bound_host}:{bound_port}"
