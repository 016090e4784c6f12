"""docs/commands.md, made of the commands' own help: `python -m watchword.cli.reference > docs/commands.md`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTH = 100

INTRODUCTION = """\
# The command line

`watchword demo` shows everything working on temporary data; `watchword serve` runs portal, worker
and verifier on one machine. In production each role runs by itself (`watchword serve
portal|worker|verifier`), after `watchword migrate`.

The commands of the list's second part, from `watchword login` on, use the management API only. They
work from any machine with an API key, and need none of the settings:
[plan-and-apply.md](plan-and-apply.md). Of the first part, `organization`, `administrator`,
`operator`, `verifier`, `audit`, `migrate` and `token check` work on the database, so they also work
while the portal is down; `gateway` and `config` read the settings.

- **Settings** come from flags, then from the environment (`WATCHWORD_…`), then from a file:
  `watchword.toml` in the working directory, or the one named by `--config`. The verifier's are in
  its table `[verifier]`, or start with `WATCHWORD_VERIFIER_`. `watchword config check` shows them
  all and says what would stop a start; [settings.md](settings.md) explains each.
- **Results** go to standard output, everything else to standard error. For programs, commands on
  the database and the settings print JSON with `--json`, and commands of the management API with
  `--output json` (or `yaml`). `export` always prints YAML, `audit-events export` JSON Lines.
  Commands without a result, such as `servers enable`, have no such option.
- **Exit status**: 0 done, or allowed; 1 refused, denied or failed; 2 wrong usage or a wrong
  setting. With `--detailed-exitcode`, `plan` and `apply` also exit with 2 if there are changes.
- **Secrets** (tokens, passwords, API keys) are read from standard input or a file. They are never
  arguments, which every user of a machine can read.
- Colours only at a terminal and without `NO_COLOR`. `--debug` adds the traceback to a failure.

The sections below are the commands' own `--help`; a test keeps them equal.
"""


def render(root: click.Group) -> str:
    """The whole page."""
    sections = [INTRODUCTION]
    sections += [f"## {path}\n\n```\n{text}\n```\n" for path, text in help_pages(root, "watchword")]
    return "\n".join(sections)


def help_pages(command: click.Command, path: str, parent: click.Context | None = None) -> Iterator[tuple[str, str]]:
    """Every command's path and help, folded at 100 columns at every terminal."""
    context = click.Context(
        command,
        info_name=path.rpartition(" ")[2],
        parent=parent,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        help_option_names=["-h", "--help"],
    )
    yield path, command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None:
                yield from help_pages(below, f"{path} {name}", context)


def main() -> None:
    from watchword.cli.root import watchword

    click.echo(render(watchword), nl=False)


if __name__ == "__main__":
    main()
