"""How far the learner is: every chapter's exercises held against the progress file."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from course_lib.exercises.exercise import Exercise
from course_lib.exercises.progress import load


def chapters() -> dict[str, list[str]]:
    """Return the ids of all exercises, by chapter, from the check modules there are."""
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
