"""The proxy for key servers, with its credentials from a file."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from watchword.jwks.proxy import parse_credentials, parse_proxy
from watchword.settings.base import SettingsProblem
from watchword.settings.secret_files import open_to_others

if TYPE_CHECKING:
    from pathlib import Path

    from watchword.jwks.proxy import Proxy

MAX_FILE_LENGTH: Final = 1024


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
    try:
        return replace(proxy, credentials=_read(credentials_file))
    except ValueError as refused:
        raise SettingsProblem(f"jwks_proxy_credentials_file: {refused}.") from None


def _read(path: Path) -> str:
    try:
        # Some editors of Windows begin a file with a byte order mark.
        with path.open(encoding="utf-8-sig") as file:
            # Of the open file, so that the one that was checked is read.
            exposed = open_to_others(os.fstat(file.fileno()).st_mode, path)
            text = file.read(MAX_FILE_LENGTH + 1)
    except (OSError, ValueError) as failure:
        raise ValueError(f"cannot be read ({type(failure).__name__})") from None
    if exposed is not None:
        raise ValueError(exposed)
    if len(text) > MAX_FILE_LENGTH:
        raise ValueError(f"holds more than {MAX_FILE_LENGTH} characters")
    return parse_credentials(text)
