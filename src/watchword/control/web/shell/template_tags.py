"""What the portal's templates share: times, copyable texts, the rail, the theme."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast

from django import template
from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.safestring import mark_safe

from watchword.control.base.actor import SYSTEM, command_line
from watchword.control.identity.factors.passkeys import relying_party
from watchword.control.web.shell.frame import OrganizationFrame
from watchword.control.web.shell.navigation import CONSOLE, Branch, Leaf, administration, document_of, path_to
from watchword.control.web.shell.unsent import TYPED_BY
from watchword.control.web.shell.unsent import typed_by as typed_by_whom

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.template import Context
    from django.utils.safestring import SafeString

    from watchword.control.identity.models import Person
    from watchword.control.web.shell.frame import Frame

register = template.Library()

THEME_COOKIE: Final = "theme"
THEMES: Final = ("system", "light", "dark")


@register.filter
def moment(value: datetime | None) -> SafeString | str:
    """Return the absolute UTC time, which a script replaces with a relative one such as "5 minutes ago"."""
    if value is None:
        return "never"
    absolute = value.astimezone(UTC)
    return format_html(
        '<time datetime="{}" data-relative>{}</time>',
        absolute.strftime("%Y-%m-%dT%H:%M:%SZ"),
        absolute.strftime("%Y-%m-%d %H:%M:%S UTC"),
    )


@register.filter
def event_time(value: datetime) -> SafeString:
    """Return the absolute UTC time of an event. A script adds the local time where it differs."""
    absolute = value.astimezone(UTC)
    return format_html(
        '<time datetime="{}" data-local>{} UTC</time>',
        absolute.strftime("%Y-%m-%dT%H:%M:%SZ"),
        absolute.strftime("%Y-%m-%d %H:%M:%S"),
    )


@register.filter
def clock(value: datetime) -> SafeString:
    """The time of day, with the day when it is not today's; all in UTC."""
    absolute = value.astimezone(UTC)
    today = absolute.date() == timezone.now().date()
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        absolute.strftime("%Y-%m-%dT%H:%M:%SZ"),
        absolute.strftime("%Y-%m-%d %H:%M:%S UTC"),
        absolute.strftime("%H:%M UTC" if today else "%Y-%m-%d %H:%M UTC"),
    )


@register.filter
def breakable(path: str) -> SafeString:
    """A path that a line breaks at its slashes rather than inside a word."""
    return mark_safe(re.sub(r"(?<=.)/(?=.)", "/<wbr>", escape(path)))  # noqa: S308 - escaped.


@register.filter
def thousands(value: int) -> str:
    """`1204` as `1,204`; Django's own filter depends on the language."""
    return f"{value:,}"


@register.inclusion_tag("shell/copyable.html")
def copyable(text: str, label: str, *, shown: str | None = None, cut: bool = False) -> dict[str, object]:
    """Monospace text with a button that copies it. `label` names the thing for the button: "Copy key ID"."""
    return {"text": text, "label": label, "shown": shown or text, "cut": cut}


@register.filter
def by(actor: str) -> str:
    """Who changed something, as a sentence ends. People are named by their e-mail addresses."""
    return {SYSTEM.name: "automatically", command_line().name: "from the command line"}.get(actor, f"by {actor}")


@register.simple_tag
def product_name() -> str:
    name: str = settings.WATCHWORD.product_name
    return name


@register.simple_tag
def passkeys_possible() -> bool:
    """Whether browsers offer passkeys at the portal's address."""
    return relying_party() is not None


@register.simple_tag
def operators_sign_on() -> bool:
    """Whether operators have an identity provider of their own."""
    return settings.WATCHWORD.operator_sso_issuer is not None


@register.simple_tag
def menu_label(entry: str) -> str:
    """The provider's label of an entry on the way to the authorization servers, such as `api`."""
    label: str = getattr(settings.WATCHWORD, f"menu_{entry}")
    return label


@register.simple_tag
def logo() -> dict[str, str] | None:
    """The type and address of the provider's logo; None where the portal has its own mark."""
    file = settings.WATCHWORD.logo_file
    return None if file is None else {"media_type": file.media_type, "url": reverse("shell:logo", args=[file.name])}


