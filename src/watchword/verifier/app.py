"""The verifier without its server: what answers a request, and how the parts around it are put together."""

from __future__ import annotations

import secrets
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from functools import partial
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import structlog

from watchword.core.bearer import text_of
from watchword.core.decision import Allow, Deny, Reason
from watchword.core.verify import LIMITS, Limits, decide, decide_by_token, verify
from watchword.settings.base import SettingsProblem
from watchword.verifier import http_contract as wire
from watchword.verifier.admin_http import admin_listener
from watchword.verifier.disk.copy import CopyDamaged, DiskCopy
from watchword.verifier.feed_client.follower import FeedClient, report_unknown_keys
from watchword.verifier.feed_client.http import FeedOverHttp
from watchword.verifier.feed_client.metrics import FollowingCollector
from watchword.verifier.metrics import VerifierCollector, registry_of
from watchword.verifier.pending_requests import PARKED_SECONDS, Parking, Waiting
from watchword.verifier.snapshot import CurrentSnapshot
from watchword.verifier.token_cache import Verified, VerifiedTokens
from watchword.verifier.unknown_keys import UnknownKeys
from watchword.verifier.usage.backlog import Backlog
from watchword.verifier.usage.counting import Usage
from watchword.verifier.usage.journal import Journal
from watchword.verifier.usage.sender import UsageSender

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from prometheus_client.registry import Collector

    from watchword.core.decision import Decision
    from watchword.core.trust import Trust
    from watchword.feed import Snapshot
    from watchword.settings.verifier import VerifierSettings
    from watchword.verifier.http_contract import Answer, Profile
    from watchword.verifier.listeners.gateway_port import GatewayPort
    from watchword.verifier.snapshot import View
    from watchword.verifier.usage.counting import Line

FLUSH_SECONDS: Final = 8.0
"""How long a graceful stop waits for the last counts to be sent: for a batch that is not answered, and one more."""

_UNDECIDABLE: Final = Deny(Reason.UNDECIDABLE)
_WAITING = "the gateway port stays closed until the feed answers"

_log = structlog.get_logger("watchword.verifier")


