"""Which exercises are done: one small JSON file in the learner's own data folder.

Deleting it, or having it unreadable, harms nothing: the next check starts a new one.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from course_lib.settings import read_settings


def progress_file() -> Path:
    """Return where progress is kept; the file may not exist yet."""
    return read_settings().home / "progress.json"


def load() -> dict[str, str]:
    """Return the status of every exercise tried so far, by its id; empty if there is no file."""
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
    path = progress_file()
    known = load()
    if known.get(exercise) == "right":
        return None
    known[exercise] = status
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Written beside and moved into place: a crash leaves the old file whole.
        beside = path.with_suffix(f".{os.getpid()}.tmp")
        beside.write_text(json.dumps(known, indent=1, sort_keys=True), encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        return (
            f"Your progress could not be noted ({error.strerror}). "
            "Set COURSE_HOME to a folder that is yours."
        )
    return None


def reset() -> bool:
    """Forget all progress; return whether there was any."""
    path = progress_file()
    existed = path.exists()
    path.unlink(missing_ok=True)
    return existed


def chapters() -> dict[str, list[str]]:
    """Return the ids of all exercises, by chapter, from the check modules there are."""
    from importlib import import_module

    from course_lib.exercises.exercise import Exercise

    found: dict[str, list[str]] = {}
    for path in sorted(Path(__file__).parent.glob("ch[0-9][0-9].py")):
        module = import_module(f"course_lib.exercises.{path.stem}")
        ids = [item.id for item in vars(module).values() if isinstance(item, Exercise)]
        found[path.stem.removeprefix("ch")] = sorted(ids)
    return found


def report() -> list[list[str]]:
    """Return a row for each chapter: its number, how many are right, and what is open."""
    done = load()
    rows = []
    for chapter, ids in chapters().items():
        right = [name for name in ids if done.get(name) == "right"]
        rest = [f"{name} ({done[name]})" if name in done else name for name in ids]
        rest = [text for text, name in zip(rest, ids, strict=True) if name not in right]
        rows.append([chapter, f"{len(right)} of {len(ids)}", ", ".join(rest) or "all done"])
    return rows
