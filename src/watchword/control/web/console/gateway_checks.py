"""What to check when a gateway is configured. docs/gateways.md has the same commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from watchword.control.web.shell.snippets import Snippet
from watchword.gateways.filling import DOMAIN
from watchword.settings.api_address import ORGANIZATION

if TYPE_CHECKING:
    from watchword.settings.control import ControlSettings

_EXAMPLES: Final = {
    "host": f"https://{ORGANIZATION}.{DOMAIN}",
    "path": f"https://{DOMAIN}/o/{ORGANIZATION}",
    "token": f"https://{DOMAIN}",
}
"""The API's URL where it is not set, in each routing."""

# The first character of the signature becomes an A, or a B where it is an A already: all bits of the first character
# count, of the last one some are padding.
_CHANGE: Final = r"""bad=$(printf %s "$TOKEN" | sed -e 's/\.A\([^.]*\)$/.B\1/' -e t -e 's/\.[^.]\([^.]*\)$/.A\1/')"""


def checks(given: ControlSettings) -> list[dict[str, Any]]:
    """The checks that fit the routing, each with its command."""
    template = given.api_url or _EXAMPLES[given.api_routing]
    good = _call("$TOKEN", template.replace(ORGANIZATION, "acme"))
    found = [
        _check(
            "A good token",
            good,
            "The API responds. It gets the header X-Auth-Organization: acme and no Authorization header.",
        ),
        _check(
            "A bad token",
            f"{_CHANGE}\n{_call('$bad', template.replace(ORGANIZATION, 'acme'))}",
            "One character of the signature is changed: 401 with the reason no_matching_key, and a WWW-Authenticate "
            'header that has error="invalid_token". The API gets no request.',
        ),
        _check(
            "A stopped verifier",
            good,
            "Stop one verifier (systemctl stop watchword-verifier, or Ctrl-C in the terminal of watchword serve) and "
            "run this: the API responds as before. Stop the other one too and run it again: 503. Start both again.",
        ),
    ]
    if given.api_routing != "token":
        # With routing by token there is no address of another organization.
        found.append(
            _check(
                "Another organization",
                _call("$TOKEN", template.replace(ORGANIZATION, "globex")),
                "At the address of another organization the same token gets 401.",
            )
        )
    return found


def _call(token: str, url: str) -> str:
    return f'curl --include --header "Authorization: Bearer {token}" {url}/'


def _check(label: str, command: str, expected: str) -> dict[str, Any]:
    name = label.lower().replace(" ", "-")
    return {"name": name, "label": label, "snippet": Snippet("Command", command), "expected": expected}
