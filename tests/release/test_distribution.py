"""What `make dist` makes: the same bytes each time, a wheel with all that it needs and nothing else, a valid SBOM."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from datetime import UTC, datetime
from email.parser import Parser
from typing import TYPE_CHECKING, Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

import dist
from kit.distribution import ROOT, build, copy_project, time_of_last_commit, version_of

if TYPE_CHECKING:
    from pathlib import Path

    from kit.distribution import Distribution

LONG_AGO = 946_684_800

KINDS = {
    "modules": r"watchword/.+\.py",
    "the mark of a typed package (PEP 561)": r"watchword/py\.typed",
    "migrations": r"watchword/control/.+/migrations/\d{4}_\w+\.py",
    "templates": r"watchword/control/.+/templates/.+\.html",
    "styles": r"watchword/control/.+/static/.+\.css",
    "scripts": r"watchword/control/.+/static/.+\.js",
    "pictures": r"watchword/control/.+/static/.+\.svg",
    "examples for client applications": r"watchword/control/.+/examples/[\w.]+\.(java|mjs|txt|sh|go)",
    "the management API's document": r"watchword/control/api/openapi\.json",
    "explanations of the gateways' files": r"watchword/gateways/files/([\w-]+/)?README\.md",
    "Caddy's configuration": r"watchword/gateways/files/caddy/Caddyfile",
    "Envoy's configuration": r"watchword/gateways/files/envoy/[\w-]+\.yaml",
    "HAProxy's configuration": r"watchword/gateways/files/haproxy/[\w-]+\.(cfg|lua)",
    "nginx's configuration": r"watchword/gateways/files/nginx/[\w-]+\.conf",
    "the middleware of an ASGI API": r"watchword/gateways/files/python/\w+\.py\.txt",
    "Traefik's configuration": r"watchword/gateways/files/traefik/[\w-]+\.yaml",
    "licence": r"watchword-[\d.]+\.dist-info/licenses/LICENSE",
    "metadata": r"watchword-[\d.]+\.dist-info/(METADATA|RECORD|WHEEL|entry_points\.txt)",
}
"""All kinds of files in the wheel. A new kind gets a line; what fits no line does not belong into an installation."""


def contents(release: Distribution) -> list[str]:
    with zipfile.ZipFile(release.wheel) as wheel:
        return wheel.namelist()


def locked_packages() -> dict[str, dict[str, Any]]:
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    return {package["name"]: package for package in lock["package"]}


def test_build_in_another_folder_gives_the_same_bytes(release: Distribution, tmp_path: Path) -> None:
    source = tmp_path / "a checkout" / "by someone else"
    copy_project(ROOT, into=source)
    for path in source.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(path.stat().st_mode & 0o700)
            os.utime(path, (LONG_AGO, LONG_AGO))
    again = build(source, into=tmp_path / "dist", moment=time_of_last_commit(ROOT))
    assert again.hashes() == release.hashes()
    assert set(again.hashes()) == {path.name for path in (again.wheel, again.source, again.sbom, again.constraints)}


def test_files_carry_the_time_of_the_last_commit(release: Distribution) -> None:
    moment = datetime.fromtimestamp(time_of_last_commit(ROOT), UTC)
    with zipfile.ZipFile(release.wheel) as wheel:
        # A zip archive counts in steps of two seconds.
        even = moment.replace(second=moment.second // 2 * 2)
        assert {datetime(*entry.date_time, tzinfo=UTC) for entry in wheel.infolist()} == {even}
    with tarfile.open(release.source) as source:
        assert {entry.mtime for entry in source.getmembers()} == {moment.timestamp()}
    assert datetime.fromisoformat(json.loads(release.sbom.read_text())["metadata"]["timestamp"]) == moment


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    subprocess.run(
        ["git", "clone", "--quiet", "--depth", "1", ROOT.as_uri(), tmp_path / "clone"], check=True, timeout=60
    )
    return tmp_path / "clone"


def test_target_keeps_what_it_built_twice(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dist.main(clone) == 0
    *lines, verdict = capsys.readouterr().out.splitlines()
    assert {line.partition("dist/")[2] for line in lines} == {path.name for path in (clone / "dist").iterdir()}
    assert verdict.startswith("Built twice")


def test_target_refuses_changes_without_a_commit(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (clone / "src" / "watchword" / "stray.py").touch()
    assert dist.main(clone) == 1
    assert "stray.py" in capsys.readouterr().err
    assert not (clone / "dist").exists()


def test_target_refuses_two_builds_that_differ(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter((LONG_AGO, LONG_AGO + 2))
    monkeypatch.setattr(dist, "time_of_last_commit", lambda _: next(moments))
    assert dist.main(clone) == 1
    assert not (clone / "dist").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_wheel_has_files_of_each_kind(release: Distribution, kind: str) -> None:
    assert [name for name in contents(release) if re.fullmatch(KINDS[kind], name)]


def test_wheel_has_all_files_of_the_package_and_nothing_else(release: Distribution) -> None:
    names = contents(release)
    known = re.compile("|".join(KINDS.values()))
    assert [name for name in names if not known.fullmatch(name)] == []
    package = ROOT / "src" / "watchword"
    present = {
        path.relative_to(ROOT / "src").as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in names if name.startswith("watchword/")} == present


def test_wheel_pins_no_version(release: Distribution) -> None:
    with zipfile.ZipFile(release.wheel) as wheel:
        text = wheel.read(f"watchword-{release.version}.dist-info/METADATA").decode()
    metadata = Parser().parsestr(text)
    assert metadata["Version"] == version_of(ROOT)
    required = metadata.get_all("Requires-Dist") or []
    assert required
    assert [line for line in required if "==" in line.partition(";")[0]] == []


def test_source_archive_has_all_but_the_pictures(release: Distribution) -> None:
    with tarfile.open(release.source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "uv.lock", "Makefile", "LICENSE", "docs/operations.md", "tests/run.py"} <= names
    assert [name for name in names if name.endswith(".png")] == []


def test_constraints_are_what_uv_lock_pins(release: Distribution) -> None:
    lines = release.constraints.read_text().splitlines()
    pinned = dict(line.partition(" ;")[0].split("==") for line in lines)
    packages = locked_packages()
    assert pinned == {name: packages[name]["version"] for name in pinned}
    for package in ("django", "granian", "psycopg-binary", "grpcio"):
        assert package in pinned
    # Neither the product, which is not on its own list, nor what only its tests need.
    assert not {"watchword", "pytest", "hatchling"} & set(pinned)


def test_pip_takes_the_wheel_with_the_constraints(release: Distribution) -> None:
    """The documented command; a file of constraints with a hash would make it fail."""
    command = (sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--no-index", "--ignore-installed")
    files = (release.wheel, "-c", release.constraints)
    outcome = subprocess.run((*command, *files), check=False, capture_output=True, text=True, timeout=60)
    assert f"Would install watchword-{release.version}" in outcome.stdout, outcome.stderr


def test_sbom_is_valid(release: Distribution) -> None:
    validator = JsonStrictValidator(SchemaVersion.V1_5)
    assert validator.validate_str(release.sbom.read_text()) is None
    assert validator.validate_str('{"bomFormat": "CycloneDX", "specVersion": "1.5", "components": 1}') is not None


def test_sbom_names_each_package_with_hashes_and_licence(release: Distribution) -> None:
    document = json.loads(release.sbom.read_text())
    product = document["metadata"]["component"]
    assert (product["name"], product["version"]) == ("watchword", release.version)
    assert product["purl"] == f"pkg:pypi/watchword@{release.version}"
    assert product["licenses"] == [{"expression": "Apache-2.0"}]
    packages = locked_packages()
    for component in document["components"]:
        name, version = component["name"], component["version"]
        assert component["purl"] == f"pkg:pypi/{name}@{version}"
        files = [packages[name]["sdist"]] if "sdist" in packages[name] else []
        expected = {file["hash"].removeprefix("sha256:") for file in (*files, *packages[name]["wheels"])}
        said = {digest["content"] for file in component["externalReferences"] for digest in file["hashes"]}
        assert said == expected
        # Only Windows needs tzdata, so it is not installed here to say its licence.
        assert name == "tzdata" or component["licenses"], name
    constraints = {line.partition("==")[0] for line in release.constraints.read_text().splitlines()}
    assert {component["name"] for component in document["components"]} == constraints
