"""Prints the OpenAPI document of the code, for `openapi.json`."""

from __future__ import annotations

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "watchword.control.settings")
django.setup()

from watchword.control.api.openapi import document, text_of  # noqa: E402 - needs Django to be set up.
from watchword.control.api.urls import api  # noqa: E402

sys.stdout.write(text_of(document(api)))
