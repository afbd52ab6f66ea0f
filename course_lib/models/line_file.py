"""Files of JSON lines, which processes append to and may be killed at: writing and reading them."""

from __future__ import annotations

import errno
import json
import os
import stat
import threading
from io import FileIO
from pathlib import Path
from typing import Any


class LineFile:
    """Appends lines to a file; several processes may append to the same one.

    A line is one call of the system, so lines do not mix. A process that is killed and a full disk
    can leave half a line all the same: what comes next begins on a line of its own. A file that was
    moved away or removed, as logrotate does it, is made again.

    Args:
        path: of the file.
        mode: its permissions if it is made; the umask applies.
    """

    def __init__(self, path: Path, mode: int = 0o600) -> None:
        self._path, self._mode = path, mode
        self._lock = threading.Lock()
        self._file = self._open()

    def write(self, line: str) -> None:
        """Append a line.

        Args:
            line: with the line break at its end.

        Raises:
            OSError: the disk does not take it, or takes only a part of it.
        """
        data = line.encode()
        with self._lock:
            if self._was_moved():
                new = self._open()
                self._close()
                self._file = new
            if self._ends_in_half_a_line():
                data = b"\n" + data
            if self._file.write(data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))

    def flush(self) -> None:
        """Do nothing: whatever was written has left this process."""

    def close(self) -> None:
        """Have the disk keep what was written, and close the file; harmless a second time.

        Raises:
            OSError: the disk does not keep it.
        """
        with self._lock:
            self._close()

    def _open(self) -> FileIO:
        def open_with_mode(path: str, flags: int) -> int:
            return os.open(path, flags, self._mode)

        return open(self._path, "ab+", buffering=0, opener=open_with_mode)

    def _close(self) -> None:
        if self._file.closed:
            return
        try:
            if self._is_regular():
                os.fsync(self._file.fileno())
        finally:
            self._file.close()

    def _is_regular(self) -> bool:
        return stat.S_ISREG(os.fstat(self._file.fileno()).st_mode)

    def _was_moved(self) -> bool:
        try:
            return not os.path.samestat(os.stat(self._path), os.fstat(self._file.fileno()))
        except FileNotFoundError:
            return True

    def _ends_in_half_a_line(self) -> bool:
        """Whether the last byte is no line break; a pipe and a device have no last byte."""
        if not self._is_regular() or not self._file.seek(0, os.SEEK_END):
            return False
        self._file.seek(-1, os.SEEK_END)
        return self._file.read(1) not in (b"\n", b"")


class Lines(list[dict[str, Any]]):
    """The lines of a file.

    Args:
        lines: those that are whole.
        torn: the numbers of the half lines, which are left out; the first line is 1.
    """

    def __init__(self, lines: list[dict[str, Any]], torn: tuple[int, ...] = ()) -> None:
        super().__init__(lines)
        self.torn = torn


def read_lines(path: Path) -> Lines:
    """Return the lines of a file of JSON objects, without those that are only half written.

    Args:
        path: of the file.

    Raises:
        ValueError: a line is neither a JSON object nor the beginning of one.
    """
    whole, torn = [], []
    text = path.read_text(
        encoding="utf-8", errors="replace"
    )  # half a line may end in half a letter
    for number, line in enumerate(text.split("\n"), start=1):
        if not line:
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict):
            whole.append(found)
        elif line.startswith("{"):
            torn.append(number)
        else:
            raise ValueError(
                f"Line {number} of {path} is no JSON object. Give a log that this course writes."
            )
    return Lines(whole, tuple(torn))
