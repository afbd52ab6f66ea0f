"""The cells of a solution notebook, whoever wrote it: read with care, or refused by name."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

FORMAT = 4
KINDS = ("code", "markdown", "raw")


@dataclass(frozen=True)
class SolutionCell:
    """One cell of a solution notebook.

    Args:
        named: its number and id, as an error names it.
        kind: `code`, `markdown` or `raw`.
        source: its text, with `\\n` at the end of each line on every system.
        tags: of the cell.
        grading: what nbgrader stores about the cell; empty if there is nothing.
        stored: the cell as parsed JSON.
    """

    named: str
    kind: str
    source: str
    tags: list[str]
    grading: dict[str, Any]
    stored: dict[str, Any]


def read_notebook(stored: bytes) -> dict[str, Any]:
    """Return a notebook file as parsed JSON.

    Raises:
        ValueError: the file holds no JSON in UTF-8.
    """
    try:
        return json.loads(stored.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError(f"the file is not UTF-8 ({error}). Save it again as UTF-8.") from error
    except json.JSONDecodeError as error:
        raise ValueError(
            f"the file is not JSON ({error}). Open it in JupyterLab, or restore it from git."
        ) from error


def cells_of(notebook: dict[str, Any]) -> list[SolutionCell]:
    """Return the cells of a notebook.

    What other tools leave out or write as `null` is read as empty: metadata, tags, a source.

    Args:
        notebook: as parsed JSON.

    Raises:
        ValueError: it is no notebook of format 4, or a cell holds something that no cell can.
    """
    if not isinstance(notebook, dict):
        raise ValueError(f"a notebook is a JSON object, and this is {_shown(notebook)}.")
    stored_format = notebook.get("nbformat", FORMAT)
    if stored_format != FORMAT or "worksheets" in notebook:
        raise ValueError(
            f"the notebook has format {_shown(stored_format)}, and the generator reads format "
            f"{FORMAT}. Convert it: jupyter nbconvert --to notebook --nbformat {FORMAT} FILE"
        )
    if not isinstance(notebook.get("cells"), list):
        raise ValueError(f"'cells' must be a list, and it is {_shown(notebook.get('cells'))}.")
    _object_of(notebook, "metadata", "the notebook")
    return [_read(cell, number) for number, cell in enumerate(notebook["cells"], 1)]


def _read(cell: Any, number: int) -> SolutionCell:
    if not isinstance(cell, dict):
        raise ValueError(f"cell {number} must be a JSON object, and it is {_shown(cell)}.")
    named = f"cell {number} ({cell.get('id', 'without an id')})"
    if cell.get("cell_type") not in KINDS:
        kind = _shown(cell.get("cell_type"))
        raise ValueError(f"{named} has the type {kind}. Write one of {', '.join(KINDS)}.")
    metadata = _object_of(cell, "metadata", named)
    tags = metadata.get("tags")
    tags = [] if tags is None else tags
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise ValueError(f"{named} has the tags {_shown(tags)}. Write a list of words.")
    source = cell.get("source")
    lines = source if isinstance(source, list) else [source or ""]
    if not all(isinstance(line, str) for line in lines):
        raise ValueError(f"{named} has the source {_shown(source)}. Write text or lines of text.")
    text = "".join(lines).replace("\r\n", "\n").replace("\r", "\n")
    grading = _object_of(metadata, "nbgrader", named)
    return SolutionCell(named, cell["cell_type"], text, tags, grading, cell)


def _object_of(holder: dict[str, Any], name: str, named: str) -> dict[str, Any]:
    """Return an object inside another, or an empty one if it is left out or `null`."""
    found = holder.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ValueError(f"{named}: {name!r} must be a JSON object, and it is {_shown(found)}.")
    return found


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
