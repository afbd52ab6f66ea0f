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


def generate(root: Path = ROOT) -> list[Path]:
    """Write `exercises/` anew and return the files that changed.

    Args:
        root: the checkout; `solutions/` is read there.
    """
    target = root / "exercises"
    target.mkdir(exist_ok=True)
    changed = []
    wanted = {}
    for path in sorted((root / "solutions").glob("*.ipynb")):
        solution = json.loads(path.read_text(encoding="utf-8"))
        wanted[target / path.name] = notebook_text(exercise_of(solution))
    for path, text in wanted.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    for path in target.glob("*.ipynb"):
        if path not in wanted:
            path.unlink()
            changed.append(path)
    return changed


def notebook_text(notebook: dict[str, Any]) -> str:
    """Return a notebook as the text it is stored as."""
    return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _holes(source: str) -> str:
    made = MARKED.sub(lambda match: match["indent"] + HOLE, source)
    if BEGIN in made or END in made:
        raise ValueError(f"a solution marker has no partner in this cell:\n{source}")
    return made
