"""The login of the commands: the portal, the organization and the credential.

They come from three environment variables, or from the file that `watchword login` writes. The two are never mixed: a
credential from the file must not go to a portal that the environment names.
"""

from __future__ import annotations

import json
import os
import re
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from watchword.client.problems import ApiFailed
from watchword.core.strict_json import JsonRefused, parse_object
from watchword.settings.base import is_loopback
from watchword.settings.variables import API_KEY_VARIABLE, API_ORGANIZATION_VARIABLE, PORTAL_URL_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

API_PATH: Final = "/api/v1"

_MAX_FILE_BYTES: Final = 64 * 1024
_MAX_URL: Final = 2048
# What a header can carry as it is (RFC 6750 section 2.1), at most as long as a verifier reads a token.
_CREDENTIAL: Final = re.compile(r"[A-Za-z0-9._~+/=-]{1,16384}")
_ORGANIZATION: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_ORIGIN: Final = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_DOTS_OF_A_TOKEN: Final = 2


class LoginUnusable(ApiFailed):
    """There is no login, or it cannot be used; the sentence says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Attributes: `origin` of the portal, such as https://portal.example; `credential`: an API key or access token."""

    origin: str
    organization: str
    credential: str = field(repr=False)

    @property
    def is_access_token(self) -> bool:
        """Whether the credential depends on the organization's own enabled authorization server."""
        return self.credential.count(".") == _DOTS_OF_A_TOKEN


def checked_origin(url: str) -> str:
    """The portal's origin; the address of its API is accepted, too.

    Raises:
        LoginUnusable: it is something else, or not https and on another machine.
    """
    origin = url.strip().rstrip("/").removesuffix(API_PATH)
    if len(origin) > _MAX_URL or not _ORIGIN.fullmatch(origin):
        raise LoginUnusable("The portal's URL must have the form https://portal.example, without a path or a password.")
    parts = urlsplit(origin)
    try:
        port_is_good = parts.port != 0
    except ValueError:
        port_is_good = False
    if not port_is_good:
        raise LoginUnusable("The portal's URL has no valid port.")
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise LoginUnusable("The portal's URL must begin with https://, except on this machine itself.")
    return origin


def checked_login(*, url: str, organization: str, credential: str) -> Login:
    """A login whose parts have the right form.

    Raises:
        LoginUnusable: names the part, and quotes nothing of the credential.
    """
    origin = checked_origin(url)
    if not _ORGANIZATION.fullmatch(organization):
        raise LoginUnusable("The organization must be an ID, such as acme: lower-case letters, digits and hyphens.")
    if not _CREDENTIAL.fullmatch(credential):
        raise LoginUnusable("The API key is empty or contains characters that no API key has.")
    return Login(origin=origin, organization=organization, credential=credential)


def login_path(environment: Mapping[str, str]) -> Path:
    """Where the login is stored, by the XDG Base Directory Specification."""
    configured = environment.get("XDG_CONFIG_HOME", "")
    # The specification: relative paths are invalid and ignored.
    base = Path(configured) if configured.startswith("/") else Path.home() / ".config"
    return base / "watchword" / "login.json"


def find_login(environment: Mapping[str, str], *, organization: str | None = None) -> Login:
    """The login for this run.

    Args:
        environment: of the process.
        organization: replaces the login's own, for a key that is good for several.

    Raises:
        LoginUnusable: there is none, or it cannot be used.
    """
    credential, url = environment.get(API_KEY_VARIABLE), environment.get(PORTAL_URL_VARIABLE)
    if (credential is None) != (url is None):
        raise LoginUnusable(
            f"Set both {PORTAL_URL_VARIABLE} and {API_KEY_VARIABLE}, or neither: a stored API key is only sent to the "
            "portal for which it was stored."
        )
    named = organization or environment.get(API_ORGANIZATION_VARIABLE)
    if credential is not None and url is not None:
        if named is None:
            raise LoginUnusable(f"Name the organization: set {API_ORGANIZATION_VARIABLE}, or use --organization.")
        return checked_login(url=url, organization=named, credential=credential)
    stored = _stored(login_path(environment))
    return checked_login(url=stored.origin, organization=named or stored.organization, credential=stored.credential)


def store_login(login: Login, environment: Mapping[str, str]) -> Path:
    """Write the file, which only this user can read; it replaces an older one at once.

    Raises:
        OSError: it cannot be written.
    """
    path = login_path(environment)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Created with mode 0600 under a new name, so that at no time another user can open it.
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".login-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            members = {"url": login.origin, "organization": login.organization, "api_key": login.credential}
            json.dump(members, file)
        Path(temporary).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise
    return path


def remove_login(environment: Mapping[str, str]) -> bool:
    """Delete the file; False if there was none.

    Raises:
        OSError: it cannot be deleted.
    """
    try:
        login_path(environment).unlink()
    except FileNotFoundError:
        return False
    return True


def _stored(path: Path) -> Login:
    try:
        with path.open("rb") as file:
            # Of the open file, so that the one that is checked is the one that is read.
            status = os.fstat(file.fileno())
            _require_private(path, status)
            octets = file.read(_MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise LoginUnusable(
            f"You are not logged in. Run `watchword login`, or set {PORTAL_URL_VARIABLE}, {API_KEY_VARIABLE} and "
            f"{API_ORGANIZATION_VARIABLE}."
        ) from None
    try:
        members = parse_object(octets)
        url, organization, credential = members["url"], members["organization"], members["api_key"]
    except (JsonRefused, KeyError):
        raise LoginUnusable(f"{path} cannot be read. Run `watchword login` again.") from None
    if not (isinstance(url, str) and isinstance(organization, str) and isinstance(credential, str)):
        raise LoginUnusable(f"{path} cannot be read. Run `watchword login` again.")
    return Login(origin=url, organization=organization, credential=credential)


def _require_private(path: Path, status: os.stat_result) -> None:
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise LoginUnusable(
            f"Other users of this machine can read or change {path}. Run chmod 0600 {path}; if they may have read it, "
            "revoke the API key and create another one."
        )
    if status.st_uid != os.geteuid():
        raise LoginUnusable(f"{path} belongs to another user of this machine. Run `watchword login` yourself.")
