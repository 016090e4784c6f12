"""WCAG 2.2 AA, computed from the tokens: 4.5 for text, 3 for the edges of controls and for signs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from watchword.control.web import shell

TOKENS = (Path(shell.__file__).parent / "static/portal/css/tokens.css").read_text()
PAIR = re.compile(r"--([a-z-]+):\s*light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)")
SINGLE = re.compile(r"--([a-z-]+):\s*(#[0-9a-f]{6});")
COLOURS = {name: (light, dark) for name, light, dark in PAIR.findall(TOKENS)} | {
    name: (colour, colour) for name, colour in SINGLE.findall(TOKENS)
}
GROUNDS = ("paper", "surface", "sunken", "raised", "hover", "band")

TEXT = [
    *((text, ground) for text in ("text", "text-soft") for ground in GROUNDS),
    *((text, ground) for text in ("accent", "warn", "bad", "good") for ground in ("paper", "surface", "raised")),
    *((tone, f"{tone}-soft") for tone in ("accent", "warn", "bad", "good")),
    *((text, f"{tone}-soft") for text in ("text", "text-soft") for tone in ("accent", "warn", "bad", "good")),
    *(("on-accent", fill) for fill in ("accent-fill", "accent-fill-hover", "bad-fill", "bad-fill-hover")),
]
EDGES = [
    *(("line-strong", ground) for ground in ("paper", "surface", "sunken", "raised")),
    *(("accent", ground) for ground in ("paper", "surface", "sunken", "raised")),
    *(("accent-fill", ground) for ground in ("paper", "surface", "raised")),
    *(("bad", ground) for ground in ("surface", "raised")),
]


def luminance(colour: str) -> float:
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXT)
def test_text_can_be_read(text: str, ground: str, theme: int) -> None:
    assert contrast(COLOURS[text][theme], COLOURS[ground][theme]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("edge", "ground"), EDGES)
def test_controls_and_signs_can_be_seen(edge: str, ground: str, theme: int) -> None:
    assert contrast(COLOURS[edge][theme], COLOURS[ground][theme]) >= 3


def test_the_formula_is_the_one_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