class Verifier:
    """Answers gateways from what the current snapshot says. No I/O and no log line on this path.

    Attributes:
        current: what it decides by.
        parking: where requests wait for a key; somebody must `run` it.

    Args:
        cloud_name: begins the words by which tokens name their organization; empty if none may.
    """

    def __init__(
        self,
        *,
        current: CurrentSnapshot,
        usage: Usage,
        unknown_keys: UnknownKeys,
        late_usage: Usage | None = None,
        verified: VerifiedTokens | None = None,
        limits: Limits = LIMITS,
        max_scope: int = wire.MAX_SCOPE,
        cloud_name: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.current = current
        self._usage = usage
        self._late_usage = Usage() if late_usage is None else late_usage
        self._unknown_keys = unknown_keys
        self._verified = VerifiedTokens(0) if verified is None else verified
        self._limits = limits
        self._max_scope = max_scope
        self._cloud_name = cloud_name
        self._clock = clock
        self.parking = Parking(current=current, decide=self._decision)

    def answer(
        self, path: str, authorization: Sequence[str], later: Callable[[Answer], None] | None = None
    ) -> Answer | None:
        """Decide about one request; never raises.

        Args:
            path: as `wire.route` wants it.
            authorization: the values of all Authorization headers.
            later: takes the answer if the request has to wait for it, once, in another thread. Without it no request
                waits.

        Returns:
            None when the answer comes `later`.
        """
        try:
            return self._answer(path, authorization, later)
        except Exception:  # noqa: BLE001 - whatever went wrong, nobody has shown that the token is good.
            self._usage.line("", None, _UNDECIDABLE).calls += 1
            return wire.UNDECIDABLE

    def _answer(self, path: str, authorization: Sequence[str], later: Callable[[Answer], None] | None) -> Answer | None:
        found = wire.route(path)
        if found is None:
            return wire.NOT_FOUND
        profile, asked = found
        if asked is None and not self._cloud_name:
            return wire.NOT_FOUND
        view = self.current.view
        if view is None:
            return self._counted(Deny(Reason.TRUST_STALE), profile, asked or "", None, self._usage)[0]
        now = self._clock()
        # A snapshot that is not to be believed any more makes nothing good that was decided by it.
        token = text_of(authorization, self._limits.max_token_bytes)
        if type(token) is str and now < view.good_until:
            remembered = self._verified.find(asked, token, view.snapshot.organizations, now)
            if remembered is not None:
                remembered.line.calls += 1
                return remembered.answer
        organization, trust, decision = self._decided(asked, token, view, now)
        if isinstance(decision, Deny) and decision.kid is not None:
            moment, hopeful = time.monotonic(), decision.unknown_kid is not None
            sight = self._unknown_keys.note(organization, decision.kid, moment, report=hopeful)
            if sight is not None and later is not None:
                deliver, until = partial(self._deliver, profile, organization, later), moment + PARKED_SECONDS
                waiting = Waiting(organization, authorization, sight, view.snapshot, until, deliver, hopeful)
                if self.parking.park(waiting):
                    return None
        answer, line = self._counted(decision, profile, organization, trust, self._usage)
        if answer.status == HTTPStatus.OK and isinstance(decision, Allow) and type(token) is str:
            verified = Verified(organization, trust, decision.good_from, decision.good_until, answer, line)
            self._verified.keep(asked, token, verified)
        return answer

    def _decided(
        self, asked: str | None, token: str | Reason, view: View, now: float
    ) -> tuple[str, Trust | None, Decision]:
        """The organization, what is known of it, and what was decided; `asked` as `wire.route` gives it."""
        organizations = view.snapshot.organizations
        if asked is not None:
            trust = organizations.get(asked)
            return asked, trust, decide(token, trust, now, view.good_until, self._limits)
        organization, decision = decide_by_token(
            token, organizations, self._cloud_name, now=now, snapshot_good_until=view.good_until, limits=self._limits
        )
        return organization, organizations.get(organization), decision

    def _decision(self, view: View, organization: str, authorization: Sequence[str]) -> Decision:
        return verify(
            authorization,
            view.snapshot.organizations.get(organization),
            now=self._clock(),
            snapshot_good_until=view.good_until,
            limits=self._limits,
        )

    def _deliver(
        self, profile: Profile, organization: str, later: Callable[[Answer], None], decision: Decision
    ) -> None:
        try:
            view = self.current.view
            trust = None if view is None else view.snapshot.organizations.get(organization)
            answer, _ = self._counted(decision, profile, organization, trust, self._late_usage)
        except Exception:  # noqa: BLE001 - as above; and this thread must outlive any fault.
            self._late_usage.line("", None, _UNDECIDABLE).calls += 1
            answer = wire.UNDECIDABLE
        # A client that has gone meanwhile is nobody's fault.
        with suppress(Exception):
            later(answer)

    def _counted(
        self, decision: Decision, profile: Profile, organization: str, trust: Trust | None, usage: Usage
    ) -> tuple[Answer, Line]:
        """The answer to a decision, and the line that it was counted with."""
        answer = wire.allowed(decision, self._max_scope) if isinstance(decision, Allow) else decision.reason
        if type(answer) is Reason:
            if isinstance(decision, Allow):
                decision = Deny(answer, profile=decision.profile)
            answer = profile.denials[answer]
        line = usage.line(organization, trust, decision)
        line.calls += 1
        return answer, line


@contextmanager
def assembled(settings: VerifierSettings, gateway_port: GatewayPort, *collectors: Collector) -> Iterator[Verifier]:
    """Load the copy on disk, follow the feed and answer probes while the block runs; yields what answers requests.

    Raises:
        SettingsProblem: there is no usable credential or authority file.
        OSError: the admin port is in use.
    """
    current = CurrentSnapshot(hard_limit=settings.snapshot_hard_limit, soft_limit=settings.snapshot_soft_limit)
    disk = DiskCopy(settings.state_file)
    base = _start_from(disk, current)
    feed = _feed_of(settings)
    # Two of them, each counted by one thread alone.
    usage, late_usage, unknown_keys = Usage(), Usage(), UnknownKeys()
    verified = VerifiedTokens(settings.token_cache_bytes)
    verifier = Verifier(
        current=current,
        usage=usage,
        late_usage=late_usage,
        unknown_keys=unknown_keys,
        verified=verified,
        limits=settings.limits,
        max_scope=settings.scope_max_characters,
        cloud_name=settings.cloud_name or "",
    )
    backlog = Backlog(node=settings.node, boot=secrets.token_hex(16))
    journal = Journal(settings.state_file.with_name("usage.json"))
    sender = UsageSender(intake=feed, usages=(usage, late_usage), backlog=backlog, journal=journal)
    current.on_swap += (verifier.parking.look_again, gateway_port.look_again)
    client = FeedClient(feed=feed, current=current, disk=disk, base=base)
    registry = registry_of(
        VerifierCollector(outcomes=(usage, late_usage), current=current, feed=client, verified=verified)
    )
    registry.register(FollowingCollector(current=current, disk=disk))
    for collector in (feed.clock_skew, *collectors):
        registry.register(collector)
    stop = threading.Event()
    with admin_listener(
        settings.admin_host, settings.admin_port, registry=registry, current=current, gateway_port=gateway_port
    ):
        # Daemons: a question that the control plane holds for 20 s must not hold up the end of the process.
        _in_background("feed", client.run, stop)
        _in_background("unknown-keys", report_unknown_keys, feed, unknown_keys, stop)
        _in_background("parking", verifier.parking.run, stop)
        _in_background("verified-tokens", verified.run, stop)
        sending = _in_background("usage", sender.run, stop)
        try:
            yield verifier
        finally:
            stop.set()
            sending.join(FLUSH_SECONDS)


def _start_from(disk: DiskCopy, current: CurrentSnapshot) -> Snapshot | None:
    """Decide by the copy; one that is behind is returned instead, for the feed to continue."""
    try:
        copy = disk.load(now=time.time())
    except CopyDamaged as damaged:
        _log.error("snapshot_copy_damaged", problem=str(damaged), consequence=_WAITING)
        return None
    if copy is None:
        return None
    if copy.behind:
        _log.error("snapshot_copy_behind", revision=copy.snapshot.revision, consequence=_WAITING)
        return copy.snapshot
    current.swap(copy.snapshot, heard_at=copy.heard_at)
    _log.info("snapshot_copy_loaded", revision=copy.snapshot.revision)
    return None


def _feed_of(settings: VerifierSettings) -> FeedOverHttp:
    try:
        return FeedOverHttp(
            origin=settings.feed_url,
            credential=settings.read_credential(),
            node=settings.node,
            version=version("watchword"),
            authority_file=settings.feed_ca_file,
        )
    except (OSError, ssl.SSLError) as failure:
        raise SettingsProblem(f"feed_ca_file: cannot be read as PEM ({type(failure).__name__}).") from failure


def _in_background(name: str, work: Callable[..., None], *arguments: Any) -> threading.Thread:
    thread = threading.Thread(target=work, args=arguments, name=name, daemon=True)
    thread.start()
    return thread
