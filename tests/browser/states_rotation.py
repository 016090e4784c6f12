"""The rotation watch on the page of the authorization servers: what it warns of, in the row and in the opened row."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.utils import timezone

from browser.states_servers import empty
from browser.studio import State
from kit import sample_portal
from kit.sample_portal import PROD_OKTA
from watchword.control.servers.models import KeyHistory, KeySetState
from watchword.control.servers.rotation import HISTORY_SHOWN

if TYPE_CHECKING:
    from uuid import UUID

    from playwright.sync_api import Page

    from watchword.control.identity.models import Person


def _withdraw(server: UUID, kid: str, *, hours: float, asked_minutes_ago: float | None = None) -> None:
    now = timezone.now()
    withdrawn = now - timedelta(hours=hours)
    KeyHistory.objects.create(
        server_id=server,
        kid=kid,
        kty="RSA",
        alg="RS256",
        bits=2048,
        thumbprint=sample_portal.thumbprint(kid),
        first_seen_at=withdrawn - timedelta(days=90),
        last_seen_at=withdrawn - timedelta(minutes=5),
        withdrawn_at=withdrawn,
        asked_at=None if asked_minutes_ago is None else now - timedelta(minutes=asked_minutes_ago),
    )


def _prod_okta(*, minutes: int = 2, failing: bool = False) -> tuple[Person, UUID]:
    alice = empty()
    server = sample_portal.add(sample_portal.acting(alice), PROD_OKTA)
    sample_portal.age(server, fetched_minutes_ago=minutes, failing=failing)
    return alice, server


def _replaced() -> Person:
    alice, server = _prod_okta()
    then = timezone.now() - timedelta(hours=3)
    KeySetState.objects.filter(server_id=server).update(replaced_at=then)
    KeyHistory.objects.filter(server_id=server).update(first_seen_at=then)
    _withdraw(server, "prod-2026-08", hours=3)
    _withdraw(server, "prod-ec-0", hours=3)
    return alice


def _named() -> Person:
    alice, server = _prod_okta()
    _withdraw(server, "prod-2026-08", hours=3, asked_minutes_ago=2)
    for fortnight in range(1, HISTORY_SHOWN + 3):
        _withdraw(server, f"prod-before-{fortnight}", hours=24 * 14 * fortnight)
    return alice


def _certificate() -> Person:
    alice, server = _prod_okta()
    KeySetState.objects.filter(server_id=server).update(certificate_expires_at=timezone.now() + timedelta(days=8))
    return alice


def _everything() -> Person:
    alice, server = _prod_okta(minutes=47, failing=True)
    now = timezone.now()
    KeySetState.objects.filter(server_id=server).update(
        replaced_at=now - timedelta(hours=3), certificate_expires_at=now + timedelta(days=3)
    )
    _withdraw(server, "prod-2026-08", hours=3, asked_minutes_ago=2)
    return alice


def _too_old() -> Person:
    alice, server = _prod_okta(minutes=60 * 25, failing=True)
    KeySetState.objects.filter(server_id=server).update(good_until=timezone.now() - timedelta(hours=1))
    return alice


def _expand(page: Page) -> None:
    page.get_by_role("button", name="signing keys of ProdOkta").click()


STATES: Final = (
    State("servers-keys-replaced", _replaced, _expand, whole=True, sentence="All keys were replaced at once."),
    State("servers-keys-named", _named, _expand, whole=True, sentence="Tokens name a key that was withdrawn."),
    State(
        "servers-certificate-soon", _certificate, _expand, whole=True, sentence="The server's certificate ends soon."
    ),
    State("servers-watch-all", _everything, _expand, whole=True, sentence="All that the rotation watch warns of."),
    State("servers-keys-too-old", _too_old, _expand, whole=True, sentence="No keys that are believed any more."),
)
