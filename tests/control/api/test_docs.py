"""The examples of docs/api.md, run by a shell and curl against a server."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from kit import api_access, registrations, sample_portal
from watchword.control.api.openapi import FILE
from watchword.control.servers import validate
from watchword.control.servers.models import AuthorizationServer

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

    from watchword.control.organizations.models import Organization

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committing"),
    pytest.mark.enable_socket,
    pytest.mark.any_database,
]

DOCUMENT: Final = (Path(__file__).parents[3] / "docs" / "api.md").read_text()
SECTIONS: Final = {
    title: re.findall(r"^```bash\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    for title, text in re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL)
}
PREPARED: Final = SECTIONS["Send a request"][0]
EXAMPLES: Final = [
    (title, number) for title, blocks in SECTIONS.items() for number, block in enumerate(blocks) if block != PREPARED
]


def test_the_document_has_examples() -> None:
    assert len(EXAMPLES) > 10


def test_the_document_names_every_resource() -> None:
    paths = json.loads(FILE.read_text())["paths"]
    resources = {[part for part in path.split("/") if not part.startswith("{")][-1] for path in paths}
    assert len(resources) > 15
    assert [name for name in sorted(resources) if not re.search(rf"/{re.escape(name)}(?![\w.-])", DOCUMENT)] == []


@pytest.fixture
def portal(acme: Organization, live_server: LiveServer, settings: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    settings.ALLOWED_HOSTS = ["localhost"]
    monkeypatch.setattr(validate, "probe", sample_portal.probe)
    api_access.api_role()
    return live_server.url


@pytest.mark.parametrize(("title", "number"), EXAMPLES)
def test_example_works_as_it_stands(title: str, number: int, portal: str) -> None:
    is_operator = title == "For operators"
    key = api_access.api_key(None, None) if is_operator else api_access.api_key()
    if title != "Register an authorization server":
        registrations.add(enabled=title != "Enable one")
    server = AuthorizationServer.objects.first()
    environment = {
        "PATH": os.environ["PATH"],
        "PORTAL": portal,
        "KEY": key.secret,
        "SERVER": "" if server is None else str(server.pk),
        "VERSION": "" if server is None else str(server.version),
    }
    script = f"{PREPARED}\n{SECTIONS[title][number]}"
    done = subprocess.run(
        ["bash", "-eu", "-c", script], env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
