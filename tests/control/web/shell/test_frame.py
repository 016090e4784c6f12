"""What surrounds every page: rail, breadcrumbs, theme, times, and nothing that the policy would block."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from django.template import Context, Template
from django.test import RequestFactory

from watchword.control import web
from watchword.control.web.shell.navigation import administration, path_to
from watchword.control.web.shell.notices import Notice, leave, take
from watchword.control.web.shell.template_tags import clock, moment, theme

TEMPLATES = sorted(Path(web.__file__).parent.rglob("*.html"))


def test_the_breadcrumbs_are_the_specifications_path() -> None:
    path = [entry.label for entry in path_to("servers:list", administration())]
    assert path == ["Administration", "API Configuration", "Legacy API", "Internet & SaaS API"]
    assert path_to("no:such-page", administration()) == ()


def test_moment_is_the_utc_time_until_the_script_makes_it_relative() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    expected = '<time datetime="2026-01-02T03:04:05Z" data-relative>2026-01-02 03:04:05 UTC</time>'
    assert moment(at) == expected
    assert moment(at.astimezone(timezone(timedelta(hours=2)))) == expected
    assert moment(None) == "never"


def test_the_time_of_another_day_names_the_day() -> None:
    assert ">2026-01-02 03:04 UTC</time>" in clock(datetime(2026, 1, 2, 3, 4, tzinfo=UTC))
    assert re.search(r">\d\d:\d\d UTC</time>", clock(datetime.now(UTC)))


@pytest.mark.parametrize(
    ("cookie", "chosen"),
    [("dark", "dark"), ("light", "light"), ("system", "system"), ('"><script>', "system"), ("", "system")],
)
def test_only_a_known_theme_reaches_the_page(cookie: str, chosen: str) -> None:
    request = RequestFactory().get("/")
    request.COOKIES["theme"] = cookie
    assert theme(Context({"request": request})) == chosen


def test_a_page_without_request_has_the_systems_theme() -> None:
    assert theme(Context({})) == "system"


def test_copyable_text_is_escaped() -> None:
    html = Template('{% load portal %}{% copyable kid "key ID" %}').render(Context({"kid": '"><script>alert(1)'}))
    assert "<script>" not in html
    assert "&quot;&gt;&lt;script&gt;" in html


class Session(dict[str, object]):
    pass


def test_notices_are_given_out_once_and_bounded() -> None:
    request = RequestFactory().get("/")
    request.session = Session()  # type: ignore[assignment]
    for number in range(7):
        leave(request, Notice(f"number {number}", warning=number == 6))
    waiting = take(request)
    assert [notice.sentence for notice in waiting] == [f"number {number}" for number in range(2, 7)]
    assert waiting[-1].warning
    assert take(request) == ()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_needs_what_the_content_security_policy_forbids(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\sstyle=", text), "inline style"
    assert not re.search(r"\son[a-z]+=", text), "inline event handler"
    assert not re.search(r"\shx-on", text), "htmx would have to evaluate it"
    assert not re.search(r"<script(?![^>]*\bsrc=)", text), "inline script"
    assert "|safe" not in text
    assert "autoescape off" not in text


def test_htmx_neither_evaluates_nor_brings_styles_of_its_own() -> None:
    document = (Path(web.__file__).parent / "shell/templates/shell/document.html").read_text()
    assert '"includeIndicatorStyles":false' in document
    assert '"allowEval":false' in document
    assert '"attributesToSettle":["class"]' in document
    assert '"historyEnabled":false' in document
