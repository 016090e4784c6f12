"""Files that hold a secret: who may read them, and the secret key, which is created if there is none."""

from __future__ import annotations

import os
import secrets
import stat
from typing import TYPE_CHECKING, Final

from watchword.settings.base import SettingsProblem

if TYPE_CHECKING:
    from pathlib import Path

MAX_CHARACTERS: Final = 4096
SECRET_KEY_BYTES: Final = 48
SECRET_KEY_MIN: Final = 32


def read_secret(setting: str, path: Path, *, encoding: str = "ascii") -> str:
    """The text of a secret's file.

    Raises:
        SettingsProblem: it cannot be read, is too long, or other users of this machine can read or change it. The
            sentence begins with `setting` and holds nothing of the file's content.
    """
    try:
        with path.open(encoding=encoding) as file:
            # Of the open file, so that the one that is checked is the one that is read.
            _require_private(setting, path, os.fstat(file.fileno()).st_mode)
            text = file.read(MAX_CHARACTERS + 1)
    except (OSError, ValueError) as failure:
        raise SettingsProblem(f"{setting}: {path} cannot be read ({type(failure).__name__}).") from None
    if len(text) > MAX_CHARACTERS:
        raise SettingsProblem(f"{setting}: {path} holds more than {MAX_CHARACTERS} characters.")
    return text


def read_line(setting: str, path: Path) -> str:
    """The only line of a secret's file.

    Raises:
        SettingsProblem: as `read_secret`, and if the file holds no line or several.
    """
    line = read_secret(setting, path).strip()
    if not line.isprintable() or line == "":
        raise SettingsProblem(f"{setting}: {path} must hold the secret in its only line.")
    return line


def require_private(setting: str, path: Path) -> None:
    """The same check for a file that a library opens by its name.

    Raises:
        SettingsProblem: it cannot be found, or other users of this machine can read or change it.
    """
    try:
        mode = path.stat().st_mode
    except OSError as failure:
        raise SettingsProblem(f"{setting}: {path} cannot be read ({type(failure).__name__}).") from None
    _require_private(setting, path, mode)


def _require_private(setting: str, path: Path, mode: int) -> None:
    # Its group may read it: systemd passes credentials with mode 0440, Kubernetes with the group of the pod.
    if mode & (stat.S_IRWXO | stat.S_IWGRP):
        raise SettingsProblem(
            f"{setting}: other users of this machine can read or change {path}; run chmod 0600 {path}."
        )


def read_or_create_secret_key(path: Path) -> str:
    """The key in `path`, which is created with a new key if it does not exist.

    Raises:
        SettingsProblem: the file cannot be read or created, or is too short to be a key.
    """
    try:
        # Other users of this machine must not read the database and the key in this directory.
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # O_EXCL: of two processes that start at once exactly one creates the key, and a planted link is not followed.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return read_secret_key(path)
    except OSError as failure:
        raise SettingsProblem(
            f"data_dir: the secret key {path} cannot be created ({type(failure).__name__})."
        ) from None
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(SECRET_KEY_BYTES))
    return read_secret_key(path)


def read_secret_key(path: Path) -> str:
    """The key in `path`.

    Raises:
        SettingsProblem: the file cannot be read, other users can read it, or it is too short to be a key.
    """
    key = read_secret("data_dir", path).strip()
    if len(key) < SECRET_KEY_MIN:
        raise SettingsProblem(f"data_dir: {path} is too short to be a secret key; delete it and a new one is created.")
    return key
