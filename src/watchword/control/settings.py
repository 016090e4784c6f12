"""Django's settings, built from ControlSettings. Every security option is spelled out beside its reason."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from django.utils.functional import SimpleLazyObject

from watchword.control.static_digest import OWN_FILES, static_digest
from watchword.settings.load import load_control_settings

WATCHWORD = load_control_settings()
"""The settings of the product, for code of the control plane that needs them."""

_SECURE = WATCHWORD.secure
_WEB: Final = Path(__file__).parent / "web"
_API: Final = Path(__file__).parent / "api"

# Lazy, because type checkers and `makemigrations --check` import this module and must not leave a key file behind.
SECRET_KEY = SimpleLazyObject(WATCHWORD.read_or_create_secret_key)
# Debug pages show settings and variables to whoever causes an error. There is no switch for it.
DEBUG = False
# Any other Host header is refused, so that no link, redirect or cache entry is made of one (J-25).
ALLOWED_HOSTS = [urlsplit(WATCHWORD.public_origin).hostname or ""]
CSRF_TRUSTED_ORIGINS = [WATCHWORD.public_origin]
USE_X_FORWARDED_HOST = False

INSTALLED_APPS = [
    # Needed by Django's sign-in and session code; its groups and permissions are not used.
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.staticfiles",
    "django_htmx",
    "heroicons",
    # For its static files: Swagger UI.
    "ninja",
    "watchword.control.apps.OrganizationsConfig",
    "watchword.control.apps.IdentityConfig",
    "watchword.control.apps.AuditConfig",
    "watchword.control.apps.ServersConfig",
    "watchword.control.apps.ActivityConfig",
    "watchword.control.apps.FleetConfig",
]

MIDDLEWARE = [
    "watchword.control.entrance.middleware.FailingPages",
    "watchword.control.web.shell.middleware.SecurityHeaders",
    # Before everything that reads a cookie: to the API, cookies mean nothing.
    "watchword.control.api.middleware.ApiRequests",
    "watchword.control.entrance.readable_requests.ReadableRequests",
    "watchword.control.entrance.middleware.StaticFiles",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "watchword.control.web.shell.middleware.SessionUse",
    "watchword.control.web.shell.refused_requests.ForbiddenPages",
    "django_htmx.middleware.HtmxMiddleware",
    "watchword.control.web.shell.middleware.Refusals",
]

ROOT_URLCONF = "watchword.control.urls"
ASGI_APPLICATION = "watchword.control.entrance.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # The parts of the web are folders with templates; only rooms with tables are apps of Django.
        "DIRS": [*sorted(_WEB.glob("*/templates")), _API / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": ["django.template.context_processors.request"],
            "libraries": {"portal": "watchword.control.web.shell.template_tags"},
        },
    }
]

DATABASES = {"default": WATCHWORD.database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "identity.Person"
AUTHENTICATION_BACKENDS = ["watchword.control.identity.backend.PasswordBackend"]
# Argon2id; the scheme that the Password Hashing Competition chose, and memory-hard. Few hashes at the same time.
PASSWORD_HASHERS = ["watchword.control.identity.passwords.BoundedArgon2"]
# What can be chosen is decided in access/passwords.py, which knows the organization; Django's own validators do not.
AUTH_PASSWORD_VALIDATORS: list[dict[str, str]] = []
LOGIN_URL = "sign_in:sign-in"

# __Host- makes browsers refuse the cookie unless it came by https, for this host alone and without a Domain, so that
# no neighbouring host can plant one. Browsers refuse that prefix over plain http, which is allowed on loopback only.
_COOKIE_PREFIX = "__Host-" if _SECURE else ""
SESSION_COOKIE_NAME = f"{_COOKIE_PREFIX}watchword_session"
SESSION_COOKIE_SECURE = _SECURE
SESSION_COOKIE_HTTPONLY = True
# Lax and not Strict, so that a link in a mail opens the portal signed in; every change is a POST with a CSRF token.
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_PATH = "/"
SESSION_COOKIE_DOMAIN = None
# Absolute limit in seconds; the session store enforces it on the server, and the idle limit.
SESSION_COOKIE_AGE = 12 * 3600
SESSION_SAVE_EVERY_REQUEST = False
# A table of our own, which knows whose session it is and holds no key that would open it.
SESSION_ENGINE = "watchword.control.identity.session_store"
# Never pickle: whoever could write a session would run code.
SESSION_SERIALIZER = "django.contrib.sessions.serializers.JSONSerializer"
CSRF_COOKIE_NAME = f"{_COOKIE_PREFIX}watchword_csrf"
CSRF_COOKIE_SECURE = _SECURE
# Pages carry the token in the form and in hx-headers; no script needs to read the cookie.
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_PATH = "/"
CSRF_COOKIE_DOMAIN = None
CSRF_FAILURE_VIEW = "watchword.control.web.sign_in.sign_in_again.form_expired"

# The form with a registration is small; nothing is uploaded.
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 100
DATA_UPLOAD_MAX_NUMBER_FILES = 0

# The digest of all static files is part of their address, so they can be cached for ever and need no build step.
STATICFILES_DIRS = [OWN_FILES]
STATIC_URL = f"/static/{static_digest()}/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_MAX_AGE = 365 * 86400
WHITENOISE_ALLOW_ALL_ORIGINS = False


def WHITENOISE_IMMUTABLE_FILE_TEST(path: str, url: str) -> bool:  # noqa: ARG001, N802 - the name and the shape are WhiteNoise's.
    return True


LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

# structlog configures logging where a process starts (cli); Django must not install handlers of its own.
LOGGING_CONFIG = None
