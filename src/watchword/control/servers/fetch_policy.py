"""The operator's limits for fetching key sets, from the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword.jwks.fetch import FetchPolicy
from watchword.settings.base import SettingsProblem

if TYPE_CHECKING:
    from watchword.settings.control import ControlSettings


def fetch_policy(settings: ControlSettings) -> FetchPolicy:
    """The limits for fetching key sets.

    Raises:
        SettingsProblem: `jwks_ca_file` cannot be read or holds no certificate.
    """
    authorities = None
    if settings.jwks_ca_file is not None:
        try:
            authorities = settings.jwks_ca_file.read_text(encoding="ascii")
        except (OSError, ValueError) as failure:
            raise SettingsProblem(f"jwks_ca_file: cannot be read ({type(failure).__name__}).") from None
    try:
        return FetchPolicy(
            allowed_networks=settings.jwks_allowed_networks,
            refused_networks=settings.jwks_refused_networks,
            allowed_ports=settings.jwks_allowed_ports,
            extra_authorities=authorities,
        )
    except ValueError:
        raise SettingsProblem("jwks_ca_file: holds no PEM certificate.") from None
