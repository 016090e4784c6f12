"""The walk-through's steps with the management API: by curl with an access token, and by file with an API key."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

CLOUD_NAME: Final = "demo"
API_ROLE: Final = "Deployer"
REQUIRED_ROLE: Final = "Billing"
"""The API role that a visitor creates and requires."""


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
    def reference(self) -> str:
        return f"{self.portal}/api/docs"

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

    @property
    def add_role(self) -> str:
        return f"{self.watchword} roles add {REQUIRED_ROLE} --view activity"

    @property
    def require_role(self) -> str:
        return f"{self.watchword} servers edit DemoServer --required-role {REQUIRED_ROLE} --yes"

    @property
    def require_no_role(self) -> str:
        return f"{self.watchword} servers edit DemoServer --remove required-role --yes"

    def lines(self, get_token: str) -> Iterator[str]:
        """The printed steps before the last one; `get_token` sets `$MANAGEMENT_TOKEN`."""
        yield "10. Manage the servers from code: a token with the scope of an API role lists them, 200. The token of"
        yield "    step 1 does not have it: 403, which names the missing scope. Every operation of the management API:"
        yield f"    {self.reference}"
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

    def role_lines(self, *, call: str, get_token: str, call_with_role: str) -> Iterator[str]:
        """The printed last step; `get_token` sets a token that names the role, for `call_with_role`."""
        yield f"12. Create the API role {REQUIRED_ROLE} and require it of each token, here or in the portal (Role"
        yield "    Management > API Roles, then Edit of DemoServer). The token of step 1 does not name it: 403 within"
        yield "    seconds. One with its scope: 200. The demo's authorization server grants the scope of any API role."
        yield ""
        yield self.add_role
        yield self.require_role
        yield call
        yield get_token
        yield call_with_role
        yield self.require_no_role
