"""Django's settings, read from the environment.

| variable               | means                                                    | default      |
|------------------------|----------------------------------------------------------|--------------|
| `CHAT_SECRET_KEY_FILE` | a file that only its owner can read, 50 letters or more  | needed       |
| `CHAT_DATABASE_URL`    | `sqlite:///path` or `postgresql://user@host/database`    | needed       |
| `CHAT_LANGGRAPH_URL`   | the LangGraph server, `http://host:2024`                 | needed       |
| `CHAT_ASSISTANT`       | which graph or assistant of that server answers          | `namu`       |
| `CHAT_HOSTS`           | names under which the page is asked for, with commas     | this machine |
| `CHAT_HTTPS`           | `1`: cookies travel over HTTPS only                      | `0`          |
| `CHAT_PROXY`           | `1`: a proxy sets `X-Forwarded-Proto` on every request   | `0`          |
| `CHAT_ORIGINS`         | other origins whose forms are taken, `https://host:port` | none         |

Behind a proxy that speaks HTTPS with the browser, set `CHAT_HTTPS`, `CHAT_HOSTS` and `CHAT_PROXY`.
Set `CHAT_PROXY` only if the proxy replaces what a browser wrote into `X-Forwarded-Proto`: without
such a proxy, anybody could say that a request came over HTTPS.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

ORIGIN = re.compile(r"https?://[^/\s*]+")
NAME = __package__
"""The name of this package, so that the folder works under another one too."""


def _needed(name: str, what: str) -> str:
    value = os.environ.get(name, "").strip()
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. Set it to {what}.")
    return value


def _secret(path: Path) -> str:
    try:
        mode, text = path.stat().st_mode, path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"CHAT_SECRET_KEY_FILE names {str(path)!r}, which cannot be read: {error.strerror}."
        ) from error
    if os.name != "nt" and mode & 0o077:
        raise ImproperlyConfigured(
            f"The key file {str(path)!r} can be read by others. Run: chmod 600 {path}"
        )
    if len(text) < 50:
        raise ImproperlyConfigured(
            f"The key in {str(path)!r} has {len(text)} letters and needs 50. Make one with: "
            "python -c 'import secrets; print(secrets.token_hex(32))'"
        )
    return text


def _database(url: str) -> dict[str, Any]:
    """Django's description of a database, for an address as SQLAlchemy writes it."""
    if url.startswith("sqlite:///"):
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": url.removeprefix("sqlite:///"),
            "OPTIONS": {
                # Readers do not wait for the writer, and a writer asks for its lock at once.
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
                "timeout": 20,
            },
        }
    if url.startswith(("postgresql://", "postgres://")):
        from psycopg.conninfo import conninfo_to_dict

        parts = conninfo_to_dict(url)
        names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD"}
        named = {names[key]: value for key, value in parts.items() if key in names}
        place = {"HOST": parts.get("host", ""), "PORT": parts.get("port", "")}
        pool = {"OPTIONS": {"pool": True}}
        return {"ENGINE": "django.db.backends.postgresql", **named, **place, **pool}
    raise ImproperlyConfigured(
        f"CHAT_DATABASE_URL begins with {url.split(':')[0]!r}. Give sqlite:///path or "
        "postgresql://user@host/database."
    )


def _flag(name: str) -> bool:
    text = os.environ.get(name, "").strip() or "0"
    if text not in ("0", "1"):
        raise ImproperlyConfigured(f"{name} is {text!r}. Set it to 1 or 0.")
    return text == "1"


def _names(name: str, otherwise: str) -> list[str]:
    return [each.strip() for each in os.environ.get(name, otherwise).split(",") if each.strip()]


def _origins() -> list[str]:
    found = _names("CHAT_ORIGINS", "")
    for each in found:
        if not ORIGIN.fullmatch(each):
            raise ImproperlyConfigured(
                f"CHAT_ORIGINS holds {each!r}. Write an origin: https://host, or https://host:port."
            )
    return found


SECRET_KEY = _secret(Path(_needed("CHAT_SECRET_KEY_FILE", "the path of a key file")))
DATABASES = {"default": _database(_needed("CHAT_DATABASE_URL", "sqlite:///chat.sqlite3, say"))}
CHAT_LANGGRAPH_URL = _needed("CHAT_LANGGRAPH_URL", "the LangGraph server, http://127.0.0.1:2024")
CHAT_ASSISTANT = os.environ.get("CHAT_ASSISTANT", "").strip() or "namu"
CHAT_SITE = "chat"
"""Marks the threads of this site in the metadata, beside those of other programs."""
CHAT_MAX_LETTERS = 4_000
"""How long a message may be, in letters."""
CHAT_SUMMARISE = f"{NAME}.summaries.summarise"
"""The function that makes a summary of older messages: `summarise(messages, language)`."""

ALLOWED_HOSTS = _names("CHAT_HOSTS", "127.0.0.1,localhost")
CSRF_TRUSTED_ORIGINS = _origins()
DEBUG = False  # its error pages show the settings and every local variable
DATA_UPLOAD_MAX_MEMORY_SIZE = 65_536
ASGI_APPLICATION = f"{NAME}.asgi.application"
ROOT_URLCONF = f"{NAME}.urls"
INSTALLED_APPS = [
    f"{NAME}.chat",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    f"{NAME}.chat.middleware.page_policy",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                f"{NAME}.chat.words.words_for_templates",
            ]
        },
    }
]
AUTH_USER_MODEL = "chat.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "chat:home"
LOGOUT_REDIRECT_URL = "login"
CSRF_FAILURE_VIEW = f"{NAME}.chat.problems.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = _flag("CHAT_HTTPS")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _flag("CHAT_PROXY") else None
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME, LANGUAGE_COOKIE_NAME = (
    "chat_session",
    "chat_csrf",
    "chat_lang",
)
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ko", "한국어")]
STATIC_URL = "static/"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
