"""Making `exercises/` from `solutions/`: the same notebooks with holes where the solutions were."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

from course_lib.exercises.exercise import BEGIN, END, HOLE
from course_lib.exercises.near_markers import looks_like_marker, looks_like_tag
from course_lib.settings import ROOT

NEAR_MARKER = re.compile(
    r"^[ \t]*#+[ \t]*(?:BEGIN|END|START|STOP)[ \t_-]*(?:OF[ \t]+)?"
    r"(?:MY[ \t]+|THE[ \t]+)?(?:SOLUTION|ANSWER|HIDDEN)S?\b",
    re.I,
)
"""A line that looks like a marker, whatever follows."""

SOLUTION_TAG = "solution"

MARKED = re.compile(
    rf"^(?P<indent>[ \t]*){re.escape(BEGIN)}\n.*?^[ \t]*{re.escape(END)}[ \t]*$", re.M | re.S
)


def exercise_of(solution: dict[str, Any]) -> dict[str, Any]:
    """Return the exercise notebook of a solution notebook.

    Code between the markers becomes a hole, code cells tagged `solution` become an empty cell to
    write in, Markdown cells with that tag go, and so does everything that running left behind.

    Args:
        solution: a notebook as parsed JSON; not changed.

    Raises:
        ValueError: a cell could publish an answer: a marker without a partner or misspelt, hidden
            tests, a cell that a person grades. The text names the cell.
    """
    made = copy.deepcopy(solution)
    cells = []
    for number, cell in enumerate(made["cells"], 1):
        tags = cell["metadata"].get("tags", [])
        source = "".join(cell["source"]).replace("\r\n", "\n").replace("\r", "\n")
        named = f"cell {number} ({cell.get('id', 'without an id')})"
        _refuse_what_publishes(named, source, cell)
        if SOLUTION_TAG in tags and cell["cell_type"] != "code":
            continue
        if cell["cell_type"] == "code":
            source = _holes(named, source)
            if SOLUTION_TAG in tags:
                source = "# your code here"
            cell["outputs"], cell["execution_count"] = [], None
            kept = [tag for tag in tags if tag not in (SOLUTION_TAG, "nbval-ignore-output")]
            metadata = {name: cell["metadata"][name] for name in KEPT if name in cell["metadata"]}
            cell["metadata"] = {**metadata, **({"tags": kept} if kept else {})}
        elif any(_is_near_marker(line, is_code=False) for line in source.splitlines()):
            raise ValueError(
                f"{named} is no code cell and holds a solution marker:\n{source}\nGive the cell "
                f"the tag {SOLUTION_TAG!r}, or take the marker out."
            )
        cell["source"] = source.splitlines(keepends=True)
        cells.append(cell)
    made["cells"] = cells
    for name in LEFT_BEHIND:
        made.get("metadata", {}).pop(name, None)
    return made


KEPT = ("nbgrader",)
"""The parts of a code cell's metadata that an exercise keeps, beside its tags."""

LEFT_BEHIND = ("widgets", "papermill", "execution")
"""The parts of a notebook's metadata that running it leaves behind: what a solution has shown."""


def _refuse_what_publishes(named: str, source: str, cell: dict[str, Any]) -> None:
    """Refuse a cell whose answer would stand in the exercise."""
    tags = cell["metadata"].get("tags", [])
    for tag in tags:
        if looks_like_tag(tag, SOLUTION_TAG):
            raise ValueError(f"{named} has the tag {tag!r}. Write {SOLUTION_TAG!r}.")
    grader = cell["metadata"].get("nbgrader") or {}
    if grader.get("solution") and SOLUTION_TAG not in tags and not MARKED.search(source):
        raise ValueError(
            f"{named} is a solution for nbgrader, which a person grades, and has no marker. Give "
            f"it the tag {SOLUTION_TAG!r}, or put {BEGIN} and {END} around the answer."
        )
    if grader.get("task") and SOLUTION_TAG not in tags:
        raise ValueError(
            f"{named} is a task for nbgrader, which a person grades by a mark scheme. Keep the "
            f"scheme in a file of its own, or give the cell the tag {SOLUTION_TAG!r}."
        )
    if cell["cell_type"] != "code":
        return
    for line in source.splitlines():
        if line.strip() not in (BEGIN, END) and _is_near_marker(line, is_code=True):
            raise ValueError(
                f"{named} has the line {line.strip()!r}. It looks like a marker and is none, so "
                f"what is behind it would be published. Write {BEGIN} and {END}, and keep hidden "
                "tests in a file of their own."
            )


def _is_near_marker(line: str, *, is_code: bool) -> bool:
    return bool(NEAR_MARKER.match(line)) or looks_like_marker(line, is_code=is_code)


def generate(root: Path = ROOT, *, force: bool = False) -> tuple[list[Path], list[Path]]:
    """Write `exercises/` again.

    A notebook in which somebody has run a cell is somebody's work, and is left alone.

    Args:
        root: the checkout; `solutions/` is read there.
        force: overwrite also notebooks that somebody has worked in.

    Returns:
        The files that changed, and those that were left alone though they differ.

    Raises:
        ValueError: a solution is no notebook, or could publish an answer. No file is changed then.
    """
    target = root / "exercises"
    target.mkdir(exist_ok=True)
    changed, kept = [], []
    wanted: dict[Path, str | None] = {}
    for path in sorted((root / "solutions").glob("*.ipynb")):
        try:
            solution = json.loads(path.read_text(encoding="utf-8-sig"))
            text = notebook_text(exercise_of(solution))
            text.encode("utf-8")
        except ValueError as error:
            raise ValueError(f"solutions/{path.name}: {error}") from error
        wanted[target / path.name] = text
    for path in target.glob("[0-9A][0-9]_*.ipynb"):  # those of a chapter that is gone
        wanted.setdefault(path, None)
    for path, text in wanted.items():
        stored = path.read_text(encoding="utf-8") if path.exists() else None
        if stored == text:
            continue
        if stored is not None and not force and _was_worked_in(stored):
            kept.append(path)
        elif text is None:
            path.unlink()
            changed.append(path)
        else:
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed, kept


def _was_worked_in(text: str) -> bool:
    """Whether a stored notebook was run, or cannot be read: a generated one never was."""
    try:
        cells = json.loads(text)["cells"]
        return any(cell.get("execution_count") or cell.get("outputs") for cell in cells)
    except (ValueError, KeyError, AttributeError):
        return True


def notebook_text(notebook: dict[str, Any]) -> str:
    """Return a notebook as the text it is stored as."""
    return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _holes(named: str, source: str) -> str:
    """Put a hole in the place of each marked part."""
    parts = [match[0] for match in MARKED.finditer(source)]
    made = MARKED.sub(lambda match: match["indent"] + HOLE, source)
    nested = any(part.count(BEGIN) > 1 for part in parts)
    if nested or BEGIN in made or END in made:
        raise ValueError(f"a solution marker has no partner in {named}:\n{source}")
    return made
