"""The `watchword` command. `main` is the entry point; each command group has a file."""

from watchword.cli.root import main

__all__ = ["main"]
