"""The portal's addresses, and below /pictures/ the answers that no press of a button brings about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import render
from django.urls import include, path

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


def answer(request: HttpRequest, status: int) -> HttpResponse:
    return render(request, f"{status}.html", status=status)


urlpatterns = [path("pictures/<int:status>", answer), path("", include("watchword.control.web.urls"))]
