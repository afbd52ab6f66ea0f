"""Making `exercises/` from `solutions/`: the same notebooks with holes where the solutions were."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

from course_lib.exercises.exercise import BEGIN, END, HOLE
from course_lib.exercises.kept_metadata import kept_of_cell, kept_of_notebook
from course_lib.exercises.made_exercises import fingerprint, read_record, write_record
from course_lib.exercises.refused_cells import SOLUTION_TAG, refuse_what_publishes
from course_lib.exercises.solution_cells import SolutionCell, cells_of, read_notebook
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
        ValueError: it is no notebook, or a cell could publish an answer: a marker without a
            partner or misspelt, hidden tests, a cell that a person grades. The text names the cell.
    """
    cells = []
    for cell in cells_of(solution):
        refuse_what_publishes(cell, marked=bool(MARKED.search(cell.source)))
        if cell.kind == "code" or SOLUTION_TAG not in cell.tags:
            cells.append(_cell_of(cell))
    made = {name: solution[name] for name in ("nbformat", "nbformat_minor") if name in solution}
    return {**made, "cells": cells, "metadata": kept_of_notebook(solution.get("metadata") or {})}


def _cell_of(cell: SolutionCell) -> dict[str, Any]:
    """Return the exercise's cell for a cell of the solution."""
    made = {"id": cell.stored["id"]} if "id" in cell.stored else {}
    made |= {"cell_type": cell.kind}
    made |= {"metadata": kept_of_cell(cell.stored.get("metadata") or {}, cell.tags)}
    source = cell.source
    if cell.kind == "code":
        source = _holes(cell.named, source)
        source = "# your code here" if SOLUTION_TAG in cell.tags else source
        made |= {"outputs": [], "execution_count": None}
    elif cell.stored.get("attachments"):
        made |= {"attachments": cell.stored["attachments"]}
    return copy.deepcopy({**made, "source": source.splitlines(keepends=True)})


def generate(root: Path = ROOT, *, force: bool = False) -> tuple[list[Path], list[Path]]:
    """Write `exercises/` again.

    A notebook in which somebody has typed or run something is somebody's work, and is left alone.

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
    made = read_record(root)
    for path, text in _wanted(root, target).items():
        stored = path.read_bytes().decode("utf-8", "replace") if path.exists() else None
        stored = stored and stored.replace("\r\n", "\n")
        if stored != text:
            as_made = stored is not None and fingerprint(stored) == made.get(path.name, "unknown")
            if stored is not None and not as_made and not force:
                kept.append(path)
                continue
            if text is None:
                path.unlink()
            else:
                path.write_text(text, encoding="utf-8")
            changed.append(path)
        if text is None:
            made.pop(path.name, None)
        else:
            made[path.name] = fingerprint(text)
    write_record(root, made)
    return changed, kept


def _wanted(root: Path, target: Path) -> dict[Path, str | None]:
    """Return the text of each exercise file, or None for one whose chapter is gone."""
    wanted: dict[Path, str | None] = {}
    for path in sorted((root / "solutions").glob("*.ipynb")):
        try:
            text = notebook_text(exercise_of(read_notebook(path.read_bytes())))
            text.encode("utf-8")
        except ValueError as error:
            raise ValueError(f"solutions/{path.name}: {error}") from error
        wanted[target / path.name] = text
    for path in sorted(target.glob("[0-9A][0-9]_*.ipynb")):
        wanted.setdefault(path, None)
    return wanted


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
