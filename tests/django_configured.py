"""Django's settings for tests in one process, without `DJANGO_SETTINGS_MODULE`.

The variable would reach every child process of the other tests, and the settings need a key file.
Importing this module configures Django, as pytest-django does from a project's own `pytest.ini`.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from importlib import import_module
from pathlib import Path

import django
import pytest
from django.conf import settings

SCRATCH = tempfile.TemporaryDirectory(prefix="course-django-test-")
"""Removed when the process ends."""


def _configure(folder: Path) -> None:
    key = folder / "secret.key"
    key.touch(mode=0o600)
    key.write_text(secrets.token_hex(32))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHAT_SECRET_KEY_FILE", str(key))
        patch.setenv("CHAT_DATABASE_URL", f"sqlite:///{folder / 'chat.sqlite3'}")
        patch.setenv("CHAT_LANGGRAPH_URL", "http://127.0.0.1:9")
        module = import_module("course_lib.django_app.settings")
    values = {name: getattr(module, name) for name in dir(module) if name.isupper()}
    # A file: the tables of a database in memory are locked when two threads meet.
    values["DATABASES"]["default"]["TEST"] = {"NAME": str(folder / "test.sqlite3")}
    values["LOGGING_CONFIG"] = None  # no handler that other tests would hear
    values["PASSWORD_HASHERS"] = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.configure(**values)
    django.setup()


if not settings.configured:
    assert "DJANGO_SETTINGS_MODULE" not in os.environ
    _configure(Path(SCRATCH.name))
