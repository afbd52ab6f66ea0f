"""Refuse a Python that is too old, in words that even Python 2 can read. Called by the Makefile."""

import sys

NEEDED = (3, 11)

if sys.version_info < NEEDED:
    sys.stderr.write(
        "namu: this is Python %d.%d (%s), and the course needs %d.%d or newer.\n"
        "Install one, then name it, as in: make lab PYTHON=python3.12\n"
        % (sys.version_info[:2] + (sys.executable,) + NEEDED)
    )
    sys.exit(1)
