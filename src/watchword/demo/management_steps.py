"""The walk-through's steps with the management API: by curl with an access token, and by file with an API key."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

CLOUD_NAME: Final = "demo"
API_ROLE: Final = "Deployer"


def scope_of(organization: str) -> str:
    """The scope by which an access token names the API role."""
    return f"{CLOUD_NAME}::{organization}::{API_ROLE}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagementSteps:
    """Commands for a POSIX shell with a token with the scope in `$MANAGEMENT_TOKEN`, and one without it in `$TOKEN`.

    Attributes:
        portal: its origin.
        organization: whose servers are managed.
        api_key: of the organization.
        watchword: how the command is called, for the shell.
    """

    portal: str
    organization: str
    api_key: str = field(repr=False)
    watchword: str

    @property
    def list_with_scope(self) -> str:
        return self._list("$MANAGEMENT_TOKEN")

    @property
    def list_without_scope(self) -> str:
        return self._list("$TOKEN")

    def _list(self, token: str) -> str:
        where = f"{self.portal}/api/v1/organizations/{self.organization}/authorization-servers"
        return f'curl -si -H "Authorization: Bearer {token}" {where}'

    @property
    def use_key(self) -> str:
        variables = {
            "WATCHWORD_PORTAL_URL": self.portal,
            "WATCHWORD_ORGANIZATION": self.organization,
            "WATCHWORD_API_KEY": self.api_key,
        }
        return "export " + " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())

    @property
    def write_file(self) -> str:
        return f"{self.watchword} export | sed 's/description: .*/description: Changed in a file/' > servers.yaml"

    @property
    def apply_file(self) -> str:
        return f"{self.watchword} apply -f servers.yaml --detailed-exitcode"

    def lines(self, get_token: str) -> Iterator[str]:
        """The printed steps; `get_token` sets `$MANAGEMENT_TOKEN`."""
        yield "10. Manage the servers from code: a token with the scope of an API role lists them, 200. The token of"
        yield "    step 1 does not have it: 403, which names the missing scope."
        yield ""
        yield get_token
        yield self.list_with_scope
        yield self.list_without_scope
        yield ""
        yield "11. The same as a file, with an API key: the first apply changes the description (exit status 2), the"
        yield "    second one has nothing to do (0)."
        yield ""
        yield self.use_key
        yield self.write_file
        yield self.apply_file
        yield self.apply_file
