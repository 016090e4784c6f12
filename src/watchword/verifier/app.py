"""The verifier without its server: what answers a request, and how the parts around it are put together."""

from __future__ import annotations

import ssl
import threading
import time
from contextlib import contextmanager, suppress
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import structlog

from watchword.core.decision import Allow, Deny, Reason
from watchword.core.verify import verify
from watchword.verifier import wire
from watchword.verifier.admin import admin_listener
from watchword.verifier.config import SettingsRefused
from watchword.verifier.disk import CopyDamaged, DiskCopy
from watchword.verifier.feed_client import FeedClient, report_unknown_keys
from watchword.verifier.feed_http import FeedOverHttp
from watchword.verifier.metrics import VerifierCollector, registry_of
from watchword.verifier.parking import PARKED_SECONDS, Parking, Waiting
from watchword.verifier.snapshot import CurrentSnapshot
from watchword.verifier.unknown_keys import UnknownKeys
from watchword.verifier.usage import Outcomes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from watchword.core.decision import Decision
    from watchword.verifier.config import VerifierSettings
    from watchword.verifier.snapshot import View
    from watchword.verifier.wire import Answer, Profile

_log = structlog.get_logger("watchword.verifier")


class Verifier:
    """Answers gateways from what the current snapshot says. No I/O and no log line on this path.

    Attributes:
        current: what it decides by.
        parking: where requests wait for a key; somebody must `run` it.
    """

    def __init__(
        self,
        *,
        current: CurrentSnapshot,
        outcomes: Outcomes,
        unknown_keys: UnknownKeys,
        late_outcomes: Outcomes | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.current = self._current = current
        self._outcomes = outcomes
        self._late_outcomes = Outcomes() if late_outcomes is None else late_outcomes
        self._unknown_keys = unknown_keys
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
            found = wire.route(path)
            if found is None:
                return wire.NOT_FOUND
            profile, organization = found
            view = self._current.view
            if view is None:
                return _answer_to(Deny(Reason.TRUST_STALE), profile, self._outcomes)
            decision = self._decision(view, organization, authorization)
            if isinstance(decision, Deny) and decision.unknown_kid is not None:
                now = time.monotonic()
                sight = self._unknown_keys.note(organization, decision.unknown_kid, now)
                if sight is not None and later is not None:
                    deliver, until = partial(self._deliver, profile, later), now + PARKED_SECONDS
                    waiting = Waiting(organization, authorization, sight, view.snapshot, until, deliver)
                    if self.parking.park(waiting):
                        return None
            return _answer_to(decision, profile, self._outcomes)
        except Exception:  # noqa: BLE001 - whatever went wrong, nobody has shown that the token is good.
            self._outcomes.denied[Reason.UNDECIDABLE] += 1
            return wire.UNDECIDABLE

    def _decision(self, view: View, organization: str, authorization: Sequence[str]) -> Decision:
        return verify(
            authorization,
            view.snapshot.organizations.get(organization),
            now=self._clock(),
            snapshot_good_until=view.good_until,
        )

    def _deliver(self, profile: Profile, later: Callable[[Answer], None], decision: Decision) -> None:
        try:
            answer = _answer_to(decision, profile, self._late_outcomes)
        except Exception:  # noqa: BLE001 - as above; and this thread must outlive any fault.
            self._late_outcomes.denied[Reason.UNDECIDABLE] += 1
            answer = wire.UNDECIDABLE
        # A client that has gone meanwhile is nobody's fault.
        with suppress(Exception):
            later(answer)


def _answer_to(decision: Decision, profile: Profile, outcomes: Outcomes) -> Answer:
    if isinstance(decision, Allow):
        answer = wire.allowed(decision)
        if answer is not None:
            outcomes.allowed += 1
            return answer
        decision = Deny(Reason.CLAIMS_MALFORMED)
    outcomes.denied[decision.reason] += 1
    return profile.denials[decision.reason]


@contextmanager
def assembled(settings: VerifierSettings) -> Iterator[Verifier]:
    """Load the copy on disk, follow the feed and answer probes while the block runs; yields what answers requests.

    Raises:
        SettingsRefused: there is no usable credential or authority file.
        OSError: the admin port is in use.
    """
    current = CurrentSnapshot(hard_limit=settings.snapshot_hard_limit)
    disk = DiskCopy(settings.state_file)
    _start_from(disk, current)
    feed = _feed_of(settings)
    # Two of them, each counted by one thread alone.
    outcomes, late_outcomes, unknown_keys = Outcomes(), Outcomes(), UnknownKeys()
    verifier = Verifier(current=current, outcomes=outcomes, late_outcomes=late_outcomes, unknown_keys=unknown_keys)
    current.on_swap = verifier.parking.look_again
    client = FeedClient(feed=feed, current=current, disk=disk)
    registry = registry_of(VerifierCollector(outcomes=(outcomes, late_outcomes), current=current, feed=client))
    stop = threading.Event()
    with admin_listener(settings.admin_host, settings.admin_port, registry=registry, current=current):
        # Daemons: a question that the control plane holds for 20 s must not hold up the end of the process.
        _in_background("feed", client.run, stop)
        _in_background("unknown-keys", report_unknown_keys, feed, unknown_keys, stop)
        _in_background("parking", verifier.parking.run, stop)
        try:
            yield verifier
        finally:
            stop.set()


def _start_from(disk: DiskCopy, current: CurrentSnapshot) -> None:
    try:
        copy = disk.load(now=time.time())
    except CopyDamaged as damaged:
        _log.error("snapshot_copy_damaged", problem=str(damaged), consequence="denying until the feed answers")
        return
    if copy is not None:
        current.swap(copy.snapshot, heard_at=copy.heard_at)
        _log.info("snapshot_copy_loaded", revision=copy.snapshot.revision)


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
        raise SettingsRefused((f"feed_ca_file: cannot be read as PEM ({type(failure).__name__}).",)) from failure


def _in_background(name: str, work: Callable[..., None], *arguments: Any) -> None:
    threading.Thread(target=work, args=arguments, name=name, daemon=True).start()
