"""The file with the key that signs sessions and receipts."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from watchword.settings.base import SettingsProblem

if TYPE_CHECKING:
    from pathlib import Path

SECRET_KEY_BYTES = 48
SECRET_KEY_MIN = 32


def read_or_create(path: Path) -> str:
    """The key in `path`, which is created with a new key if it does not exist.

    Raises:
        SettingsProblem: the file cannot be read or created, or is too short to be a key.
    """
    try:
        # Other users of this machine have no business with the database and the key in this directory.
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # O_EXCL: of two processes that start at once exactly one creates the key, and a planted link is not followed.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return read(path)
    except OSError as failure:
        raise SettingsProblem(
            f"data_dir: the secret key {path} cannot be created ({type(failure).__name__})."
        ) from None
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(SECRET_KEY_BYTES))
    return read(path)


def read(path: Path) -> str:
    """The key in `path`.

    Raises:
        SettingsProblem: the file cannot be read, or is too short to be a key.
    """
    try:
        key = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as failure:
        raise SettingsProblem(f"data_dir: the secret key {path} cannot be read ({type(failure).__name__}).") from None
    if len(key) < SECRET_KEY_MIN:
        raise SettingsProblem(f"data_dir: {path} is too short to be a secret key; delete it and a new one is created.")
    return key
