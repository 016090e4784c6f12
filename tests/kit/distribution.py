"""What a release consists of, built from the files that git tracks: `make dist`, and the tests of tests/release."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tomllib
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
UV: Final = Path(sys.executable).with_name("uv")
BUILD_SECONDS: Final = 120
# The newest version of CycloneDX that uv writes. It calls the export a preview; `UV_VERSION` in the Makefile pins it.
_SBOM_FORMAT: Final = ("--format", "cyclonedx1.5", "--preview-features", "sbom-export")


class DistributionFailed(Exception):
    """A step ended with an error; the message is what the program wrote."""


@dataclass(frozen=True)
class Distribution:
    """The files of one release."""

    folder: Path
    version: str

    @property
    def wheel(self) -> Path:
        return self.folder / f"watchword-{self.version}-py3-none-any.whl"

    @property
    def source(self) -> Path:
        return self.folder / f"watchword-{self.version}.tar.gz"

    @property
    def sbom(self) -> Path:
        return self.folder / f"watchword-{self.version}.cdx.json"

    @property
    def constraints(self) -> Path:
        return self.folder / "constraints.txt"

    def hashes(self) -> dict[str, str]:
        """SHA-256 in hexadecimal by file name, of every file in the folder."""
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(self.folder.iterdir())}


def version_of(project: Path) -> str:
    """Read the only place that says the version; the product asks for that of its installed package."""
    return str(tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def uncommitted_changes(project: Path) -> str:
    """The lines of `git status`; empty where the working tree is what the last commit says."""
    return _run("git", "status", "--porcelain", folder=project)


def time_of_last_commit(project: Path) -> int:
    """Seconds since 1970: the time that all files of the release carry, so that a later build gives the same bytes."""
    return int(_run("git", "log", "-1", "--format=%ct", folder=project))


def copy_project(project: Path, *, into: Path) -> None:
    """Copy the working tree without what git ignores, so that a build takes in no cache and no environment."""
    listed = _run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", folder=project)
    for name in listed.rstrip("\0").split("\0"):
        # A file that was removed and not committed yet is still listed; deploy/gateways is a link to a folder.
        if os.path.lexists(project / name):
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(project / name, into / name, follow_symlinks=False)


def build(source: Path, *, into: Path, moment: int) -> Distribution:
    """Build all files of a release from a copy of the project, without the network.

    The source archive is made from `source` and the wheel from the source archive, which shows that it is complete. The
    build backend is that of this environment, which uv.lock pins.

    Args:
        source: the copy; see `copy_project`.
        into: a new folder for the files of the release.
        moment: the time that they carry, in seconds since 1970.

    Raises:
        DistributionFailed: a step of the build failed.
    """
    _run(
        *(UV, "build", "--quiet", "--no-build-isolation", "--offline", "--no-create-gitignore"),
        *("--python", sys.executable, "--out-dir", into),
        folder=source,
        SOURCE_DATE_EPOCH=str(moment),
    )
    made = Distribution(folder=into, version=version_of(source))
    made.constraints.write_text(_constraints(source), encoding="utf-8")
    made.sbom.write_text(_sbom(source, moment), encoding="utf-8")
    return made


def install(made: Distribution, *, source: Path, into: Path) -> None:
    """Make a virtual environment with the wheel and all it needs, as the constraints say.

    The packages come from uv's cache, where the set-up of this environment left them. The cache has no list of the
    versions of a package, which resolving would ask for, so what uv.lock pins is installed first. The wheel then finds
    each of its dependencies in the version of the constraints, or is refused.
    """
    _run(UV, "venv", "--quiet", "--python", sys.executable, into, folder=source)
    pinned = into / "pylock.toml"
    pinned.write_text(_export(source, "--no-emit-project", "--format", "pylock.toml"), encoding="utf-8")
    command = (UV, "pip", "install", "--quiet", "--python", into)
    _run(*command, "-r", pinned, folder=source)
    _run(*command, "--offline", "--no-index", "-c", made.constraints, made.wheel, folder=source)


def _export(source: Path, *arguments: str) -> str:
    """Say what uv.lock pins for the product and its extras, in the format that `arguments` name."""
    options = ("--quiet", "--offline", "--locked", "--no-default-groups", "--all-extras", "--python", sys.executable)
    return _run(UV, "export", *options, *arguments, folder=source)


def _constraints(source: Path) -> str:
    """The exact version of each package, without hashes.

    One hash among the constraints makes pip demand a hash of everything that it installs, and the pip that comes with
    Python 3.11 does not look among the constraints for that of a package on its command line: `pip install watchword`
    would fail. The SBOM has the hashes.
    """
    return _export(source, "--no-emit-project", "--no-header", "--no-annotate", "--no-hashes")


def _sbom(source: Path, moment: int) -> str:
    """uv's CycloneDX document with the licences added, and without what would differ between two builds."""
    document: dict[str, Any] = json.loads(_export(source, *_SBOM_FORMAT))
    document["metadata"]["timestamp"] = datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    product = document["metadata"]["component"]
    product.update(type="application", purl=f"pkg:pypi/{product['name']}@{product['version']}")
    for component in (product, *document["components"]):
        if licences := _licences(component["name"]):
            component["licenses"] = licences
    # uv draws a new number for each document; this one changes with what the document says and with nothing else.
    del document["serialNumber"]
    document["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(document, sort_keys=True)).urn
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def _licences(package: str) -> list[dict[str, Any]]:
    """What the package itself says in its metadata; nothing where it is not installed here, as on another system."""
    try:
        metadata = importlib.metadata.metadata(package)
    except importlib.metadata.PackageNotFoundError:
        return []
    if expressions := metadata.get_all("License-Expression"):
        return [{"expression": expression} for expression in expressions]
    # Packages that do not follow PEP 639 yet: a name of their own choice, or a classifier.
    classifiers = [line for line in metadata.get_all("Classifier") or () if line.startswith("License :: ")]
    named = [text for text in metadata.get_all("License") or () if "\n" not in text]
    names = named or [line.rpartition(" :: ")[2] for line in classifiers]
    return [{"license": {"name": name}} for name in names]


def _run(*command: str | Path, folder: Path, **environment: str) -> str:
    outcome = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        check=False,
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
    )
    if outcome.returncode != 0:
        raise DistributionFailed(f"{' '.join(map(str, command[:2]))} ended with {outcome.returncode}: {outcome.stderr}")
    return outcome.stdout
