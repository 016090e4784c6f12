"""FN-02: the commands of the management API answer every argument with a sentence, and the portal never with a 5xx."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import pytest

from kit.odd_arguments import DATES, TEXTS, arguments, faults, leaves
from watchword.cli.root import REMOTE_COMMANDS, watchword
from watchword.control.servers.models import AuthorizationServer

if TYPE_CHECKING:
    from kit.remote_portal import RemotePortal

pytestmark = pytest.mark.enable_socket

FILE: Final = "enabled_server: null\nservers: []\n"
COMMANDS: Final = {
    " ".join(path): (path, leaf)
    for name in REMOTE_COMMANDS
    if (command := watchword.get_command(click.Context(watchword), name)) is not None
    for path, leaf in leaves(command, (name,))
}


@pytest.mark.parametrize("name", COMMANDS)
def test_fn_02_any_argument_gets_a_sentence(
    portal: RemotePortal, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    # The portal limits validations.
    monkeypatch.setattr("watchword.client.connection.MAX_WAIT_SECONDS", 0)
    portal.add("ProdOkta", "--issuer", "https://acme.example")
    Path("servers.yaml").write_text(FILE)
    sound = {
        "name": "ProdOkta",
        "jwks_location": portal.keys.location,
        "file": "servers.yaml",
        "url": portal.origin,
        "organization": "acme",
    }
    path, command = COMMANDS[name]
    found = []
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.is_flag:
            continue
        for value in DATES if "date" in parameter.type.name else TEXTS:
            found += faults(path, arguments(command, parameter, value, sound), b"wwk_x\n")
    assert found == []
    # None of them confirmed a loss.
    assert AuthorizationServer.objects.exists()
    assert [record.getMessage() for record in caplog.records if "Internal Server Error" in record.getMessage()] == []
