"""Making `exercises/` from `solutions/`: the same notebooks with holes where the solutions were."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

from course_lib.exercises.exercise import BEGIN, END, HOLE
from course_lib.settings import ROOT

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
        ValueError: a marker has no partner; the text shows the cell.
    """
    made = copy.deepcopy(solution)
    cells = []
    for cell in made["cells"]:
        tags = cell["metadata"].get("tags", [])
        if "solution" in tags and cell["cell_type"] != "code":
            continue
        if cell["cell_type"] == "code":
            source = _holes("".join(cell["source"]))
            if "solution" in tags:
                source = "# your code here"
            cell["source"] = source.splitlines(keepends=True)
            cell["outputs"], cell["execution_count"] = [], None
            kept = [tag for tag in tags if tag not in ("solution", "nbval-ignore-output")]
            cell["metadata"] = {"tags": kept} if kept else {}
        cells.append(cell)
    made["cells"] = cells
    return made


def generate(root: Path = ROOT, *, force: bool = False) -> tuple[list[Path], list[Path]]:
    """Write `exercises/` anew.

    A notebook in which somebody has run a cell is somebody's work, and is left alone.

    Args:
        root: the checkout; `solutions/` is read there.
        force: overwrite also notebooks that somebody has worked in.

    Returns:
        The files that changed, and those that were left alone though they differ.
    """
    target = root / "exercises"
    target.mkdir(exist_ok=True)
    changed, kept = [], []
    wanted: dict[Path, str | None] = {}
    for path in sorted((root / "solutions").glob("*.ipynb")):
        solution = json.loads(path.read_text(encoding="utf-8"))
        wanted[target / path.name] = notebook_text(exercise_of(solution))
    for path in target.glob("[0-9][0-9]_*.ipynb"):  # those of a chapter that is gone
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


def _holes(source: str) -> str:
    made = MARKED.sub(lambda match: match["indent"] + HOLE, source)
    if BEGIN in made or END in made:
        raise ValueError(f"a solution marker has no partner in this cell:\n{source}")
    return made
