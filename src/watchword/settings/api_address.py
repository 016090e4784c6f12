"""The API's address as its clients know it, and how a request names its organization there."""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field

from watchword.settings.base import is_loopback

ORGANIZATION: Final = "{organization}"
"""Stands for the organization's id in an address of the API."""

CloudName = Annotated[str, Field(pattern=r"^[0-9A-Za-z](?:[0-9A-Za-z._-]{0,62}[0-9A-Za-z])?$")]
Routing = Literal["host", "path", "token"]

MAX_DOMAIN: Final = 220
"""Characters. A host name has at most 253, of which an organization takes up to 33."""

NOT_IN_A_URL: Final = re.compile(r"[^!#-;=?-\[\]_a-z~]")
"""All that RFC 3986 leaves out; so the URL in a challenge needs no escape (RFC 9110 section 5.6.4)."""

_DOMAIN: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*")
# Nothing that means something in a shell or in a text in quotes: examples for clients hold this URL.
_BASE_URL: Final = re.compile(r"(https?)://([a-z0-9.-]+)(?::([1-9][0-9]{0,4}))?(?:/[0-9A-Za-z._~-]+)*/?")
_HOST_AND_PORT: Final = re.compile(r"([a-z0-9.-]+|\[[0-9a-f:.]+\]):([1-9][0-9]{0,4})")
_IN_HOST: Final = f"{ORGANIZATION}."
_IN_PATH: Final = f"/o/{ORGANIZATION}"
_LAST_PORT: Final = 65535


def is_domain(text: str) -> bool:
    return len(text) <= MAX_DOMAIN and _DOMAIN.fullmatch(text) is not None


def is_host_and_port(text: str) -> bool:
    found = _HOST_AND_PORT.fullmatch(text)
    if found is None or int(found[2]) > _LAST_PORT:
        return False
    host = found[1]
    return _is_ipv6(host[1:-1]) if host.startswith("[") else is_domain(host)


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def check_api_url(url: str) -> str:
    """The URL without a final slash.

    Raises:
        ValueError: it cannot be the base of the API's addresses.
    """
    found = _BASE_URL.fullmatch(url.replace(ORGANIZATION, "organization"))
    if found is None or not is_domain(found[2]) or int(found[3] or 0) > _LAST_PORT:
        raise ValueError("must be the https URL of the API, such as https://{organization}.api.example")
    require_https(found[1], found[2])
    return url.rstrip("/")


def require_https(scheme: str, host: str) -> None:
    """The rule for every address of the API, as access tokens travel there.

    Raises:
        ValueError: it is http to another machine.
    """
    if scheme != "https" and not is_local(host):
        raise ValueError("must be https, except on this machine itself (http://{organization}.localhost:8088)")


def is_local(host: str) -> bool:
    """Whether the name is always that of this machine itself (RFC 6761 section 6.3)."""
    return is_loopback(host) or host.endswith(".localhost")


def routing_problem(url: str, routing: Routing) -> str | None:
    """What is wrong with the place of `{organization}` in the API's URL; None if gateways find it there."""
    path = urlsplit(url).path
    once = url.count(ORGANIZATION) == 1
    if routing == "host" and not (once and urlsplit(url).netloc.startswith(_IN_HOST)):
        return (
            "api_url must have the host {organization}.<domain>, as api_routing is host; "
            "for other addresses set api_routing to path or token"
        )
    if routing == "path" and not (once and (path == _IN_PATH or path.startswith(f"{_IN_PATH}/"))):
        return "api_url must have the path /o/{organization}, as api_routing is path"
    if routing == "token" and ORGANIZATION in url:
        return "api_url must not hold {organization}, as api_routing is token: the scope of tokens names it"
    return None


def domain_of(url: str) -> str:
    """The domain below which each organization has its host, or the API's only host."""
    return urlsplit(url.replace(_IN_HOST, "", 1)).hostname or ""