@register.simple_tag
def support_contact() -> dict[str, str] | None:
    """How to reach the provider's support: the text to read and the address it leads to; None where it is not set."""
    contact = settings.WATCHWORD.support_contact
    if contact is None:
        return None
    return {"text": contact, "url": contact if contact.startswith("https://") else f"mailto:{contact}"}


@register.simple_tag(takes_context=True)
def documentation(context: Context) -> str | None:
    """The address of the documentation of the page; None where the provider shows none.

    A context's `document_route` names a page that the rail does not have.
    """
    base, frame = settings.WATCHWORD.documentation_url, context.get("frame")
    route = context.get("document_route") or ("" if frame is None else frame.route)
    return f"{base}/{document_of(route)}" if base else None


@register.simple_tag(takes_context=True)
def theme(context: Context) -> str:
    """The theme chosen in this browser. A cookie, so that the server sends the right one and no page flashes."""
    request: HttpRequest | None = context.get("request")
    chosen = request.COOKIES.get(THEME_COOKIE, "system") if request is not None else "system"
    # The cookie's text never reaches the page: only one of these three words does.
    return chosen if chosen in THEMES else "system"


@register.simple_tag(takes_context=True)
def first_focus(context: Context) -> SafeString:
    """What marks the place in a dialog that takes the focus first.

    Browsers complain of `autofocus` in what is put into a page, where something has the focus already; there the
    dialogs' script sees to it.
    """
    request: HttpRequest | None = context.get("request")
    return mark_safe("data-first" if getattr(request, "htmx", False) else "autofocus")  # noqa: S308 - constants.


@register.simple_tag(takes_context=True)
def typed_by(context: Context, url: str) -> SafeString:
    """The field that brings the text of a form back when the session ends meanwhile; the form opens at `url`."""
    request: HttpRequest = context["request"]
    return format_html(
        '<input type="hidden" name="{}" value="{}">', TYPED_BY, typed_by_whom(cast("Person", request.user), url)
    )


@register.simple_tag(takes_context=True)
def rail(context: Context) -> list[dict[str, Any]]:
    """The trees of the rail: the console's for operators, the organization's on its pages; the current page marked."""
    frame: Frame = context["frame"]
    trees = []
    if frame.actor.operator:
        trees.append(_branch(CONSOLE, frame, organization=None))
    if isinstance(frame, OrganizationFrame):
        trees.append(_branch(administration(), frame, organization=frame.organization.pk))
    return trees


@register.simple_tag(takes_context=True)
def breadcrumbs(context: Context) -> list[dict[str, str | None]]:
    """The way to the page. A context's `crumb` names what the page shows below the entry of the rail."""
    frame: Frame = context["frame"]
    of_provider = path_to(frame.route, CONSOLE)
    path = of_provider or path_to(frame.route, administration())
    crumbs: list[dict[str, str | None]] = [{"label": entry.label, "url": None} for entry in path]
    below = context.get("crumb")
    if below is None:
        return crumbs
    if crumbs and isinstance(path[-1], Leaf):
        crumbs[-1]["url"] = _url(path[-1], None if of_provider else context.get("organization_id"))
    return [*crumbs, {"label": str(below), "url": None}]


def _branch(branch: Branch, frame: Frame, *, organization: str | None) -> dict[str, Any]:
    return {
        "label": branch.label,
        "icon": branch.icon,
        "entries": [
            _leaf(entry, frame, organization=organization)
            if isinstance(entry, Leaf)
            else _branch(entry, frame, organization=organization)
            for entry in branch.entries
        ],
    }


def _leaf(leaf: Leaf, frame: Frame, *, organization: str | None) -> dict[str, Any]:
    return {
        "label": leaf.label,
        "url": _url(leaf, organization),
        "current": leaf.route == frame.route,
        # Operators may read every page of an organization, also those that they may not change.
        "closed": not (frame.actor.operator or frame.actor.may(leaf.permission, organization)),
    }


def _url(leaf: Leaf, organization: str | None) -> str:
    return reverse(leaf.route, args=[] if organization is None else [organization])
