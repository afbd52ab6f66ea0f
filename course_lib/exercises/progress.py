"""Which exercises are done: one small JSON file in the learner's own data folder.

Deleting it, or having it unreadable, harms nothing: the next check starts a new one.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from course_lib.settings import SettingsError, read_home

NEW_NUMBERS = {
    "ch03": "ch04",
    "ch04": "ch05",
    "ch05": "ch06",
    "ch06": "ch07",
    "ch07": "ch08",
    "ch14": "ch15",
    "ch17": "ch20",
}
"""The chapters that got another number when chapter 03 was written, by their old name."""

MOVED = {
    "ch03.e3": "chA3.e1",
    "ch03.e4": "chA3.e2",
    "ch14.e2": "ch16.e3",
    "ch14.e4": "ch16.e4",
}
"""Exercises that went to another chapter than the rest of theirs, by their old id."""

CARRIED = {"ch15.e2": "ch16.e3", "ch15.e4": "ch16.e4"}
"""Exercises that went to another chapter after the numbers changed, by their id before that."""


def progress_file() -> Path:
    """Return where progress is kept; the file may not exist yet."""
    return read_home() / "progress_by_chapter.json"


def _old_file() -> Path:
    """Where progress was kept while the chapters had their old numbers."""
    return read_home() / "progress.json"


def load() -> dict[str, str]:
    """Return the status of every exercise tried so far, by its id.

    Progress under the old numbers counts until something is noted under the new ones. Empty if
    there is no file, or none that can be read and understood.
    """
    if progress_file().exists():
        known = _read(progress_file())
        moved = {new: known[old] for old, new in CARRIED.items() if old in known}
        return {**moved, **known}
    old = _read(_old_file())
    return {_new_id(name): status for name, status in old.items()}


def _new_id(old: str) -> str:
    """What an exercise is called today."""
    return MOVED.get(old, NEW_NUMBERS.get(old[:4], old[:4]) + old[4:])


def _read(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
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
    existed = False
    for path in (progress_file(), _old_file()):
        existed = existed or path.exists()
        path.unlink(missing_ok=True)
    return existed
