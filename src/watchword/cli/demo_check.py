"""`watchword demo --check`: does what the walk-through says, and prints what came of it."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING

from watchword.cli.output import CommandFailed, console

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from watchword.cli.supervisor import Supervisor
    from watchword.demo.portal_visit import PortalVisit
    from watchword.demo.walkthrough import Walkthrough

ATTEMPTS = 5


def run_beside(supervisor: Supervisor, work: Callable[[], bool]) -> bool:
    """Do `work` while the supervisor restarts roles that end. False if a signal stopped it before it was done."""
    outcome: Future[bool] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as failure:  # noqa: BLE001 - it is raised again where the result is read.
            outcome.set_exception(failure)
        finally:
            supervisor.request_stop()

    # Signals interrupt only the main thread, which runs the supervisor.
    threading.Thread(target=run, name="check", daemon=True).start()
    supervisor.run()
    return outcome.done() and outcome.result()


def check_walkthrough(walkthrough: Walkthrough) -> bool:
    """Whether everything is as the walk-through says.

    Raises:
        CommandFailed: the portal does not let people in, or there is no curl.
    """
    from watchword.demo.portal_visit import PortalVisit, VisitFailed
    from watchword.demo.sample_data import ACME
    from watchword.demo.walkthrough_check import CurlMissing, check

    alice = PortalVisit(origin=walkthrough.places.portal, organization=ACME, sign_in=walkthrough.people.acme)
    out = console()
    passed = True
    try:
        for result in check(walkthrough, enable=alice.enable, disable=alice.disable):
            expected = "" if result.passed else f" (expected {result.expected})"
            _print(out, f"{result.status} after {result.seconds:.1f} s: {result.title}{expected}", passed=result.passed)
            passed = passed and result.passed
        for title, is_so in _visits(walkthrough, alice):
            _print(out, title, passed=is_so)
            passed = passed and is_so
    except VisitFailed as failed:
        raise CommandFailed(str(failed)) from None
    except CurlMissing:
        raise CommandFailed("The walk-through's commands need curl; on Debian: apt install curl.") from None
    return passed


def _visits(walkthrough: Walkthrough, alice: PortalVisit) -> Iterator[tuple[str, bool]]:
    """What people see in the portal, and whether it is so."""
    from watchword.demo.portal_visit import PortalVisit, new_browser
    from watchword.demo.sample_data import ACME, INITECH, end_proof
    from watchword.demo.walkthrough_check import Runner

    origin, people = walkthrough.places.portal, walkthrough.people
    charlie = PortalVisit(origin=origin, organization=INITECH, sign_in=people.initech)
    refused = charlie.shows("Tokens are refused: the API subscription expired on")
    yield "an expired organization: its page says that tokens are refused", refused
    bob = PortalVisit(origin=origin, organization=ACME, sign_in=people.operator, code=Runner(walkthrough).operator_code)
    yield "the operator signs in with a code of the authenticator app", bob.shows("Operator Console")
    places = walkthrough.places
    visitor = PortalVisit(origin=origin, organization=ACME, sign_in=people.acme, browser=new_browser(places.authority))
    signed_in = _retried(lambda: visitor.signs_in_at_provider(places.authorization_server))
    yield "Alice signs in at Acme's identity provider", signed_in
    end_proof(people.acme)
    yield "after 15 minutes: proof again before the server is disabled", alice.confirms_before_disabling()


def _retried(visit: Callable[[], bool]) -> bool:
    """Try again after a failure: on a busy machine the provider may take longer than the portal waits for it."""
    from watchword.demo.portal_visit import VisitFailed

    for _ in range(ATTEMPTS - 1):
        with suppress(VisitFailed):
            return visit()
    return visit()


def _print(out: Console, line: str, *, passed: bool) -> None:
    mark, style = ("✓", "green") if passed else ("✗", "red")
    out.print(f"{mark} {line}", style=style)
