"""The second verifier of `watchword demo`, with a port, a state and a credential of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from watchword.cli.local_verifier import ensure_credential, verifier_environment
from watchword.cli.roles import verifier_role
from watchword.settings.variables import LOG_FORMAT_VARIABLE

if TYPE_CHECKING:
    from watchword.cli.serve import Machine
    from watchword.cli.supervisor import Role

SECOND_VERIFIER: Final = "verifier-2"


def second_verifier(machine: Machine, *, port: int, admin_port: int) -> Role:
    """Create its credential; the role still has to be started.

    Two verifiers never share a credential: the control plane counts the calls of each credential by itself.
    """
    folder = machine.control.data_dir.resolve() / SECOND_VERIFIER
    credential_file = folder / "credential"
    ensure_credential(credential_file)
    own = {
        "PORT": str(port),
        "ADMIN_PORT": str(admin_port),
        "NODE": SECOND_VERIFIER,
        "STATE_FILE": str(folder / "snapshot.json"),
        "CREDENTIAL_FILE": str(credential_file),
    }
    environment = {
        **verifier_environment(machine.verifier),
        **{f"WATCHWORD_VERIFIER_{name}": value for name, value in own.items()},
        LOG_FORMAT_VARIABLE: "text",
    }
    return verifier_role(SECOND_VERIFIER, (machine.verifier.admin_host, admin_port), environment)
