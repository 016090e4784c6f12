"""docs/settings.md, made of the settings' definitions: `python -m watchword.settings.reference > docs/settings.md`."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from typing import TYPE_CHECKING, Any

from watchword.settings.base import PlaneSettings, variable_of
from watchword.settings.control import ControlSettings
from watchword.settings.variables import OTHER_VARIABLES
from watchword.settings.verifier import VerifierSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

WIDTH = 100

INTRODUCTION = """\
# Settings

All settings of Watchword, made of their definitions in `src/watchword/settings`; a test keeps both
equal. [operations.md](operations.md) says which of them an installation needs.

- A flag wins over the environment, the environment over the file: `watchword.toml` in the working
  directory, or the one that `WATCHWORD_CONFIG` names.
- In the file, the settings of verifiers stand in the table `[verifier]`: `verifier.port` is `port`
  there. Lists are TOML lists; in the environment they are written with commas.
- Every role and command refuses unknown names, and values outside the bounds.
- `watchword config check` shows the values in use and says what would stop a start.
"""

HEADINGS: dict[type[PlaneSettings], tuple[str, str]] = {
    ControlSettings: (
        "Control plane",
        "Portal, worker and the commands that open the database. Give all portals and workers the same values.",
    ),
    VerifierSettings: ("Verifiers", "Each verifier has settings of its own."),
}

TYPES = {"path": "path", "password": "text, kept secret", "ipv4network": "network", "ipv6network": "network"}
PLURALS = {"text": "texts", "network": "networks", "whole number": "whole numbers"}


def render() -> str:
    """The whole page."""
    sections = [INTRODUCTION]
    for plane, (heading, sentence) in HEADINGS.items():
        sections += [f"## {heading}\n\n{_folded(sentence)}\n", *_settings(plane)]
    sections.append("## Other variables\n\nIn the environment only.\n")
    sections += [f"### `{variable}`\n\n{_folded(meaning)}\n" for variable, meaning in OTHER_VARIABLES.items()]
    return "\n".join(sections)


def meanings(plane: type[PlaneSettings]) -> dict[str, str]:
    """The docstring below each setting."""
    found = {}
    for part in (given for given in plane.__mro__ if issubclass(given, PlaneSettings)):
        body = ast.parse(textwrap.dedent(inspect.getsource(part))).body[0]
        assert isinstance(body, ast.ClassDef)  # noqa: S101 - tells the type.
        for statement, below in zip(body.body, body.body[1:], strict=False):
            match statement, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    found[name] = inspect.cleandoc(text)
    return {name: found[name] for name in plane.model_fields}


def _settings(plane: type[PlaneSettings]) -> Iterator[str]:
    properties = plane.model_json_schema()["properties"]
    for name, meaning in meanings(plane).items():
        full_name = name if plane.table is None else f"{plane.table}.{name}"
        facts = (
            f"- variable: `{variable_of(full_name)}`",
            f"- value: {_value(properties[name])}",
            f"- default: {_default(properties[name].get('default'))}",
        )
        yield "\n".join((f"### `{full_name}`", "", _folded(meaning), "", *facts, ""))


def _value(schema: Mapping[str, Any]) -> str:
    """The type and bounds of a setting, from its JSON schema."""
    if "anyOf" in schema:
        kinds = (_value(option) for option in schema["anyOf"] if option.get("type") != "null")
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in schema:
        return " or ".join(f"`{option}`" for option in schema["enum"])
    if schema["type"] == "array":
        kind, _, bounds = _value(schema["items"]).partition(" from ")
        return f"list of {PLURALS[kind]}{f' from {bounds}' if bounds else ''}"
    if schema["type"] == "integer":
        return f"whole number from {schema['minimum']} to {schema['maximum']}"
    if schema["type"] == "boolean":
        return "`true` or `false`"
    kind = TYPES.get(schema.get("format", ""), "text")
    if "maxLength" in schema:
        kind += f" of {schema['minLength']} to {schema['maxLength']} characters"
    return kind if "pattern" not in schema else f"{kind} that match `{schema['pattern']}`"


def _default(default: Any) -> str:
    if default is None:
        return "not set"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, list):
        return ", ".join(f"`{entry}`" for entry in default) or "none"
    return f"`{default}`"


def _folded(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), WIDTH, break_long_words=False, break_on_hyphens=False)


if __name__ == "__main__":
    sys.stdout.write(render())
