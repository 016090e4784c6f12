"""Tells programs, too, when a refused request may be sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.http import HttpResponse

    from watchword.control.base.refusals import Refusal


def with_retry_after(response: HttpResponse, refusal: Refusal) -> HttpResponse:
    """The response, with the seconds that the refusal names."""
    if "seconds" in refusal.details:
        response["Retry-After"] = str(refusal.details["seconds"])
    return response
