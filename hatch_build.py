"""Compiles the kernel's part of each request to machine code, in builds that ask for it: docs/decisions/0011."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMPILED = (
    "base64url",
    "bearer",
    "claims",
    "compact",
    "dss_signature",
    "entitlement",
    "header",
    "jwk",
    "profile",
    "signature",
    "strict_json",
    "trust",
    "verify",
)
"""The modules of `watchword.core` that run for every token, and the two whose objects they look into."""


class CompiledKernel(BuildHookInterface[Any]):
    """Adds extension modules to a wheel, beside the sources that they were made from; an import finds them first."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile. An editable installation stays as it is written, or an edit would change nothing."""
        if version == "editable":
            return
        # Only a build that compiles brings these.
        from mypyc.build import mypycify  # noqa: PLC0415
        from setuptools import Distribution  # type: ignore[import-untyped]  # noqa: PLC0415

        self._folder = TemporaryDirectory()
        made, built = f"{self._folder.name}/c", f"{self._folder.name}/built"
        modules = [f"{self.root}/src/watchword/core/{name}.py" for name in COMPILED]
        # The types are the compiler's guide: they are checked once more, without Django's plugin to read the settings.
        extensions = mypycify(["--config-file=", "--strict", *modules], group_name="watchword_kernel", target_dir=made)
        distribution = Distribution({"ext_modules": extensions})
        command: Any = distribution.get_command_obj("build_ext")
        command.build_lib, command.build_temp = built, made
        distribution.run_command("build_ext")
        build_data.update(pure_python=False, infer_tag=True)
        for file in Path(built).rglob("*.*"):
            build_data["force_include"][str(file)] = str(file.relative_to(built))

    def finalize(self, version: str, _build_data: dict[str, Any], _artifact_path: str) -> None:
        """Remove what was only made for the wheel."""
        if version != "editable":
            self._folder.cleanup()
