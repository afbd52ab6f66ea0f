"""The application for an ASGI server: `uvicorn course_lib.django_app.asgi:application`."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", f"{__package__}.settings")

from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application

from .body_limit import LimitBody

# Django serves the page's few files itself. Behind a proxy, let the proxy do it.
application = LimitBody(
    ASGIStaticFilesHandler(get_asgi_application()), settings.DATA_UPLOAD_MAX_MEMORY_SIZE
)
