"""The command `python -m course_lib cleanup`: idle threads go, with a progress bar and a report."""

from __future__ import annotations

import argparse
import sys
from typing import TextIO

from course_lib.persistence.database_urls import CheckpointerError
from course_lib.persistence.databases import postgres
from course_lib.persistence.postgres_error import PostgresError
from course_lib.persistence.retention import RetentionError, cleanup

WIDTH = 30
"""How wide the bar is, in characters."""


class ProgressBar:
    """A bar on one line, for `cleanup(..., progress=ProgressBar())`.

    Args:
        out: where it is drawn. On anything but a terminal only the last state is printed.
    """

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stderr

    def __call__(self, done: int, total: int) -> None:
        """Draw the bar.

        Args:
            done: how many threads have been looked at.
            total: how many there are.
        """
        last = done >= total
        if not self._out.isatty() and not last:
            return
        full = WIDTH * done // max(1, total)
        bar = "#" * full + "." * (WIDTH - full)
        begin = "\r" if self._out.isatty() else ""
        end = "\n" if last else ""
        self._out.write(f"{begin}[{bar}] {done:,} of {total:,} threads{end}")
        self._out.flush()


def run(asked: argparse.Namespace) -> int:
    """Run the command and return its exit status: 0, or 1 where something refused.

    Args:
        asked: the arguments.
    """
    try:
        if asked.database:
            return _clean(asked.database, asked)
        with postgres() as server:
            return _clean(server.url, asked)
    except (ValueError, RetentionError, CheckpointerError, PostgresError) as error:
        sys.stderr.write(f"cleanup: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\ncleanup: stopped. Run it again to continue.\n")
        return 130


def _clean(url: str, asked: argparse.Namespace) -> int:
    report = cleanup(
        url,
        idle=asked.idle,
        keep=asked.keep,
        dry_run=asked.dry_run,
        limit=asked.limit,
        progress=ProgressBar(),
    )
    sys.stdout.write(f"{report}\n")
    return 0
