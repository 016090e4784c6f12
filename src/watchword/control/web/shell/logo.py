"""The provider's logo. The settings hold the bytes that were checked at the start; nothing is read from disk here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.http import Http404, HttpResponse
from django.urls import path
from django.views.decorators.http import require_safe

if TYPE_CHECKING:
    from django.http import HttpRequest

# Another logo has another name.
KEPT_FOR_EVER: Final = "public, max-age=31536000, immutable"


@require_safe
def logo(request: HttpRequest, name: str) -> HttpResponse:  # noqa: ARG001 - every view gets it.
    file = settings.WATCHWORD.logo_file
    if file is None or file.name != name:
        raise Http404
    return HttpResponse(file.content, content_type=file.media_type, headers={"Cache-Control": KEPT_FOR_EVER})


app_name = "shell"
urlpatterns = [path("logo/<str:name>", logo, name="logo")]
