"""The operator's limits for fetching key sets, from the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword.control.servers.jwks_proxy import read_proxy
from watchword.jwks.fetch import FetchPolicy
from watchword.settings.base import SettingsProblem

if TYPE_CHECKING:
    from watchword.settings.control import ControlSettings


def fetch_policy(settings: ControlSettings) -> FetchPolicy:
    """The limits for fetching key sets.

    Raises:
        SettingsProblem: `jwks_ca_file` cannot be read or holds no certificate, `jwks_proxy` is no proxy's address, or
            its credentials cannot be read, or by others too.
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
        )
    except ValueError:
        raise SettingsProblem("jwks_ca_file: holds no PEM certificate.") from None
