"""The proxy for key servers, with its credentials from a file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watchword.jwks.proxy import parse_credentials, parse_proxy
from watchword.settings.base import SettingsProblem
from watchword.settings.secret_files import read_secret

if TYPE_CHECKING:
    from pathlib import Path

    from watchword.jwks.proxy import Proxy


def read_proxy(address: str | None, credentials_file: Path | None) -> Proxy | None:
    """The proxy at `address`; None for none.

    Raises:
        SettingsProblem: with what is wrong with the address or the file; never with anything of the file's content.
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
    # Some editors of Windows begin a file with a byte order mark.
    text = read_secret("jwks_proxy_credentials_file", credentials_file, encoding="utf-8-sig")
    try:
        return replace(proxy, credentials=parse_credentials(text))
    except ValueError as refused:
        raise SettingsProblem(f"jwks_proxy_credentials_file: {refused}.") from None
