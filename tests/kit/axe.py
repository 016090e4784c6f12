"""axe-core in a page of the portal: accessibility violations as sentences."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.sync_api import Page

SOURCE: Final = Path(__file__).resolve().parent.parent / "peers/axe/node_modules/axe-core/axe.min.js"
TAGS: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
"""WCAG 2.0, 2.1 and 2.2, levels A and AA, and axe's own recommendations. All their rules run."""

OF_COLOURS: Final = ("color-contrast", "link-in-text-block")
"""The rules among them that see which theme is drawn; all others look at the same document in both."""

_RUN: Final = """([type, values]) => axe.run(document, {
    runOnly: {type, values},
    resultTypes: ["violations"],
}).then(found => found.violations.map(({id, help, nodes}) => ({
    id, help, nodes: nodes.map(({target, failureSummary}) => ({target: target.flat().join(" "), failureSummary})),
})))"""


@cache
def _source() -> str:
    return SOURCE.read_text()


def violations(page: Page, *, colours_only: bool = False) -> list[str]:
    """Rule, element and what is wrong, for each violation; of all rules, or of those that see colours.

    The script is injected by the debugger, outside of the page's Content-Security-Policy, so that the page under
    test is the real one.
    """
    if not page.evaluate("'axe' in window"):
        session = page.context.new_cdp_session(page)
        session.send("Runtime.evaluate", {"expression": _source()})
        session.detach()
    return [
        f"{rule['id']} ({rule['help']}): {node['target']}: {' '.join(node['failureSummary'].split())}"
        for rule in page.evaluate(_RUN, ["rule", OF_COLOURS] if colours_only else ["tag", TAGS])
        for node in rule["nodes"]
    ]
