"""The reference: the committed OpenAPI document, and Swagger UI, which shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from watchword.control.api.openapi import FILE

if TYPE_CHECKING:
    from django.http import HttpRequest

_DOCUMENT: Final = FILE.read_bytes()


@require_safe
def openapi_document(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - every view gets it.
    """Return the file as it is. It says nothing about this installation, so it needs no credentials."""
    return HttpResponse(_DOCUMENT, content_type="application/json")


@require_safe
def swagger_ui(request: HttpRequest) -> HttpResponse:
    return render(request, "api/reference.html", {"document": reverse("api-reference:document")})
