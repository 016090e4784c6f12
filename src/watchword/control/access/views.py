from __future__ import annotations

from django.http import HttpRequest, HttpResponse


def start(request: HttpRequest) -> HttpResponse:
    return HttpResponse("soon")


sign_in = sign_out = start


def set_password(request: HttpRequest, secret: str) -> HttpResponse:
    return HttpResponse("soon")
