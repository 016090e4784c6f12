"""What the portal's templates share: times, copyable texts, the rail, the theme."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from django import template
from django.urls import reverse
from django.utils.html import format_html

from watchword.control.portal.moments import elapsed, relative
from watchword.control.portal.navigation import ADMINISTRATION, Branch, Leaf, path_to

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.template import Context
    from django.utils.safestring import SafeString

register = template.Library()

THEME_COOKIE: Final = "theme"
THEMES: Final = ("system", "light", "dark")


@register.filter
def moment(value: datetime | None) -> SafeString | str:
    """A relative time; the absolute UTC time is its title and its machine-readable value."""
    if value is None:
        return "never"
    absolute = value.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{}" data-relative>{}</time>',
        absolute.strftime("%Y-%m-%dT%H:%M:%SZ"),
        absolute.strftime("%Y-%m-%d %H:%M:%S UTC"),
        relative(absolute, datetime.now(UTC)),
    )


@register.filter
def clock(value: datetime) -> SafeString:
    """The time of day, with the day when it is not today's; all in UTC."""
    absolute = value.astimezone(UTC)
    today = absolute.date() == datetime.now(UTC).date()
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        absolute.strftime("%Y-%m-%dT%H:%M:%SZ"),
        absolute.strftime("%Y-%m-%d %H:%M:%S UTC"),
        absolute.strftime("%H:%M UTC" if today else "%Y-%m-%d %H:%M UTC"),
    )


@register.filter
def duration_since(value: datetime) -> str:
    return elapsed((datetime.now(UTC) - value).total_seconds())


@register.inclusion_tag("portal/copyable.html")
def copyable(text: str, label: str, *, shown: str | None = None, cut: bool = False) -> dict[str, object]:
    """Monospace text with a button that copies it. `label` names the thing for the button: "Copy key ID"."""
    return {"text": text, "label": label, "shown": shown or text, "cut": cut}


@register.simple_tag(takes_context=True)
def theme(context: Context) -> str:
    """The theme chosen in this browser. A cookie, so that the server sends the right one and no page flashes."""
    request: HttpRequest | None = context.get("request")
    chosen = request.COOKIES.get(THEME_COOKIE, "system") if request is not None else "system"
    # The cookie's text never reaches the page: only one of these three words does.
    return chosen if chosen in THEMES else "system"


@register.simple_tag(takes_context=True)
def rail(context: Context) -> dict[str, Any]:
    """The rail's tree for the organization in the context, with the entry of the current page marked."""
    return _branch(ADMINISTRATION, organization=context["organization_id"], current=str(context.get("rail_route", "")))


@register.simple_tag(takes_context=True)
def breadcrumbs(context: Context) -> tuple[str, ...]:
    return path_to(str(context.get("rail_route", "")))


def _branch(branch: Branch, *, organization: str, current: str) -> dict[str, Any]:
    return {
        "label": branch.label,
        "icon": branch.icon,
        "entries": [
            _leaf(entry, organization=organization, current=current)
            if isinstance(entry, Leaf)
            else _branch(entry, organization=organization, current=current)
            for entry in branch.entries
        ],
    }


def _leaf(leaf: Leaf, *, organization: str, current: str) -> dict[str, Any]:
    return {"label": leaf.label, "url": reverse(leaf.route, args=[organization]), "current": leaf.route == current}
