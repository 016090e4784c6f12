"""Answers the requests of gateways: from a path and the Authorization headers to a response."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from watchword.core.bearer import text_of
from watchword.core.decision import Allow, Deny, Reason
from watchword.core.verify import LIMITS, Limits, decide, decide_by_token, verify
from watchword.verifier import http_contract
from watchword.verifier.pending_requests import MAX_WAIT_SECONDS, PendingRequest, PendingRequests
from watchword.verifier.token_cache import CacheEntry, TokenCache
from watchword.verifier.usage.counting import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from watchword.core.decision import Decision
    from watchword.core.trust import Trust
    from watchword.verifier.http_contract import GatewayProfile, Response
    from watchword.verifier.snapshot import CurrentSnapshot, View
    from watchword.verifier.unknown_keys import UnknownKeys
    from watchword.verifier.usage.counting import UsageCounter

_UNDECIDABLE: Final = Deny(Reason.UNDECIDABLE)


class Verifier:
    """Answers gateways from the current snapshot. No I/O and no log line on this path.

    Attributes:
        current: the snapshot that decides.
        pending_requests: the requests that wait for a key; the owner runs it in a thread.

    Args:
        cloud_name: the first part of the scopes by which tokens name their organization and API roles; empty if no
            token may.
    """

    def __init__(
        self,
        *,
        current: CurrentSnapshot,
        usage: Usage,
        unknown_keys: UnknownKeys,
        late_usage: Usage | None = None,
        token_cache: TokenCache | None = None,
        limits: Limits = LIMITS,
        max_scope: int = http_contract.MAX_SCOPE,
        cloud_name: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.current = current
        self._usage = usage
        self._late_usage = Usage() if late_usage is None else late_usage
        self._unknown_keys = unknown_keys
        self._token_cache = TokenCache(0) if token_cache is None else token_cache
        self._limits = limits
        self._max_scope = max_scope
        self._cloud_name = cloud_name
        self._clock = clock
        self.pending_requests = PendingRequests(current=current, decide=self._decide_again)

    def respond(
        self, path: str, authorization: Sequence[str], respond_later: Callable[[Response], None] | None = None
    ) -> Response | None:
        """Decide about one request; never raises.

        Args:
            path: as for `http_contract.route`.
            authorization: the values of all Authorization headers.
            respond_later: takes the response if the request has to wait: called once, in another thread. Without it no
                request waits.

        Returns:
            None if `respond_later` will get the response.
        """
        try:
            return self._respond(path, authorization, respond_later)
        except Exception:  # noqa: BLE001 - a fault has not shown that the token is good.
            self._usage.counter("", None, _UNDECIDABLE).calls += 1
            return http_contract.UNDECIDABLE

    def _respond(
        self, path: str, authorization: Sequence[str], respond_later: Callable[[Response], None] | None
    ) -> Response | None:
        found = http_contract.route(path)
        if found is None:
            return http_contract.NOT_FOUND
        profile, named = found
        if named is None and not self._cloud_name:
            return http_contract.NOT_FOUND
        view = self.current.view
        if view is None:
            return self._counted(Deny(Reason.TRUST_STALE), profile, named or "", None, self._usage)[0]
        now = self._clock()
        token = text_of(authorization, self._limits.max_token_bytes)
        # A snapshot that is too old makes every cached decision invalid.
        if type(token) is str and now < view.good_until:
            cached = self._token_cache.get(named, token, view.snapshot.organizations, now)
            if cached is not None:
                cached.counter.calls += 1
                return cached.response
        organization, trust, decision = self._decide(named, token, view, now)
        if isinstance(decision, Deny) and decision.kid is not None:
            moment, key_may_arrive = time.monotonic(), decision.unknown_kid is not None
            occurrence = self._unknown_keys.record(organization, decision.kid, moment, report=key_may_arrive)
            if occurrence is not None and respond_later is not None:
                deliver, until = partial(self._deliver, profile, organization, respond_later), moment + MAX_WAIT_SECONDS
                request = PendingRequest(
                    organization, authorization, occurrence, view.snapshot, until, deliver, key_may_arrive
                )
                if self.pending_requests.add(request):
                    return None
        response, counter = self._counted(decision, profile, organization, trust, self._usage)
        if response.status == HTTPStatus.OK and isinstance(decision, Allow) and type(token) is str:
            entry = CacheEntry(organization, trust, decision.good_from, decision.good_until, response, counter)
            self._token_cache.put(named, token, entry)
        return response

    def _decide(
        self, named: str | None, token: str | Reason, view: View, now: float
    ) -> tuple[str, Trust | None, Decision]:
        """The organization, its trust and the decision; `named` is what `http_contract.route` returned."""
        organizations = view.snapshot.organizations
        if named is not None:
            trust = organizations.get(named)
            return named, trust, decide(token, trust, now, view.good_until, self._limits, self._cloud_name)
        organization, decision = decide_by_token(
            token, organizations, self._cloud_name, now=now, snapshot_good_until=view.good_until, limits=self._limits
        )
        return organization, organizations.get(organization), decision

    def _decide_again(self, view: View, organization: str, authorization: Sequence[str]) -> Decision:
        return verify(
            authorization,
            view.snapshot.organizations.get(organization),
            now=self._clock(),
            snapshot_good_until=view.good_until,
            limits=self._limits,
            cloud_name=self._cloud_name,
        )

    def _deliver(
        self, profile: GatewayProfile, organization: str, respond_later: Callable[[Response], None], decision: Decision
    ) -> None:
        try:
            view = self.current.view
            trust = None if view is None else view.snapshot.organizations.get(organization)
            response, _ = self._counted(decision, profile, organization, trust, self._late_usage)
        except Exception:  # noqa: BLE001 - as above; and this thread must survive every fault.
            self._late_usage.counter("", None, _UNDECIDABLE).calls += 1
            response = http_contract.UNDECIDABLE
        # The gateway may have closed the connection.
        with suppress(Exception):
            respond_later(response)

    def _counted(
        self, decision: Decision, profile: GatewayProfile, organization: str, trust: Trust | None, usage: Usage
    ) -> tuple[Response, UsageCounter]:
        """The response to a decision, and the counter that counted it."""
        response = http_contract.allowed(decision, self._max_scope) if isinstance(decision, Allow) else decision.reason
        if type(response) is Reason:
            if isinstance(decision, Allow):
                decision = Deny(response, profile=decision.profile)
            response = profile.denials[response]
            if decision.missing_scope is not None:
                response = http_contract.lacking_scope(response, decision.missing_scope)
        counter = usage.counter(organization, trust, decision)
        counter.calls += 1
        return response, counter
