"""The operator's limits and proxy for connections to servers that organizations name, from the settings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watchword.jwks.fetch import FetchPolicy
from watchword.outbound.proxy import parse_credentials, parse_proxy
from watchword.settings.base import SettingsProblem
from watchword.settings.secret_files import read_secret

if TYPE_CHECKING:
    from pathlib import Path

    from watchword.outbound.proxy import Proxy
    from watchword.settings.control import ControlSettings


def fetch_policy(settings: ControlSettings) -> FetchPolicy:
    """Return the limits for fetching key sets.

    Raises:
        SettingsProblem: `jwks_ca_file` is unreadable or has no certificate, `jwks_proxy` is invalid, or its credentials
            are unreadable or readable by other users.
    """
    authorities = None
    if settings.jwks_ca_file is not None:
        try:
            authorities = settings.jwks_ca_file.read_text(encoding="ascii")
        except (OSError, ValueError) as failure:
            raise SettingsProblem(f"jwks_ca_file: cannot be read ({type(failure).__name__}).") from None
    proxy = read_proxy(settings.jwks_proxy, settings.jwks_proxy_credentials_file)
    try:
        return FetchPolicy(
            allowed_networks=settings.jwks_allowed_networks,
            refused_networks=settings.jwks_refused_networks,
            allowed_ports=settings.jwks_allowed_ports,
            extra_authorities=authorities,
            proxy=proxy,
            max_keys=settings.jwks_max_keys,
            min_rsa_bits=settings.jwks_min_rsa_bits,
        )
    except ValueError:
        raise SettingsProblem("jwks_ca_file: holds no PEM certificate.") from None


def read_proxy(address: str | None, credentials_file: Path | None) -> Proxy | None:
    """Return the proxy at `address`; None for none.

    Raises:
        SettingsProblem: the address or the file is invalid; the message never quotes the file.
    """
    if address is None:
        if credentials_file is not None:
            raise SettingsProblem("jwks_proxy_credentials_file: is used only together with jwks_proxy.")
        return None
    try:
        proxy = parse_proxy(address)
    except ValueError as refused:
        raise SettingsProblem(f"jwks_proxy: {refused}.") from None
    if credentials_file is None:
        return proxy
    # Some Windows editors write a byte order mark.
    text = read_secret("jwks_proxy_credentials_file", credentials_file, encoding="utf-8-sig")
    try:
        return replace(proxy, credentials=parse_credentials(text))
    except ValueError as refused:
        raise SettingsProblem(f"jwks_proxy_credentials_file: {refused}.") from None
