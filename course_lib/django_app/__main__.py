"""Django's command line with the settings of this project: what `manage.py` is elsewhere."""

from __future__ import annotations

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", f"{__package__}.settings")
    execute_from_command_line([f"python -m {__package__}", *sys.argv[1:]])
