"""Which exercises are done: one small JSON file in the learner's own data folder.

Deleting it, or having it unreadable, harms nothing: the next check starts a new one.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from course_lib.settings import SettingsError, read_home


def progress_file() -> Path:
    """Return where progress is kept; the file may not exist yet."""
    return read_home() / "progress.json"


def load() -> dict[str, str]:
    """Return the status of every exercise tried so far, by its id.

    Empty if there is no file, or none that can be read and understood.
    """
    try:
        found = json.loads(progress_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def record(exercise: str, status: str) -> str | None:
    """Note an exercise's status; once right, it stays right.

    Returns:
        None, or a sentence for the learner on why it could not be noted.
    """
    try:
        path = progress_file()
        known = load()
        if known.get(exercise) == "right":
            return None
        known[exercise] = status
        path.parent.mkdir(parents=True, exist_ok=True)
        # Written beside and moved into place: a crash leaves the old file whole.
        beside = path.with_suffix(f".{os.getpid()}.tmp")
        beside.write_text(json.dumps(known, indent=1, sort_keys=True), encoding="utf-8")
        beside.replace(path)
    except (OSError, SettingsError) as error:
        return f"Your progress could not be noted: {error}. Set COURSE_HOME to a folder of yours."
    return None


def reset() -> bool:
    """Forget all progress; return whether there was any."""
    path = progress_file()
    existed = path.exists()
    path.unlink(missing_ok=True)
    return existed
