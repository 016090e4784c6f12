"""M-08, P-07, P-08: no request that an administrator repeats or brings back lifts a lock."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from kit import people, sample_portal
from kit.browser_session import BrowserSession
from kit.people import NOW
from kit.sample_portal import PROD_OKTA, STANDBY
from watchword.control.base.actor import Permission, command_line
from watchword.control.fleet.commands import RotateEpoch
from watchword.control.fleet.models import TrustRecord
from watchword.control.fleet.queries import read_page
from watchword.control.organizations.commands import Reinstate, RenewSubscription, SetSubscription, Suspend
from watchword.control.organizations.models import Subscription, SuspensionReason
from watchword.control.organizations.queries import entitlement_of
from watchword.control.organizations.rules import Situation
from watchword.control.servers import validate
from watchword.control.servers.models import AuthorizationServer, KeySetState

if TYPE_CHECKING:
    from collections.abc import Callable

    from kit.browser_session import Shown
    from kit.module_rows import ModuleRows
    from watchword.control.identity.models import Person

pytestmark = pytest.mark.django_db

FIELDS = ("name", "description", "jwks_location", "audience", "issuer", "client_id")


@dataclass
class Alice:
    """Her browser, which keeps a record of every POST that it has sent."""

    browser: BrowserSession
    sent: list[tuple[str, tuple[object, ...], dict[str, str]]] = field(default_factory=list)

    def post(self, route: str, *place: object, **form: str) -> Shown:
        self.sent.append((route, place, form))
        return self.browser.post(route, "acme", *place, **form)

    def replay(self) -> list[Shown]:
        return [
            browser.post(route, "acme", *place, **form)
            for route, place, form in self.sent
            for browser in (self.browser, self.browser.scripted)
        ]


def typed(fields: Any, **more: str) -> dict[str, str]:
    boxes = {name: "on" for name in ("enabled", "verify_certificate", "accept_any") if getattr(fields, name)}
    return {**boxes, **{name: getattr(fields, name) for name in FIELDS}, **more}


@pytest.fixture(autouse=True)
def _sample_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validate, "probe", sample_portal.probe)


@pytest.fixture(scope="module")
def shared_before(module_rows: ModuleRows) -> Alice:
    with module_rows(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(validate, "probe", sample_portal.probe)
        people.organization("acme")
        return after_everything(people.administrator("alice", "acme", *Permission))


@pytest.fixture
def before(shared_before: Alice, db: None) -> Alice:
    browser = Client()
    browser.cookies.update(shared_before.browser.client.cookies)
    return Alice(BrowserSession(browser), list(shared_before.sent))


def after_everything(alice: Person) -> Alice:
    """Alice has done everything the page offers. ProdOkta is enabled, another server stands by."""
    browser = Alice(BrowserSession.of(alice))
    receipt = browser.post("servers:validate", **typed(PROD_OKTA)).value("receipt")
    browser.post("servers:add", **typed(PROD_OKTA, receipt=receipt))
    other = browser.post("servers:validate", **typed(STANDBY)).value("receipt")
    browser.post("servers:add", **typed(STANDBY, receipt=other))
    prod, standby = AuthorizationServer.objects.order_by("slot").values_list("pk", flat=True)
    browser.post("servers:edit", standby, **typed(STANDBY, version="1"))
    browser.post("servers:validate-edit", standby, **typed(STANDBY))
    browser.post("servers:enable", standby)
    browser.post("servers:disable", standby)
    browser.post("servers:refresh", prod)
    browser.post("servers:enable", prod)
    # A third server was added, in a slot that was free again, and deleted: its forms are at hand, too.
    browser.post("servers:delete", standby)
    again = browser.post("servers:validate", **typed(STANDBY)).value("receipt")
    browser.post("servers:add", **typed(STANDBY, receipt=again))
    last = AuthorizationServer.objects.get(slot=2).pk
    # What she has open and never sent: an edit as fresh as can be, and a receipt that is unused.
    version = AuthorizationServer.objects.get(pk=prod).version
    browser.sent.append(("servers:edit", (prod,), typed(PROD_OKTA, version=str(version), description="Changed")))
    browser.sent.append(("servers:edit", (last,), typed(STANDBY, version="1", enabled="on")))
    for route in ("servers:enable", "servers:disable", "servers:delete", "servers:refresh"):
        browser.sent += [(route, (server,), {}) for server in (prod, last)]
    return browser


def suspend() -> None:
    Suspend(organization_id="acme", reason=SuspensionReason.TERMS_VIOLATED).run(command_line())


def subscribe(starts: timedelta, ends: timedelta) -> None:
    SetSubscription(organization_id="acme", starts_at=NOW + starts, expires_at=NOW + ends).run(command_line())


def expire() -> None:
    subscribe(timedelta(days=-30), timedelta(seconds=-1))


def put_off() -> None:
    subscribe(timedelta(days=1), timedelta(days=30))


def end_without_trace() -> None:
    Subscription.objects.all().delete()


def state() -> list[tuple[object, ...]]:
    """Everything an administrator could have changed. Key sets too: a refresh brought forward would change them."""
    servers = AuthorizationServer.objects.order_by("slot").values_list("slot", "enabled", "version", *FIELDS)
    return [*servers, *KeySetState.objects.order_by("pk").values_list("due_at", "requested_at", "fetch_number")]


def told() -> dict[str, Any]:
    """What verifiers are told of Acme, the counting of revisions aside."""
    return {name: value for name, value in TrustRecord.objects.get(pk="acme").document.items() if name != "revision"}


LOCKS = [
    (suspend, Situation.SUSPENDED, "Disabled on"),
    (expire, Situation.EXPIRED, "API subscription expired on"),
    (put_off, Situation.NOT_STARTED, "The API subscription starts on"),
    (end_without_trace, Situation.ABSENT, "There is no API subscription"),
]


@pytest.mark.parametrize(("lock", "situation", "banner"), LOCKS)
def test_p_07_p_08_while_locked_every_post_is_refused_and_the_page_readable(
    before: Alice, lock: Callable[[], None], situation: Situation, banner: str
) -> None:
    lock()
    kept = state()

    answers = before.replay()

    assert len(answers) > 40
    assert {answer.status for answer in answers} <= {403, 404}
    assert {answer.status for answer in answers if "Not found." not in answer.text} == {403}
    assert state() == kept
    assert entitlement_of("acme", NOW + timedelta(minutes=1)).situation is situation
    page = before.browser.get("servers:list", "acme")
    assert page.status == 200
    assert banner in page.text
    assert "ProdOkta" in page.text
    assert 'id="edit-' not in page.html


@pytest.mark.parametrize("dialog", ["add", "edit", "enable", "disable", "delete"])
@pytest.mark.parametrize(("lock", "situation", "banner"), LOCKS)
def test_locked_organization_opens_no_dialog(
    before: Alice, lock: Callable[[], None], situation: Situation, banner: str, dialog: str
) -> None:
    server = AuthorizationServer.objects.get(enabled=True).pk
    lock()

    page = before.browser.get(f"servers:{dialog}", "acme", *([] if dialog == "add" else [server]))

    assert page.status == 403
    assert "<dialog" not in page.shown_html


def test_m_08_suspension_survives_replays_and_restored_feed(before: Alice) -> None:
    suspend()
    before.replay()
    assert told()["suspended"] is True

    epoch = RotateEpoch().run(command_line())
    before.replay()
    # Nor does what only operators do work for her.
    for route in ("console:reinstate", "console:renew", "console:set-subscription"):
        before.browser.post(route, "acme", reference="K7", expires_at="2999-01-01T00:00:00", version="1")

    page = read_page(epoch, 0)
    assert page is not None
    assert [change["suspended"] for change in json.loads(page)["changes"] if change["organization"] == "acme"] == [True]
    assert entitlement_of("acme", NOW).suspended


def test_p_08_reinstating_restores_previous_state(before: Alice) -> None:
    kept, trust = state(), told()
    suspend()
    assert told() == {**trust, "suspended": True}
    before.replay()

    Reinstate(organization_id="acme").run(command_line())

    assert state() == kept
    assert told() == trust
    page = before.browser.get("servers:list", "acme")
    assert "Disable ProdOkta" in page.html
    assert page.html.count('id="edit-') == 2


@pytest.mark.parametrize("lock", [expire, put_off])
def test_p_07_renewal_restores_previous_state(before: Alice, lock: Callable[[], None]) -> None:
    subscription = Subscription.objects.get()
    kept, trust = state(), told()
    lock()
    assert told()["server"] == trust["server"]
    before.replay()

    SetSubscription(
        organization_id="acme", starts_at=subscription.starts_at, expires_at=subscription.expires_at
    ).run(command_line())  # fmt: skip

    assert state() == kept
    assert told() == trust
    assert "Disable ProdOkta" in before.browser.get("servers:list", "acme").html


def test_renewing_an_expired_subscription_enables_what_was_enabled(before: Alice) -> None:
    trust = told()
    expire()

    RenewSubscription(organization_id="acme", expires_at=NOW + timedelta(days=30)).run(command_line())

    assert told() == trust
    assert entitlement_of("acme", NOW).may_change


def test_page_announces_end_thirty_days_ahead_without_lock(before: Alice) -> None:
    subscribe(timedelta(days=-90), timedelta(days=12, hours=6))

    page = before.browser.get("servers:list", "acme")

    assert "API subscription expires on" in page.text
    assert "(in 12 days): from then on changes are locked and tokens are refused until renewal." in page.text
    assert "banner-note" in page.html
    assert "Disable ProdOkta" in page.html
    subscribe(timedelta(days=-30), timedelta(days=31))
    assert "API subscription expires" not in before.browser.get("servers:list", "acme").text
