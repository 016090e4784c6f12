"""Every state of every page, in both themes and both widths, is clean for axe, and can be read on a small screen.

A state takes a second and a half of a core. The states in `ALIKE` have no element that another state lacks: `make test`
only asks for their pages, and `make soak` looks at all of them.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest

from browser.screenshots import SIZES
from browser.structure import ALIKE, structure
from browser.studio import dress, states, studio
from kit.axe import violations
from kit.soak import FULL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from browser.studio import State, Studio

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180), pytest.mark.soak]

STATES = states()
LOOKED_AT = {name: state for name, state in STATES.items() if FULL or name not in ALIKE}
# A part of a table that is drawn as something else is no part of a table to some screen readers, unless it says so.
PARTS_WITHOUT_ROLE = """() => [...document.querySelectorAll("table, thead, tbody, tr, th, td")]
    .filter(part => !getComputedStyle(part).display.startsWith("table") && part.checkVisibility() && !part.role)
    .map(part => part.outerHTML.slice(0, 80))"""
# 320 is WCAG's reflow; 720 is a dialog of 1440 at 200 %.
SMALL = (320, 720)
SIDEWAYS = "document.documentElement.scrollWidth > innerWidth"


@pytest.fixture(scope="module")
def opened(browser: Browser) -> Iterator[Studio]:
    with studio(browser) as running:
        yield running


# Every rule in both widths and in both themes; what sees colours in every combination that differs in them.
RUNS = (("narrow", "dark", False), ("wide", "light", False), ("wide", "dark", True))


@pytest.mark.parametrize("state", LOOKED_AT.values(), ids=LOOKED_AT)
def test_state_passes_axe(opened: Studio, state: State) -> None:
    faults = []
    # Shown once and then made wider: no page asks the server again for that.
    with opened.showing(state, width=SIZES["narrow"][0], height=SIZES["narrow"][1]) as page:
        for size, theme, colours_only in RUNS:
            width, height = SIZES[size]
            page.set_viewport_size({"width": width, "height": height})
            dress(page, theme)
            where = f"{state.name}, {size}, {theme}"
            faults += [f"{where}: {violation}" for violation in violations(page, colours_only=colours_only)]
            faults += [f"{where}: no role: {part}" for part in page.evaluate(PARTS_WITHOUT_ROLE)]
        for small in SMALL:
            page.set_viewport_size({"width": small, "height": SIZES["narrow"][1]})
            if page.evaluate(SIDEWAYS):
                faults.append(f"{state.name} scrolls sideways at {small} pixels")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("name", sorted(ALIKE & STATES.keys()))
def test_state_that_is_not_looked_at_has_a_page(opened: Studio, name: str) -> None:
    assert opened.answered(STATES[name]).status < HTTPStatus.INTERNAL_SERVER_ERROR


if FULL:

    @pytest.mark.timeout(900)
    def test_states_that_are_not_looked_at_have_no_element_of_their_own(opened: Studio) -> None:
        assert STATES.keys() >= ALIKE
        elements = dict[str, frozenset[str]]()
        for name, state in STATES.items():
            with opened.showing(state, width=SIZES["narrow"][0], height=SIZES["narrow"][1]) as page:
                narrow = structure(page)
                page.set_viewport_size({"width": SIZES["wide"][0], "height": SIZES["wide"][1]})
                elements[name] = narrow | structure(page)
        seen = frozenset[str]().union(*(elements[name] for name in STATES.keys() - ALIKE))
        own = {name: sorted(elements[name] - seen) for name in ALIKE if not elements[name] <= seen}
        assert own == {}, "look at these in `make test`, too: take them out of ALIKE"


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        ("document.querySelector('main').append(document.createElement('button'))", "button-name"),
        ("document.querySelector('h1').remove()", "page-has-heading-one"),
        ("document.querySelector('.usage').style.color = '#ccc'", "color-contrast"),
        ("document.querySelectorAll('.row-actions .button').forEach(b => { b.style.width = '8px'; })", "target-size"),
    ],
)
def test_a_fault_is_found(opened: Studio, fault: str, rule: str) -> None:
    with opened.showing(STATES["servers-one"], width=1440, height=900) as page:
        page.evaluate(f"() => {{ {fault} }}")
        assert any(found.startswith(rule) for found in violations(page))


def test_a_table_part_without_role_is_found(opened: Studio) -> None:
    with opened.showing(STATES["servers-one"], width=390, height=844) as page:
        page.evaluate("() => document.querySelector('td').removeAttribute('role')")
        assert len(page.evaluate(PARTS_WITHOUT_ROLE)) == 1
