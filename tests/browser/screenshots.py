"""Takes the portal's pictures: `make screenshots`. A live portal with sample data, no network, a clock that stands.

Every state of every page, light and dark, at 1440 and 390 pixels, goes to .cache/screenshots, which git ignores, with
an index. `make screenshots ARGS="--only servers"` takes those of one page. `ARGS=--documents` takes the dozen that
README and documents show, in docs/screenshots.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterable

    from browser.studio import State, Studio

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / ".cache" / "screenshots"
DOCUMENTS = ROOT / "docs" / "screenshots"

SIZES = {"wide": (1440, 900), "narrow": (390, 844)}
THEMES = ("light", "dark")
README = {"servers": "servers-keys", "validation": "servers-add-validated"}
"""The README's pictures by their names, and the states that they show; in both themes."""
README_SIZE = (1440, 760)
SHOWN = (
    "servers-empty",
    "servers-expired",
    "metadata-offered",
    "calling",
    "activity",
    "audit-mixed",
    "console-organizations",
    "console-gateways-haproxy",
    "single-sign-on-okta",
    "single-sign-on-entra-id",
    "single-sign-on-keycloak",
)
"""The states that docs/screenshots shows beside these, wide and light."""
COLOURS = 256
"""Of each picture: a quarter of the bytes, and no channel of any pixel is off by more than 7 of 255."""
GROUNDS = 96
"""How many of the most frequent colours come out exactly as they were, so that no ground looks tinted."""


def reduced(picture: bytes) -> bytes:
    """The picture with a palette, as small as a PNG gets; the same bytes for the same picture."""
    with Image.open(io.BytesIO(picture)) as opened:
        whole = opened.convert("RGB")
    few = whole.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.putpalette(with_grounds(whole, few))
    out = io.BytesIO()
    few.save(out, "PNG", optimize=True)
    return out.getvalue()


def with_grounds(whole: Image.Image, few: Image.Image) -> list[int]:
    """The palette of `few`, each entry the most frequent colour of `whole` that it stands for."""
    palette, pixels, entries = few.getpalette() or [], whole.tobytes(), few.tobytes()
    settled: set[int] = set()
    counted = whole.getcolors(whole.width * whole.height) or []
    for _, colour in sorted(counted, reverse=True)[:GROUNDS]:
        assert isinstance(colour, tuple)
        at = pixels.find(bytes(colour))
        while at % 3:
            at = pixels.find(bytes(colour), at + 1)
        entry = entries[at // 3]
        if entry not in settled:
            settled.add(entry)
            palette[3 * entry : 3 * entry + 3] = colour
    return palette


def take(studio: Studio, state: State, names: dict[str, Path], size: tuple[int, int], *, whole: bool) -> None:
    """One picture for each theme of `names`."""
    from browser.studio import dress  # noqa: PLC0415 - needs Django to be set up.

    with studio.showing(state, width=size[0], height=size[1]) as page:
        for theme, path in names.items():
            dress(page, theme)
            picture = page.screenshot(full_page=whole, animations="disabled", caret="hide")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(reduced(picture))


def take_all(studio: Studio, chosen: Iterable[State], folder: Path) -> None:
    for state in chosen:
        for size, pixels in SIZES.items():
            names = {theme: folder / file_name(state, size, theme) for theme in THEMES}
            take(studio, state, names, pixels, whole=state.whole)


def file_name(state: State, size: str, theme: str) -> str:
    return f"{state.name}-{size}-{theme}.png"


def take_documents(studio: Studio, known: dict[str, State], folder: Path) -> None:
    """The pictures of README and documents, and their page. Others in the folder are removed."""
    for picture in folder.glob("*.png"):
        picture.unlink()
    shown = {f"{name}-light": source for name, source in README.items()} | {name: name for name in SHOWN}
    for name, source in README.items():
        themes = {theme: folder / f"{name}-{theme}.png" for theme in THEMES}
        take(studio, known[source], themes, README_SIZE, whole=False)
    for name in SHOWN:
        take(studio, known[name], {"light": folder / f"{name}.png"}, SIZES["wide"], whole=False)
    lines = ["# Pictures of the portal", "", "A dozen of its states; `make screenshots` takes all of them."]
    for name, source in shown.items():
        lines += ["", f"## {sentence(known[source])}", "", f"![{source}]({name}.png)"]
    (folder / "README.md").write_text("\n".join(lines) + "\n")


def sentence(state: State) -> str:
    return (state.sentence or state.name.replace("-", " ").capitalize()).removesuffix(".")


def index(states: Iterable[State]) -> str:
    """The page that shows them all."""
    lines = ["# Every state of every page"]
    for state in states:
        names = [file_name(state, size, theme) for size in SIZES for theme in THEMES]
        lines += ["", f"## {state.name}", "", f"{sentence(state)}.", ""]
        lines += [" ".join(f"[![{name}]({name})]({name})" for name in names)]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="TEXT", help="only states with this in their name")
    parser.add_argument("--to", type=Path, metavar="FOLDER", help="write there instead")
    parser.add_argument("--documents", action="store_true", help="only those of README and documents")
    arguments = parser.parse_args()

    sys.path.insert(0, str(ROOT / "tests"))
    os.environ["DJANGO_SETTINGS_MODULE"] = "kit.settings"
    import django  # noqa: PLC0415 - after the environment that the settings are read from.

    django.setup()
    from browser.studio import states, studio  # noqa: PLC0415 - needs Django to be set up.
    from kit.browser import chromium  # noqa: PLC0415 - beside tests on the path.

    known = states()
    with chromium() as browser, studio(browser) as opened:
        if arguments.documents:
            take_documents(opened, known, arguments.to or DOCUMENTS)
            return 0
        folder = arguments.to or FOLDER
        take_all(opened, [state for state in known.values() if arguments.only in state.name], folder)
    if not arguments.only:
        (folder / "README.md").write_text(index(known.values()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
