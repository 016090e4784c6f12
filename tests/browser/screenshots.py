"""Takes the portal's pictures: `make screenshots`. A live portal with sample data, no network, both themes.

Without options the README's pictures are written to docs/screenshots. With --all FOLDER every state of every page, at
1440 and 390 pixels, goes to FOLDER: for looking at a change of the design.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

WIDE = (1440, 900)
NARROW = (390, 844)
HERO = (1440, 760)
README = (("servers", "hero"), ("validation", "add-validated"))
THEMES = ("light", "dark")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="every state instead of the README's pictures")
    parser.add_argument("--only", default="", metavar="TEXT", help="with --all: only states with this in their name")
    arguments = parser.parse_args()

    sys.path.insert(0, str(ROOT / "tests"))
    os.environ["DJANGO_SETTINGS_MODULE"] = "kit.settings"
    import django  # noqa: PLC0415 - after the environment that the settings are read from.

    django.setup()
    from browser.studio import STATES, studio  # noqa: PLC0415 - needs Django to be set up.

    with studio() as pictures:
        if arguments.all is None:
            known = {state.name: state for state in STATES}
            for name, source in README:
                for theme in THEMES:
                    path = ROOT / "docs" / "screenshots" / f"{name}-{theme}.png"
                    pictures.take(known[source], theme=theme, width=HERO[0], height=HERO[1], path=path)
            return 0
        for state in STATES:
            if arguments.only not in state.name:
                continue
            for theme in THEMES:
                for label, (width, height) in (("wide", WIDE), ("narrow", NARROW)):
                    path = arguments.all / f"{state.name}-{theme}-{label}.png"
                    pictures.take(state, theme=theme, width=width, height=height, path=path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
