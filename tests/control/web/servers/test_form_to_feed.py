"""ARCHITECTURE.md walks a form from POST to the feed. The request is made here, and the files are compared."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import reverse

import watchword
from kit import sample_portal
from kit.sample_portal import PROD_OKTA
from watchword.control.fleet.models import TrustRecord
from watchword.control.servers import validate

if TYPE_CHECKING:
    from types import FrameType

    from watchword.control.identity.models import Person

CONTROL = Path(watchword.__file__).parent / "control"
CHAPTER = (Path(__file__).parents[4] / "ARCHITECTURE.md").read_text().partition("### A form, from POST")[2]
WALK = re.findall(r"^\d+\. `([a-z_/.]+)`", CHAPTER.partition("\n##")[0], re.MULTILINE)


@pytest.mark.django_db
def test_form_passes_the_files_of_the_walk(alice: Person, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validate, "probe", sample_portal.probe)
    settings.ALLOWED_HOSTS = ["testserver"]
    acting = sample_portal.acting(alice)
    server, moved = (
        sample_portal.add(acting, PROD_OKTA),
        # Another key set alone would change nothing that verifiers know, if its keys are the same.
        replace(PROD_OKTA, jwks_location=PROD_OKTA.jwks_location + "?v=2", audience="https://api.acme.example/v2"),
    )
    receipt, revision = sample_portal.receipt_for(acting, moved), TrustRecord.objects.get().revision
    texts = ("name", "description", "jwks_location", "authority", "audience", "issuer", "client_id")
    form = {name: getattr(moved, name) for name in texts} | {"version": "1", "receipt": receipt, "enabled": "on"}
    form |= {"verify_certificate": "on"} if moved.verify_certificate else {}
    client, called = Client(), set[str]()
    client.cookies["watchword_session"] = sample_portal.session_of(alice)

    def note(frame: FrameType, event: str, _argument: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(CONTROL):
            called.add(str(path.relative_to(CONTROL)))

    sys.setprofile(note)
    try:
        response = client.post(reverse("servers:edit", args=["acme", server]), form, headers={"HX-Request": "true"})
    finally:
        sys.setprofile(None)
    assert response.status_code == 200
    assert TrustRecord.objects.get().revision > revision
    assert len(WALK) == 16
    assert [path for path in WALK if path not in called] == []
